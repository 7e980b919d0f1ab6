"""Which fields of the resources the compiled paths read, so that only those are parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from lro_notebook.fhirpath.fhir_types import PRIMITIVES, SUFFIXES, choice_keys, choice_type
from lro_notebook.fhirpath.function import ITS_TYPE, PROJECTED
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import Binary, Call, Expr, Index, Path, This, Unary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.fhirpath.function import Function


class Needs:
    """A tree of field names; `choices` are names that may stand for the fields of a choice element.

    `beside` says that, of a primitive element, its id or extensions matter, or at least whether it has any:
    they are in a field beside it, ``_birthDate``. `complex` says that it is of a type that is not primitive.
    """

    def __init__(self) -> None:
        self.fields: dict[str, Needs] = {}
        self.choices: dict[str, Needs] = {}
        self.beside = self.complex = False

    def child(self, name: str) -> Needs:
        """Return what is needed below the field `name`, which is needed."""
        return self.fields.setdefault(name, Needs())

    def choice(self, name: str) -> Needs:
        """Return what is needed below `name`, which may be a choice element."""
        return self.choices.setdefault(name, Needs())

    def of(self, name: str) -> Needs | None:
        """Return what is needed below the field `name`; None if it is not needed."""
        parts = self._parts(name)
        if name.startswith("_"):
            parts += [need for need in self._parts(name[1:]) if need.beside]
        if len(parts) < 2:  # noqa: PLR2004 - nothing to unite
            return parts[0] if parts else None
        both = Needs()
        for need in parts:
            both.fields.update(need.fields)
            both.choices.update(need.choices)
            both.beside = both.beside or need.beside
        return both

    def _parts(self, name: str) -> list[Needs]:
        parts = [need for key, need in self.choices.items() if name == key or choice_type(name, key)]
        return [*parts, self.fields[name]] if name in self.fields else parts


def as_elements(needs: list[Needs]) -> list[Needs]:
    """Return `needs`, of which the elements matter that have no value too, and what is below them."""
    for need in needs:
        need.beside = not need.complex
    return needs


def add(expr: Expr, focus: Iterable[Needs]) -> list[Needs]:
    """Add what `expr` reads of what `focus` stands for; return what stands for its result."""
    here = list(focus)
    match expr:
        case This():
            return here
        case Path(source, name):
            return [need.choice(name) for need in as_elements(add(source, here))]
        case Index(source, position):
            add(position, here)
            return as_elements(add(source, here))
        case Unary(_, operand):
            add(operand, here)
        case Binary(_, left, right):
            add(left, here)
            add(right, here)
        case Call(Path(source, name), function, (str(wanted),)) if FUNCTIONS[function].gives == ITS_TYPE:
            below = as_elements(add(source, here))
            for need in below:
                need.child(name)
            parts = [need.child(key) for need in below for key in choice_keys(name, wanted)]
            for need in parts:
                need.complex = wanted not in PRIMITIVES
            return parts
        case Call(source, name, arguments):
            below = add(source, here)
            row = FUNCTIONS[name]
            return _call(row, arguments, as_elements(below) if row.elements else below)
    return []


def _call(row: Function, arguments: tuple[Expr | str, ...], focus: list[Needs]) -> list[Needs]:
    if row.reads:
        field, *below = row.reads
        parts = [need.child(field) for need in focus]
        for need in parts:
            for name in below:
                need.child(name)
        return parts
    results = [add(argument, focus) for argument in arguments if not isinstance(argument, str)]
    return results[0] if row.gives == PROJECTED else focus


def prune(dtype: pa.DataType, needs: Needs) -> pa.DataType:
    """Return the struct type `dtype` with the fields that are needed.

    A field that no data had so far is expected to be text: if it is, it is read, and if it is anything
    else, the parser says so.
    """
    parts = {}
    for part in dtype:
        need = needs.of(part.name)
        if need is not None:
            parts[part.name] = _pruned(part.type, need)
    names = [
        name for name in needs.choices if not any(key == name or choice_type(key, name) for key in parts)
    ]
    for name in (*needs.fields, *names):
        parts.setdefault(name, pa.string())
    for name, part in list(parts.items()):
        if not (name.startswith("_") or _has_parts(part)) and (need := needs.of(name)) and need.beside:
            parts.setdefault(f"_{name}", pa.string())
    return pa.struct(list(parts.items()))


def _has_parts(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_struct(dtype.value_type if pa.types.is_list(dtype) else dtype))


def _pruned(dtype: pa.DataType, needs: Needs) -> pa.DataType:
    if pa.types.is_list(dtype):
        return pa.list_(_pruned(dtype.value_type, needs))
    return prune(dtype, needs) if pa.types.is_struct(dtype) else dtype


def unseen(dtype: pa.DataType, needs: Needs) -> dict[bytes, bytes]:
    """Return how choice elements of types that `dtype` does not have, and `prune` not expects, look in JSON.

    That is: beginnings of their keys, of which one is then in the data, and patterns that find such keys.
    """
    seen: dict[str, set[str]] = {}
    _unseen(dtype, needs, seen)
    return {
        f'"{name}'.encode(): f'"{name}(?:{"|".join(sorted(others))})"'.encode()
        for name, known in seen.items()
        if (others := [suffix for suffix in SUFFIXES if name + suffix not in known])
    }


def _unseen(dtype: pa.DataType, needs: Needs, seen: dict[str, set[str]]) -> None:
    """Collect the names that may be choice elements, with the keys of each that are known."""
    while pa.types.is_list(dtype):
        dtype = dtype.value_type
    fields = {part.name: part.type for part in dtype} if pa.types.is_struct(dtype) else {}
    for name, need in needs.choices.items():
        if name in fields or f"_{name}" in fields:
            continue
        known = {key for key in fields if choice_type(key, name)}
        seen[name] = seen.get(name, known) & known
        if need.beside:
            key = f"_{name}"
            known = {f"_{part}" for part in known} | {part for part in fields if choice_type(part, key)}
            seen[key] = seen.get(key, known) & known
    for name, below in fields.items():
        if wanted := needs.of(name):
            _unseen(below, wanted, seen)
