"""Lists of resources in bucket objects: ``{type}/{id}`` on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.core import objects
from lro_notebook.local.core.resource_names import is_fhir_id, is_resource_type
from lro_notebook.local.core.service_errors import invalid_argument

if TYPE_CHECKING:
    from lro_notebook.local.core.buckets import Location
    from lro_notebook.local.operations.method import Job


def read_names(job: Job, location: Location) -> frozenset[str]:
    """Return the names in the objects at `location`, one on each line."""
    listed: set[str] = set()
    for uri, path in job.buckets.match(location):
        for number, line in enumerate(objects.read_object(path).split(b"\n"), 1):
            text = line.strip().decode(errors="replace")
            if text and not is_name(text):
                raise invalid_argument(f"{uri}:{number}: expected a resource such as Patient/1234")
            listed.add(text)
    return frozenset(listed - {""})


def is_name(text: str) -> bool:
    """Tell whether a text names a resource, such as ``Patient/1234``."""
    type_, slash, identifier = text.partition("/")
    return bool(slash and is_resource_type(type_) and is_fhir_id(identifier))
