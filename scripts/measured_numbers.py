"""Write the figures of README and docs from the files in ``figures/``; nobody writes them by hand.

Usage: PYTHONPATH=tests:notebooks:. python scripts/measured_numbers.py [--run [NAME ...]]

Benchmarks and scripts leave a file each, with values, date, machine and versions (see
``benchmarks/measured.py``). In a page, ``<!--fig FILE/KEY/KEY:FORMAT-->24<!--/fig-->`` holds one value of a
file, formatted as Python does (``:%`` gives "24 %"), and ``FILE/when`` says when and on what it was measured;
tables stand between marks.
``--run`` measures first: all, in some ten minutes on a quiet machine, or those that are named.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "figures"
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
#: What measures, in the order of its cost: file -> program and arguments.
PROGRAMS: dict[str, list[str]] = {
    "counts": ["scripts/counts.py"],
    "import_cost": ["benchmarks/import_cost.py"],
    "progress": ["benchmarks/progress.py"],
    "table": ["benchmarks/table.py"],
    "views": ["benchmarks/views.py"],
    "local_import": ["benchmarks/local_import.py"],
    "local_curve": ["benchmarks/local_curve.py"],
    "polling": ["benchmarks/polling.py"],
    "many_shards": ["benchmarks/many_shards.py"],
    "search": ["benchmarks/search.py", "50000"],
    "journal": ["benchmarks/journal.py", "200000"],
    "remote": ["benchmarks/remote.py"],
    "frames": ["benchmarks/frames.py"],
}
#: Files of commands that do more than measure: file -> the command.
OTHERS = {"attack": "make attack ARGS=--docs", "dist": "make dist ARGS=--figures"}
#: The place of one figure on a page.
FIGURE = re.compile(r"<!--fig (?P<path>[^>]+?)(?::(?P<form>[^:>/]*))?-->(?P<text>[^<]*)<!--/fig-->")

Files = dict[str, dict[str, Any]]


def files(folder: Path = FOLDER) -> Files:
    """Return what every file holds, by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def when(content: Mapping[str, Any]) -> str:
    """Return when and on what kind of machine the values of a file were measured."""
    machine, versions = content["machine"], content["versions"]
    python = ".".join(versions["python"].split(".")[:2])
    busy = ", while other programs ran" if content["busy"] else ""
    return (
        f"{content['date']}, {machine['cores']} cores of {machine['processor']}, {machine['memory_gb']} GB, "
        f"Python {python}{busy}"
    )


def shown(path: str, form: str | None, content: Files) -> str:
    """Return the figure at a path, such as ``polling/alone/all/lag``, as text."""
    name, *keys = path.split("/")
    if name not in content:
        raise KeyError(f"{name}.json is not in figures/; `{command(name)}` writes it")
    if keys == ["when"]:
        return when(content[name])
    value = content[name]["values"]
    for key in keys:
        value = value[key]
    if form == "%":
        return f"{100 * value:.0f} %"
    return format(value, form or "")


def command(name: str) -> str:
    """Return what writes a file."""
    return OTHERS.get(name) or f'make figures ARGS="--run {name}"'


def remote_table(content: Files) -> str:
    """Return what loading from a remote place takes, as Markdown."""
    values = content["remote"]["values"]
    size = values["size"]
    small, large = (f"{size[f'{kind}_bytes'] / unit:.0f}" for kind, unit in (("small", 1e3), ("large", 1e6)))
    rows = {
        "small shards": f"{size['small']} FHIR files of {small} kB",
        "small shards, a view": "the same, a view",
        "small shards, to Parquet": "the same, to Parquet",
        "large shards": f"{size['large']} FHIR files of {large} MB",
        "HL7v2 shards": f"{size['messages']} HL7v2 files of {small} kB",
        "DICOM objects": f"{size['objects']} DICOM objects of {size['pixels']} by {size['pixels']} pixels",
        "gcsfs: small shards": f"{size['small']} FHIR files, through gcsfs",
    }
    network = f"{1000 * size['latency']:.0f} ms a request, {size['bandwidth'] / 1e6:.0f} MB/s a stream"
    lines = [
        f"| {network} | requests | MB | fetched alone | local disk | loaded |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, words in rows.items():
        case = values["cases"][name]
        seconds = " | ".join(f"{case[kind]:.2f} s" for kind in ("fetched", "local", "loaded"))
        lines.append(f"| {words} | {case['requests']} | {case['mb']:.1f} | {seconds} |")
    return "\n".join(lines)


def polling_table(content: Files) -> str:
    """Return how late ends are seen, as Markdown."""
    rows = {
        "linear": "linear",
        "bursty": "in bursts",
        "stalled": "with a stall",
        "no progress": "not reported",
        "all": "all",
    }
    lines = [
        "| progress | mean lag, google-api-core | ours | ratio | requests, ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, words in rows.items():
        row = content["polling"]["values"]["alone"][name]
        lines.append(
            f"| {words} | {row['api_core_lag']:.1f} s | {row['lag']:.1f} s "
            f"| {row['lag_ratio']:.2f} | {row['requests_ratio']:.2f} |"
        )
    return "\n".join(lines)


def files_table(content: Files) -> str:
    """Return a line for each file: what wrote it, when, on what."""
    lines = ["| file | written by | on |", "|---|---|---|"]
    for name, each in content.items():
        lines.append(f"| `figures/{name}.json` | `{command(name)}` | {when(each)} |")
    return "\n".join(lines)


#: Marks of a table -> the page that it is on, and what writes it.
TABLES: dict[str, tuple[str, Callable[[Files], str]]] = {
    "remote": ("docs/results.md", remote_table),
    "polling": ("docs/polling.md", polling_table),
    "files": ("docs/measured.md", files_table),
}


def page(text: str, path: Path, content: Files) -> str:
    """Return the text of a page with the figures of today."""
    text = FIGURE.sub(
        lambda found: (
            found[0][: found.start("text") - found.start()]
            + shown(found["path"], found["form"], content)
            + "<!--/fig-->"
        ),
        text,
    )
    for name, (where, table) in TABLES.items():
        if path == ROOT / where:
            text = replaced(text, name, table(content))
    return text


def measure(names: list[str]) -> int:
    """Run programs that measure, each in a process of its own; return how many failed."""
    failed = 0
    folders = os.pathsep.join(str(ROOT / folder) for folder in ("", "tests", "notebooks", "benchmarks"))
    environ = {**os.environ, "LRO_FIGURES": str(FOLDER), "PYTHONPATH": folders}
    for name in names:
        began = time.monotonic()
        program, *arguments = PROGRAMS[name]
        done = subprocess.run(
            [sys.executable, ROOT / program, *arguments],
            env=environ,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        failed += done.returncode != 0
        words = "failed" if done.returncode else "measured"
        print(f"{name}: {words} in {time.monotonic() - began:.0f} s", flush=True)
    return failed


def main() -> int:
    """Measure if asked to, then write the figures into the pages; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--run", nargs="*", metavar="NAME", help="measure: all, or the files that are named")
    given = parser.parse_args().run
    unknown = [name for name in given or () if name not in PROGRAMS]
    if unknown:
        parser.error(f"no such file: {', '.join(unknown)}; there are {', '.join(PROGRAMS)}")
    failed = 0 if given is None else measure(given or list(PROGRAMS))
    content, changed = files(), 0
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        new = page(text, path, content)
        changed += new != text
        if new != text:
            path.write_text(new, encoding="utf-8")
    print(f"{len(content)} files, {changed} pages changed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
