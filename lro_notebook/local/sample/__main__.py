"""The program ``python -m lro_notebook.local.sample``: writes a synthetic sample to a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lro_notebook.errors import ConfigError
from lro_notebook.local.sample.generate import DEFAULT_PATIENTS, DEFAULT_SEED, write

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    out: Path = given.out
    if out.exists() and not out.is_dir():
        parser.error(f"--out {out} is a file; give a folder")
    if out.is_dir() and any(out.iterdir()) and not given.force:
        parser.error(f"--out {out} is not empty; give another folder, or --force to replace its sample files")
    # disable=None: a bar on a terminal, nothing in a log.
    with tqdm(total=given.patients, unit=" patients", file=sys.stderr, disable=None) as bar:

        def advance(so_far: int) -> None:
            bar.update(so_far - bar.n)

        try:
            counts = write(out, patients=given.patients, seed=given.seed, progress=advance)
        except (ConfigError, OSError) as error:
            parser.error(str(error))
    listed = ", ".join(f"{type_} {count:,}" for type_, count in counts.items())
    sys.stdout.write(f"{sum(counts.values()):,} resources in {out}: {listed}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lro_notebook.local.sample",
        description="Write synthetic FHIR R4 patients with their records: one NDJSON file per resource type.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument(
        "--patients",
        type=int,
        default=DEFAULT_PATIENTS,
        metavar="N",
        help="how many patients, of about 75 resources each (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=DEFAULT_SEED,
        metavar="S",
        help="the same seed gives the same files (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="write into a folder that is not empty")
    return parser


if __name__ == "__main__":
    sys.exit(main())
