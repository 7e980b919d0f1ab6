"""Dialects: all of FHIRPath that the engine has, or the subset that SQL on FHIR defines for views."""

from __future__ import annotations

from dataclasses import dataclass, field

from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import Literal

_VARIABLES = frozenset({"resource", "rootResource", "context"})
_URLS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
_FHIR = "http://hl7.org/fhir"
_PREFIXES = {"vs-": f"{_FHIR}/ValueSet/", "ext-": f"{_FHIR}/StructureDefinition/"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What an expression may use.

    Attributes
    ----------
    functions : frozenset of str
        Functions that it may call.
    variables : frozenset of str
        Names after ``%`` whose value is known only at run time.
    dollars : frozenset of str
        The ``$`` variables besides ``$this``, set while a function iterates over elements.
    full : bool
        Whether it has types at the start of paths (``Patient.name``), quantities (``4 days``) and the
        constants of FHIR (``%loinc``).
    name : str
        Words for messages: "there are", "views have".
    """

    functions: frozenset[str]
    variables: frozenset[str]
    dollars: frozenset[str] = field(default_factory=frozenset)
    full: bool = False
    name: str = "views have"

    @property
    def listed(self) -> str:
        """Return where the functions are listed, for messages."""
        if self.full:
            return "docs/fidelity.md lists them"
        return f"there are {', '.join(sorted(self.functions))}"

    def constant(self, name: str) -> Literal | None:
        """Return the value that FHIR defines for ``%name``."""
        if not self.full:
            return None
        if name in _URLS:
            return Literal(_URLS[name], "String")
        for prefix, url in _PREFIXES.items():
            if name.startswith(prefix):
                return Literal(url + name.removeprefix(prefix), "String")
        return None


FHIRPATH = Dialect(
    functions=frozenset(name for name, row in FUNCTIONS.items() if row.standard),
    variables=_VARIABLES,
    dollars=frozenset({"$index", "$total"}),
    full=True,
    name="there are",
)
VIEWS = Dialect(
    functions=frozenset(name for name, row in FUNCTIONS.items() if row.views),
    variables=_VARIABLES | {"rowIndex"},
)
