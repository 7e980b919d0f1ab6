"""`Operations`: a list of operations that a notebook shows as one live table."""

from __future__ import annotations

from lro_notebook.jupyter import auto_display
from lro_notebook.operations.operation import Operation


class Operations(list[Operation]):
    """A list of operations. As the last line of a cell it shows them, and follows those that run."""

    __slots__ = ()

    def _ipython_display_(self) -> None:
        """Show the live table where a notebook can; elsewhere the repr is shown."""
        if not auto_display.show_table(self):
            raise NotImplementedError

    def _repr_html_(self) -> str:
        """Return the table as it is now, for front ends that show HTML but run no Jupyter kernel."""
        return auto_display.html_of(*self)
