"""Run a notebook top to bottom, showing code, live progress and results in the terminal as they come.

With --html the executed notebook is left as a page; with --save it keeps its outputs, without what is
different at every run.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

if TYPE_CHECKING:
    from nbformat import NotebookNode


class TerminalClient(NotebookClient):
    """Executes a notebook and prints what its cells do while they run."""

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Print an output as it arrives, then keep it as usual."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            stream = sys.stderr if content["name"] == "stderr" else sys.stdout
            stream.write(content["text"])
            stream.flush()
        elif kind in ("execute_result", "display_data"):
            data = content["data"]
            text = "[figure]" if "image/png" in data else data.get("text/plain", "")
            print(text, end="\n" if text else "", flush=True)
        return super().process_message(msg, cell, cell_index)


def show_source(cell: NotebookNode, **_: object) -> None:
    """Print what is about to run: prose as it is, code behind a mark."""
    if cell.cell_type == "code":
        mark = "\033[2m>>> \033[0m" if sys.stdout.isatty() else ">>> "
        print("\n" + "\n".join(mark + line for line in cell.source.splitlines()), flush=True)


def keep_outputs(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook with its outputs, without times of cells and temporary names of kernels."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "<cell>", output.text)
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)


def main() -> int:
    """Run the program; 0 when every cell ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--html", type=Path, help="leave the executed notebook there as a page")
    parser.add_argument("--save", action="store_true", help="keep the outputs in the notebook itself")
    parser.add_argument("--state", type=Path, help="folder for the local service and the journal")
    options = parser.parse_args()

    os.environ.setdefault("LRO_NOTEBOOK_PROGRESS", "0" if options.save else "1")
    if options.state is not None:
        state = options.state.resolve()
        os.environ["LRO_NOTEBOOK_DATA_DIR"] = str(state / "local")
        os.environ["LRO_NOTEBOOK_STATE_DIR"] = str(state / "state")
    notebook = nbformat.read(options.notebook, as_version=4)
    client = TerminalClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(options.notebook.parent)}},
        coalesce_streams=True,
        on_cell_execute=show_source,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"\n{options.notebook} stopped: {error.ename}: {error.evalue}", file=sys.stderr)
        return 1
    finally:
        if options.state is not None:
            from lro_notebook import local  # noqa: PLC0415 - reads the folders set above

            local.stop()
    if options.save:
        keep_outputs(notebook, options.notebook)
    if options.html is not None:
        options.html.parent.mkdir(parents=True, exist_ok=True)
        page, _ = HTMLExporter().from_notebook_node(notebook)
        options.html.write_text(page, encoding="utf-8")
        print(f"\nThe executed notebook is in {options.html}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
