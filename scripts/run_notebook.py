"""Run a notebook top to bottom, showing code, live progress and results in the terminal as they come.

With --html the executed notebook is left as a page; with --save it keeps its outputs, without what is
different at every run, and runs on a machine where nothing has run before. The last line says how long it
took; with --save, so does the first cell.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import time
from contextlib import ExitStack
from datetime import datetime
from io import BytesIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

if TYPE_CHECKING:
    from nbformat import NotebookNode

#: What differs between two runs that say the same: ids, durations, rates, ports, lines of progress.
_PASSING = re.compile(r"(?<!\d)\d{19}(?!\d)|\d+:\d\d|[\d,.]+/s|127\.0\.0\.1:\d+|<svg.*?</svg>", re.DOTALL)
#: Where the first cell of a notebook says how long it runs.
TOLD = re.compile(r"about (\d+) seconds to run")


class Cost(NamedTuple):
    """What a run took: seconds, those of the CPU (0 on Windows), and the longest cell with its seconds."""

    seconds: float
    cpu: float
    cell: str
    longest: float

    def __str__(self) -> str:
        """Return a line of it."""
        whole = f"{self.seconds:5.1f} s, {self.cpu:4.1f} s of CPU"
        return f"{whole}, {self.longest:4.1f} s in its longest cell, {self.cell}"


class TerminalClient(NotebookClient):
    """Executes a notebook and prints what its cells do while they run."""

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Print an output as it arrives, then keep it as usual, but for the bars of a terminal."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            stream = sys.stderr if content["name"] == "stderr" else sys.stdout
            stream.write(content["text"])
            stream.flush()
            if content["name"] == "stderr":
                content["text"] = without_bars(content["text"])
                if not content["text"]:
                    return None
        elif kind in ("execute_result", "display_data"):
            data = content["data"]
            text = "[figure]" if "image/png" in data else data.get("text/plain", "")
            print(text, end="\n" if text else "", flush=True)
        return super().process_message(msg, cell, cell_index)


def without_bars(text: str) -> str:
    """Return what was written to stderr without progress bars, which are drawn over and over in one line."""
    lines = [line for line in text.split("\n") if "\r" not in line]
    return "\n".join(lines) if "".join(lines).strip() else ""


def show_source(cell: NotebookNode, **_: object) -> None:
    """Print what is about to run: prose as it is, code behind a mark."""
    if cell.cell_type == "code":
        mark = "\033[2m>>> \033[0m" if sys.stdout.isatty() else ">>> "
        print("\n" + "\n".join(mark + line for line in cell.source.splitlines()), flush=True)


def keep_outputs(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook with its outputs; an output that says what the stored one says is left as stored."""
    stored = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [tidy(output) for output in cell.outputs if not is_blank(output)]
            before = stored[cell.id]
            if before.source == cell.source and what_it_says(before.outputs) == what_it_says(cell.outputs):
                cell.outputs = before.outputs
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def with_time(text: str, seconds: float) -> str:
    """Return the text of a cell with the seconds that a run took, in fives, where it names others by far."""

    def told(found: re.Match[str]) -> str:
        before, now = int(found[1]), max(5, 5 * round(seconds / 5))
        return found[0] if 2 / 3 <= now / before <= 3 / 2 else f"about {now} seconds to run"

    return TOLD.sub(told, text)


def is_blank(output: NotebookNode) -> bool:
    """Tell whether an output shows nothing, as that of a button whose work is done."""
    return "data" in output and not any(output.data.values())


def tidy(output: NotebookNode) -> NotebookNode:
    """Take the temporary names that kernels give to cells out of an output, and make a figure small."""
    if output.output_type == "stream":
        output.text = re.sub(r"\S*/ipykernel_\d+/\d+\.py", "<cell>", output.text)
    elif "image/png" in output.get("data", {}):
        output.data["image/png"] = with_palette(output.data["image/png"])
    return output


def with_palette(png: str) -> str:
    """Return a figure in few colours: it looks the same, in far fewer bytes."""
    small = BytesIO()
    figure = Image.open(BytesIO(base64.b64decode(png))).convert("RGB")
    figure.quantize(48, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode()


def what_it_says(outputs: list[NotebookNode]) -> str:
    """Return outputs without what passes, to compare those of two runs."""
    return _PASSING.sub("", json.dumps(outputs, sort_keys=True))


def execute(notebook: NotebookNode, folder: Path) -> str:
    """Run all cells; return why it stopped, or nothing."""
    with TemporaryDirectory(prefix="lro-kernel-") as sockets:
        # Not over TCP, of which kernels warn that others on this machine could read along.
        transport = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        client = TerminalClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            coalesce_streams=True,
            on_cell_execute=show_source,
            config=Config({"KernelManager": transport}),
        )
        try:
            client.execute()
        except CellExecutionError as error:
            return f"{error.ename}: {error.evalue}"
    return ""


def cost(notebook: NotebookNode, seconds: float, cpu: float) -> Cost:
    """Return what a run took, with its longest cell by the times that nbclient has noted."""
    took = {"none": 0.0}
    for cell in notebook.cells:
        noted = cell.metadata.get("execution", {})
        ends = [noted.get(name) for name in ("iopub.execute_input", "shell.execute_reply")]
        if all(ends):
            began, ended = map(datetime.fromisoformat, ends)
            took[cell.id] = (ended - began).total_seconds()
    longest = max(took, key=lambda name: took[name])
    return Cost(seconds, cpu, longest, took[longest])


def cpu_of_children() -> float:
    """Return the seconds of CPU of the children of this process that have ended, as kernels do."""
    spent = os.times()
    return spent.children_user + spent.children_system


def main() -> int:
    """Run the program; 0 when every cell ran."""
    for stream in (sys.stdout, sys.stderr):  # a console of Windows may not know every sign
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--html", type=Path, help="leave the executed notebook there as a page")
    parser.add_argument("--save", action="store_true", help="keep the outputs in the notebook itself")
    parser.add_argument("--state", type=Path, help="folder for the local service and the journal")
    options = parser.parse_args()

    os.environ.setdefault("LRO_NOTEBOOK_PROGRESS", "0" if options.save else "1")
    notebook = nbformat.read(options.notebook, as_version=4)
    with ExitStack() as stack:
        state = options.state
        if options.save and state is None:
            state = Path(stack.enter_context(TemporaryDirectory(prefix="lro-notebook-")))
        if state is not None:
            os.environ["LRO_NOTEBOOK_DATA_DIR"] = str(state.resolve() / "local")
            os.environ["LRO_NOTEBOOK_STATE_DIR"] = str(state.resolve() / "state")
            from lro_notebook import local  # reads the folders set above

            stack.callback(local.stop)
        began, spent = time.monotonic(), cpu_of_children()
        trouble = execute(notebook, options.notebook.parent)
        took = cost(notebook, time.monotonic() - began, cpu_of_children() - spent)
    if trouble:
        print(f"\n{options.notebook} stopped: {trouble}", file=sys.stderr)
        return 1
    if options.save:
        notebook.cells[0].source = with_time(notebook.cells[0].source, took.seconds)
        keep_outputs(notebook, options.notebook)
    if options.html is not None:
        options.html.parent.mkdir(parents=True, exist_ok=True)
        page, _ = HTMLExporter().from_notebook_node(notebook)
        options.html.write_text(page, encoding="utf-8")
        print(f"\nThe executed notebook is in {options.html}")
    print(f"{options.notebook.stem}: {took}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
