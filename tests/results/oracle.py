"""What `json.loads` sees in a line, to compare the loader with."""

from __future__ import annotations

from decimal import Decimal


def oracle(value: object, path: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the scalars of a JSON value that first elements lead to, by their dotted path."""
    while isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        found: dict[str, object] = {}
        for key, part in value.items():
            name = key.replace("\\", "\\\\").replace(".", "\\.")
            found.update(oracle(part, (*path, name)))
        return found
    return {} if value is None else {".".join(path): value}


def same(got: object, want: object) -> bool:
    """Tell whether a cell holds the value that was in the line, whatever else its column holds."""
    if isinstance(got, str) and isinstance(want, bool):  # kinds were mixed: the value as text
        return got == str(want).lower()
    if isinstance(got, str) and isinstance(want, float):  # in the words that were there
        return float(got) == want
    if isinstance(got, str) and isinstance(want, int | Decimal):
        return Decimal(got) == want
    return got == want and isinstance(got, bool) == isinstance(want, bool)
