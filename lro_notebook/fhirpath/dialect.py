"""What an expression may use: all of FHIRPath that the engine has, or what SQL on FHIR leaves to views."""

from __future__ import annotations

from dataclasses import dataclass, field

from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import Literal

_SAME_FOR_ALL = frozenset({"resource", "rootResource", "context"})
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
        The functions that it may call.
    variables : frozenset of str
        Names behind ``%`` that are known only at run time.
    dollars : frozenset of str
        What stands for something while a function goes over elements, beside ``$this``.
    whole : bool
        Types in front of paths (``Patient.name``, anywhere), quantities (``4 days``) and the constants of
        FHIR (``%loinc``).
    name : str
        Who has it, for messages.
    """

    functions: frozenset[str]
    variables: frozenset[str]
    dollars: frozenset[str] = field(default_factory=frozenset)
    whole: bool = False
    name: str = "views have"

    @property
    def listed(self) -> str:
        """Return where to find the functions, for messages."""
        if self.whole:
            return "docs/fidelity.md lists those that there are"
        return f"there are {', '.join(sorted(self.functions))}"

    def constant(self, name: str) -> Literal | None:
        """Return what FHIR defines ``%name`` to be."""
        if not self.whole:
            return None
        if name in _URLS:
            return Literal(_URLS[name], "String")
        for prefix, url in _PREFIXES.items():
            if name.startswith(prefix):
                return Literal(url + name.removeprefix(prefix), "String")
        return None


FHIRPATH = Dialect(
    functions=frozenset(name for name, row in FUNCTIONS.items() if row.standard),
    variables=_SAME_FOR_ALL,
    dollars=frozenset({"$index", "$total"}),
    whole=True,
    name="there are",
)
VIEWS = Dialect(
    functions=frozenset(name for name, row in FUNCTIONS.items() if row.views),
    variables=_SAME_FOR_ALL | {"rowIndex"},
)
