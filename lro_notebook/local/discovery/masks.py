"""Update masks: which fields of a resource a PATCH changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.local.discovery.document import snake
from lro_notebook.local.discovery.violations import Violation, error_of, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.discovery.document import Document

#: A path of fields by their JSON names.
Path = tuple[str, ...]

_TYPE = "type.googleapis.com/google.protobuf.FieldMask"


class Mask(NamedTuple):
    """The paths of a mask, and what is wrong with it."""

    paths: list[Path]
    violations: list[Violation]

    @property
    def text(self) -> str:
        """The mask with JSON names, as in a query."""
        return ",".join(".".join(path) for path in self.paths)


def read(document: Document, schema: str, text: str, parameter: str = "update_mask") -> Mask:
    """Read a mask of fields of `schema`, in camelCase or snake_case."""
    mask = Mask([], [])
    for part in text.split(","):
        path, why = _path(document, schema, part.strip())
        if why:
            said = f"Invalid value at '{parameter}' ({_TYPE}), {quoted(part.strip())}: {why}"
            mask.violations.append(Violation(parameter, said))
        else:
            mask.paths.append(path)
    return mask


def paths_of(text: str) -> list[Path]:
    """Return the paths of a mask that `read` has checked."""
    return [tuple(part.split(".")) for part in text.split(",") if part]


def apply(resource: Mapping[str, Any], body: Mapping[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
    """Return a resource with the fields at `paths` as they are in `body`; what is not there is removed."""
    changed = dict(resource)
    for path in paths:
        _set(changed, body, path)
    return changed


def with_immutable(
    document: Document, schema: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a changed message of `schema` with the immutable fields that it lacks as they were before.

    A mask may name the message around such a field, as ``parserConfig`` does around its version.

    Raises
    ------
    ServiceError
        A field that is immutable has changed.
    """
    kept = dict(after)
    for field in {field.name: field for field in document.fields(schema).values()}.values():
        was, now = before.get(field.name), after.get(field.name)
        if field.is_immutable:
            if now is not None and now != was:
                said = f"Invalid value at '{snake(schema)}': {field.name} is immutable"
                raise error_of([Violation(snake(field.name), said)])
            now = was
        elif field.is_message and not field.many and (was or now):
            now = with_immutable(document, field.type, was or {}, now or {}) or now
        if now is not None:
            kept[field.name] = now
    return kept


def within(fields: Sequence[str], paths: Sequence[Path], root: str) -> list[str]:
    """Return which fields, by their paths in snake_case below `root`, a mask sets or clears."""
    named = [".".join([root, *map(snake, path)]) for path in paths]
    return [field for field in fields if any(f"{field}.".startswith(f"{path}.") for path in named)]


def _set(target: dict[str, Any], source: Mapping[str, Any], path: Path) -> None:
    name, *rest = path
    value = source.get(name)
    if not rest:
        if value is None:
            target.pop(name, None)
        else:
            target[name] = value
        return
    before = target.get(name)
    inner = dict(before) if isinstance(before, dict) else {}
    _set(inner, value if isinstance(value, dict) else {}, tuple(rest))
    if inner or value is not None:
        target[name] = inner
    else:
        target.pop(name, None)


def _path(document: Document, schema: str, text: str) -> tuple[Path, str]:
    """Return a path by JSON names, and what is wrong with it, if anything."""
    path: list[str] = []
    type_ = schema
    for name in text.split("."):
        field = document.fields(type_).get(name) if type_ else None
        if field is None:
            return (), f"{schema} has no such field"
        if field.is_output:
            return (), "only the service sets this field"
        if field.is_immutable:
            return (), "this field is immutable"
        path.append(field.name)
        type_ = field.type if field.is_message and not field.many else ""
    return tuple(path), ""
