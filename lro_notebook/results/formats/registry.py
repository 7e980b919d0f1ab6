"""The formats that are known, in the order in which they are asked whether a file is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.results.formats.avro.reader import AVRO
from lro_notebook.results.formats.delimited.reader import DELIMITED
from lro_notebook.results.formats.dicom.reader import DICOM
from lro_notebook.results.formats.fhir.json import FHIR_JSON
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.formats.hl7v2.reader import HL7V2
from lro_notebook.results.formats.id_lists import ID_LISTS
from lro_notebook.results.formats.json.documents import JSON_DOCUMENTS
from lro_notebook.results.formats.json.lines import JSON_LINES
from lro_notebook.results.formats.parquet.reader import PARQUET

if TYPE_CHECKING:
    from lro_notebook.results.formats.format import Format

FORMATS: tuple[Format, ...] = (
    FHIR_NDJSON,
    FHIR_JSON,
    DICOM,
    HL7V2,
    ID_LISTS,
    PARQUET,
    AVRO,
    JSON_LINES,
    JSON_DOCUMENTS,
    DELIMITED,
)
#: What a file is read as that the user named, and that none of them knows.
OTHER = JSON_LINES


def format_written_by(collection: str) -> Format | None:
    """Return the format of all that operations of this collection of stores write; None if that varies."""
    return next((each for each in FORMATS if each.written_by == collection), None)
