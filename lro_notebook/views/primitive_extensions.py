"""The ids and extensions of primitive elements, beside them in JSON: `_birthDate`. Arrays only."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def is_beside(field: pa.Array) -> bool:
    """Tell whether a field whose name begins with ``_`` has ids or extensions of elements."""
    dtype = field.type.value_type if pa.types.is_list(field.type) else field.type
    values = field.flatten() if pa.types.is_list(field.type) else field
    return bool(pa.types.is_struct(dtype) and values.null_count < len(values))


def aligned(values: pa.ListArray, beside: pa.ListArray) -> tuple[pa.ListArray, pa.ListArray]:
    """Return both lists of each row with the length of the longer one: nulls fill up the other."""
    sizes = [pc.fill_null(pc.list_value_length(part), 0).to_numpy() for part in (values, beside)]
    if np.array_equal(*sizes):
        return values, beside
    most = np.maximum(*sizes)
    ends = np.cumsum(most)
    offsets = pa.array(np.concatenate(([0], ends)), pa.int32())
    position = np.arange(most.sum()) - np.repeat(ends - most, most)
    filled = []
    for part, size in zip((values, beside), sizes, strict=True):
        start = np.cumsum(size) - size
        index = pa.array(np.repeat(start, most) + position, mask=position >= np.repeat(size, most))
        filled.append(pa.ListArray.from_arrays(offsets, pc.list_flatten(part).take(index)))
    return filled[0], filled[1]
