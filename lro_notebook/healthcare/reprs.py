"""What a dataset, a store and a list of stores show of themselves: what they are, and what to type next.

Pure: no request is sent for it; whoever lists the stores sees how many there are.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from lro_notebook.jupyter.card_html import quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from lro_notebook.healthcare.store import Store

    class _Printer(Protocol):
        def text(self, text: str) -> None: ...


#: What the stores hold, by the method of `Dataset` that returns one.
_KINDS = {"fhir_store": "FHIR", "dicom_store": "DICOM", "hl7v2_store": "HL7v2", "consent_store": "consent"}
_MOVED = ('store.import_from("gs://…")', 'store.export_to("gs://…")')
_FOLLOWING = {"consent_store": ('store.query_accessible_data("gs://…")', "store.exists()")}
_LEFT = 'style="text-align:left"'  # JupyterLab aligns all cells on the right
_EMPTY = 'No stores. Next: ds.fhir_store("demo").create()'


def kind_of(store: Store) -> str:
    """Return what a store holds, in a word."""
    return _KINDS[store.maker]


def dataset_html(name: str, note: str) -> str:
    """Return a dataset where it is, and what lists what is in it."""
    *above, _ = _branches(name)
    return tree(
        f"Dataset {name.rpartition('/')[2]}",
        above,
        ("ds.stores()", "ds.operations()", 'ds.fhir_store("…")'),
        note,
    )


def store_html(store: Store, note: str) -> str:
    """Return a store where it is, and what moves data into and out of it."""
    above = _branches(store.name.rpartition(f"/{store.collection}/")[0])
    return tree(f"{kind_of(store)} store {store.id}", above, _FOLLOWING.get(store.maker, _MOVED), note)


def _branches(name: str) -> list[str]:
    """Return the parts of the name of a dataset in words: ``project p``, ``location l``, ``dataset d``."""
    parts = name.split("/")
    kinds = (kind.removesuffix("s") for kind in parts[::2])
    return [f"{kind} {identifier}" for kind, identifier in zip(kinds, parts[1::2], strict=True)]


def tree(title: str, branches: Sequence[str], following: Iterable[str], note: str = "") -> str:
    """Return a title, the branches each below the one before, and the lines to type next, as HTML."""
    inner = ""
    for branch in reversed(branches):
        inner = f'<ul style="margin:0;padding-left:1.5em"><li>{escape(branch)}{inner}</li></ul>'
    after = f" {quiet(f'· {escape(note)}', tag='span')}" if note else ""
    lines = " · ".join(f"<code>{escape(line)}</code>" for line in following)
    return f"<div><strong>{escape(title)}</strong>{after}{inner}{quiet('Next:', tag='span')} {lines}</div>"


def call_of(store: Store) -> str:
    """Return what makes a handle of a store."""
    return f'ds.{store.maker}("{store.id}")'


class Stores(list["Store"]):
    """The stores of a dataset: a list, which shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{escape(_EMPTY, quote=False)}</p>"
        rows = "".join(
            f"<tr><td {_LEFT}>{kind_of(store)}</td><td {_LEFT}>{escape(store.id)}</td>"
            f"<td {_LEFT}><code>{escape(call_of(store), quote=False)}</code></td></tr>"
            for store in self
        )
        head = "".join(f"<th {_LEFT}>{name}</th>" for name in ("kind", "id", "to type"))
        return f"<p>{self._counts()}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:  # noqa: FBT001 - as IPython calls it
        del cycle  # a store holds no list
        if not self:
            printer.text(_EMPTY)
            return
        widest = max(len(store.id) for store in self)
        lines = [f"{kind_of(store):<7} {store.id:<{widest}} {call_of(store)}" for store in self]
        printer.text("\n".join([self._counts(), *lines]))

    def _counts(self) -> str:
        counted = Counter(map(kind_of, self))
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in counted.items())
        return f"{len(self):,} {'store' if len(self) == 1 else 'stores'}: {kinds}"
