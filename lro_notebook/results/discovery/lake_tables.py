"""Folders that are tables of Delta Lake, Iceberg or Hudi: their files alone are not the table. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_DELTA = "a Delta table", "deltalake.DeltaTable(place).to_pandas()"
_HUDI = "a Hudi table", "hudi.HudiTable(place)"
_ICEBERG = "an Iceberg table", "pyiceberg.table.StaticTable.from_metadata(metadata file)"


def note_of(folders: Collection[str], place: str) -> str:
    """Return what people should know of a place with these `folders`; empty for nothing."""
    if "_delta_log" in folders:
        kind, reader = _DELTA
    elif ".hoodie" in folders:
        kind, reader = _HUDI
    elif {"data", "metadata"} <= set(folders):
        kind, reader = _ICEBERG
    else:
        return ""
    return (
        f"{place} looks like {kind}: all files there are read, also those of older versions, with rows that "
        f"were deleted; {reader} reads what is in it now"
    )
