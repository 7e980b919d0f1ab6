"""What FHIR references refer to: keys without the type in front. Arrays only, no files.

A reference of a resource is relative (``Patient/1``), also to a version (``Patient/1/_history/2``); absolute
(``https://…/fhir/Patient/1``); ``urn:uuid:…``, in Bundles; a search (``Patient?identifier=system|value``),
which says no id; or leads to what is inside the resource itself (``#p1``), which is in no table.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

#: What the columns of references end in, and those of their keys.
REFERENCE, KEY = ".reference", ".key"

_PARTS = (
    r"^(?:(?P<base>[a-z][a-z0-9+.-]*://[^\s?#]*?)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<key>[A-Za-z0-9.\-_]{1,128})"
    r"(?:/_history/[A-Za-z0-9.\-]+)?/?(?:#.*)?$"
)
_SEARCH = r"^(?P<type>[A-Z][A-Za-z]+)\?identifier=(?P<system>[^|&]*?)(?:\||%7[Cc])(?P<value>[^|&\s]+)$"
_URN = r"^urn:(?:uuid|oid):(?P<key>[^\s#]+)(?:#.*)?$"


class References(NamedTuple):
    """The references of a column, a value per row; null for what refers to no resource of a table.

    Attributes
    ----------
    key : pyarrow.Array
        The id of the resource.
    type : pyarrow.Array
        Its type; null with a key where the reference does not say it (``urn:uuid:…``).
    bases : tuple of str
        The addresses of servers that stand before absolute ones.
    """

    key: pa.Array
    type: pa.Array
    bases: tuple[str, ...]

    @classmethod
    def of(cls, column: pa.ChunkedArray, base: str | None = None) -> References:
        """Return what the values of `column` refer to.

        Absolute ones below `base` have a key. Without one, those have it where only one address is there:
        ids are those of one server.
        """
        coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        parts = pc.extract_regex(coded.dictionary, _PARTS)
        before = pc.fill_null(pc.if_else(parts.is_valid(), parts.field("base"), ""), "")
        bases = tuple(address for address in pc.unique(before).to_pylist() if address)
        own = base.rstrip("/") if base else (bases[0] if len(bases) == 1 else "")
        is_own = pc.and_(parts.is_valid(), pc.is_in(before, pa.array(["", own])))
        nothing = pa.scalar(None, pa.string())
        urn = pc.extract_regex(coded.dictionary, _URN)
        no_type = pc.if_else(urn.is_valid(), urn.field("key"), nothing)
        key = pc.if_else(is_own, parts.field("key"), no_type)
        kind = pc.if_else(is_own, parts.field("type"), nothing)
        return cls(key.take(coded.indices), kind.take(coded.indices), bases)

    def to(self, target: str) -> pa.Array:
        """Return the keys of those that refer to the type `target`, or may do so; null for the others."""
        fits = pc.fill_null(pc.equal(self.type, target), fill_value=True)
        return pc.if_else(fits, self.key, pa.scalar(None, pa.string()))

    def targets(self) -> dict[str, int]:
        """Return the types that they say, and how many refer to each."""
        counted = pc.value_counts(self.type.drop_null()).to_pylist()
        return {row["values"]: row["counts"] for row in sorted(counted, key=lambda row: -row["counts"])}


def searched(column: pa.ChunkedArray, target: str) -> pa.Array:
    """Return ``system|value`` of references that search for one: ``Practitioner?identifier=system|value``."""
    text = column.cast(pa.string()).combine_chunks()
    parts = pc.extract_regex(text, _SEARCH)
    told = pc.binary_join_element_wise(parts.field("system"), parts.field("value"), "|")
    is_told = pc.fill_null(pc.and_(parts.is_valid(), pc.equal(parts.field("type"), target)), fill_value=False)
    return pc.if_else(is_told, told, pa.scalar(None, pa.string()))


def reference_columns(schema: pa.Schema) -> list[str]:
    """Return the columns that hold references, by their names without ``.reference``."""
    return [
        field.name.removesuffix(REFERENCE)
        for field in schema
        if field.name.endswith(REFERENCE) and (pa.types.is_string(field.type) or pa.types.is_null(field.type))
    ]


def keyed(table: pa.Table, base: str | None = None) -> pa.Table:
    """Return `table` with the keys of each column of references beside it: ``subject.key``."""
    for name in reference_columns(table.schema):
        if f"{name}{KEY}" not in table.column_names:
            place = table.column_names.index(f"{name}{REFERENCE}")
            keys = References.of(table.column(place), base).key
            table = table.add_column(place + 1, f"{name}{KEY}", keys)
    return table
