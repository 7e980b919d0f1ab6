"""Which source reads which kind of shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.frames.dicom import read_instances
from lro_notebook.frames.hl7v2 import read_messages
from lro_notebook.frames.resources import read_resources

if TYPE_CHECKING:
    from lro_notebook.frames.chunks import Source
    from lro_notebook.frames.table import Work


def source_of(kind: str) -> Source:
    """Return what reads shards of `kind`, a word of `files.Shard`."""
    return {"resources": read_resources, "messages": read_messages, "instances": read_instances}[kind]


def has_inner_tables(work: Work) -> bool:
    """Tell whether tables with names of their own are read with the main table of `work`."""
    return work.options.lists == "explode" or work.shards[0].kind == "messages"
