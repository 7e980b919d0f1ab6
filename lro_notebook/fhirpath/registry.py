"""The registry: every function of FHIRPath by its name, from the modules that define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.fhirpath import (
    collection_functions,
    conversion_functions,
    fhir_functions,
    number_functions,
    text_functions,
)

if TYPE_CHECKING:
    from lro_notebook.fhirpath.function import Function

_MODULES = (
    collection_functions,
    text_functions,
    number_functions,
    conversion_functions,
    fhir_functions,
)
#: Every function, by its name.
FUNCTIONS: dict[str, Function] = {row.name: row for module in _MODULES for row in module.ROWS}
