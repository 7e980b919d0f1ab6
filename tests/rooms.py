"""The plan of the house: its rooms, which may import which, and the imports that go up."""

from __future__ import annotations

from typing import NamedTuple

#: Room -> the rooms that it may import at run time, imports inside functions included; from the ground up.
ROOMS: dict[str, set[str]] = {
    "warned": set(),
    "errors": {"warned"},
    "forking": set(),
    "globs": set(),
    "dicom_parts": set(),
    "keywords": set(),
    "http": {"errors", "forking"},
    "operations": {"errors", "forking", "http", "keywords"},
    "fhirpath": {"errors"},
    "results": {"dicom_parts", "errors", "forking", "globs", "http", "operations"},
    "views": {"errors", "fhirpath", "results"},
    "reports": {"errors", "http", "operations", "results"},
    "jupyter": {"errors", "forking", "operations"},
    "healthcare": {"errors", "keywords", "http", "operations", "results", "jupyter"},
    "api": {
        "errors",
        "keywords",
        "forking",
        "http",
        "operations",
        "results",
        "views",
        "reports",
        "jupyter",
        "healthcare",
        "local.launch",
        "local.identity",
    },
    "testing": {
        "errors",
        "forking",
        "http",
        "operations",
        "healthcare",
        "api",
        "local",
        "local.launch",
        "local.identity",
    },
    "__init__": {"errors", "operations", "healthcare", "api", "local"},
    # Beside the house, a server. Its launcher, and what copies files for it, are client code.
    "local.identity": {"errors", "http"},
    "local.launch": {"errors", "local.identity"},
    "local.core": {"errors", "globs"},
    "local.own_files": {"errors", "local.launch", "local.core", "results"},
    "local.operations": {"errors", "operations", "local.core"},
    "local.discovery": {"errors", "local.core"},
    "local.datasets": {"errors", "local.core", "local.operations", "local.discovery"},
    "local.http": {
        "errors",
        "operations",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.identity",
    },
    "local.fhir": {
        "errors",
        "operations",
        "fhirpath",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.http",
    },
    "local.dicom": {
        "dicom_parts",
        "errors",
        "operations",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.http",
    },
    "local.hl7v2": {
        "errors",
        "operations",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.http",
    },
    "local.notifications": {
        "errors",
        "local.core",
        "local.identity",
        "local.operations",
        "local.datasets",
        "local.hl7v2",
    },
    "local.consent": {
        "errors",
        "operations",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.http",
    },
    "local.sample": {"errors"},
    "local": {
        "errors",
        "operations",
        "local.launch",
        "local.own_files",
        "local.identity",
        "local.core",
        "local.operations",
        "local.datasets",
        "local.discovery",
        "local.http",
        "local.fhir",
        "local.dicom",
        "local.hl7v2",
        "local.consent",
        "local.notifications",
        "local.sample",
    },
}


class Seam(NamedTuple):
    """An import that goes up, inside a function, and why."""

    module: str
    imports: str
    why: str


SEAMS = [
    Seam("errors", "jupyter.tracebacks", "how IPython shows an error"),
    Seam("operations.data", "results.load", "op.load()"),
    Seam("operations.data", "reports.failures", "op.failures()"),
    Seam("operations.data", "reports.frames", "op.history"),
    Seam("operations.operation", "jupyter.notebook", "the display methods of a handle"),
    Seam("operations.client", "jupyter.notebook", "what was started shows its card"),
    Seam("operations.client", "results.places", "the places that a start request names for output"),
    Seam("operations.data", "reports.outputs", "op.outputs"),
    Seam("operations.waiting", "jupyter.notebook", "a wait is shown, and lets clicks through"),
    Seam("results.results", "views.scan", "results.view(…)"),
    Seam("results.results", "views.events", "results.events(…)"),
    Seam("results.databases.write", "views.view", "results.to_sqlite(…, views=…)"),
    Seam("results.told", "jupyter.notebook", "whether a notebook shows what the results say of themselves"),
    Seam("results.progress_bar", "jupyter.notebook", "whether a notebook is there to show the bar"),
    Seam("results.progress_bar", "jupyter.terminal", "whether a terminal wants bars"),
]
