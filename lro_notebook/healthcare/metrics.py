"""What a service tells of how much is in a store, as a DataFrame: a row per type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.operations.resource import parse_int64

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

#: DICOM has a count for each of these levels, and bytes for instances alone.
_LEVELS = {"study": "studyCount", "series": "seriesCount", "instance": "instanceCount"}
_SIZES = ("blobStorageSizeBytes", "structuredStorageSizeBytes", "versionedStorageSizeBytes")


def by_type(response: Mapping[str, Any], field: str) -> pd.DataFrame:
    """Return a row per metric, whose type stands in `field`; the most frequent first."""
    metrics = response.get("metrics")
    known = [metric for metric in metrics if isinstance(metric, dict)] if isinstance(metrics, list) else []
    rows = [(_text(metric.get(field)), _number(metric.get("count")), _size(metric)) for metric in known]
    return _frame(sorted(rows, key=lambda row: (-(row[1] or 0), str(row[0]))))


def by_level(response: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row each for studies, series and instances."""
    counts = {level: _number(response.get(field)) for level, field in _LEVELS.items()}
    return _frame(
        (level, count, _size(response) if level == "instance" else None) for level, count in counts.items()
    )


def _size(metric: Mapping[str, Any]) -> int | None:
    sizes = [size for field in _SIZES if (size := _number(metric.get(field))) is not None]
    return _number(sum(sizes)) if sizes else None


def _number(value: object) -> int | None:
    """Return how many something is; None for what cannot be such a number."""
    number = parse_int64(value)
    return number if number is not None and 0 <= number < 1 << 63 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _frame(rows: Iterable[tuple[Any, int | None, int | None]]) -> pd.DataFrame:
    import pandas as pd

    rows = list(rows)
    return pd.DataFrame(
        {
            "type": [kind for kind, _, _ in rows],
            # Each an array of its own: no number passes through a float.
            "count": pd.array([count for _, count, _ in rows], dtype="Int64"),
            "bytes": pd.array([size for _, _, size in rows], dtype="Int64"),
        }
    )
