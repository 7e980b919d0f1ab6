"""Which type of resources a table has, and which lines are of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.line_blocks import sort_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.results.arrow.line_blocks import Block
    from lro_notebook.results.shards import Shard

OTHER_TYPE = "a resource of another type than this table has"


def type_in(table: str) -> str:
    """Return the type of the resources in a table: no type has the underscore of ``Patient_history``."""
    return table.partition("_")[0]


def of_type(shards: Sequence[Shard]) -> OfType | None:
    """Return what tells the lines of other types; None in a history, whose lines are Bundles."""
    return None if any(shard.history for shard in shards) else OfType(type_in(shards[0].table))


class OfType:
    """Tells which lines hold resources of another type; a line that says no type stays.

    It costs a comparison with the column that says the type, and more only where there are such lines.
    """

    column = "resourceType"

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted

    def others(self, table: pa.Table, block: Block) -> dict[int, str]:
        """Return the lines of other types; see `Belonging.others`."""
        if self.column not in table.column_names or not pa.types.is_string(table[self.column].type):
            return {}
        types = table[self.column]
        if pc.all(pc.equal(types, self._wanted)).as_py() is not False:
            return {}
        others = pc.not_equal(pc.utf8_lower(types), self._wanted.lower()).fill_null(False)  # noqa: FBT003 - a value
        lines = block.data.removesuffix(b"\n").count(b"\n") + 1
        numbers = (
            range(block.line, block.line + lines)
            if lines == table.num_rows
            else [number for number, _ in sort_lines(block)[0]]
        )
        return {numbers[row]: OTHER_TYPE for row in np.flatnonzero(others.to_numpy()).tolist()}
