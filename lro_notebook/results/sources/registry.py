"""Which source reads which kind of shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.results.formats.dicom import read_instances
from lro_notebook.results.formats.fhir_ndjson import read_resources
from lro_notebook.results.formats.hl7v2 import read_messages
from lro_notebook.results.formats.id_lists import read_ids
from lro_notebook.results.sources.bigquery import read_tables
from lro_notebook.results.sources.store import read_listed, read_searched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.results.arrow.batch import Source
    from lro_notebook.results.table import Work


_SOURCES: Mapping[str, Source] = {
    "resources": read_resources,
    "messages": read_messages,
    "instances": read_instances,
    "ids": read_ids,
    "bigquery": read_tables,
    "searched": read_searched,
    "listed": read_listed,
}


def source_of(kind: str) -> Source:
    """Return what reads shards of `kind`, a word of `files.Shard`."""
    return _SOURCES[kind]


def has_inner_tables(work: Work) -> bool:
    """Tell whether tables with names of their own are read with the main table of `work`."""
    return work.options.lists == "explode" or work.shards[0].kind in ("messages", "listed")
