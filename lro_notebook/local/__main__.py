"""The embedded service as a program: ``python -m lro_notebook.local``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DESCRIPTION = """\
A local stand-in for the Google Cloud Healthcare API (v1 and v1beta1) with synthetic data.

It listens on 127.0.0.1 only. The first line on stdout is one JSON object:
  {"endpoint": "http://127.0.0.1:PORT", "token_file": FILE, "dataset": NAME}
Requests need the token in that file (Authorization: Bearer ...). SIGTERM or Ctrl-C stops it cleanly;
on Windows Ctrl-C does, and lro_notebook.local.stop() everywhere.
"""

_EPILOG = """\
The data directory holds:
  buckets/NAME/        the bucket gs://NAME; its objects are the files in that folder. Make a folder to make
                       a bucket. lro-sample (synthetic data under fhir/, hl7v2/ and dicom/) and demo-out
                       exist from the start.
  service.sqlite3      datasets, stores, resources, operations
  token                the bearer token of this run, readable by its owner only
  service.json         endpoint, process id and secret while the service runs, readable by its owner only
  service.log          the log of the service when lro_notebook starts it

exit codes: 0 stopped, 2 options or port cannot be used, 3 another program serves the data directory
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Imported late: --help does not need it.
    from lro_notebook.local.server import Settings, run

    return run(Settings(**vars(options)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lro_notebook.local",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_number(int, 0, 65535), required=True, help="0 takes a free port")
    parser.add_argument(
        "--data-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="where all data is kept; created if missing",
    )
    parser.add_argument(
        "--pace", type=_number(float, 1e-3), metavar="N", help="resources a second over all operations"
    )
    parser.add_argument(
        "--max-operations",
        type=_number(int, 1),
        default=200,
        metavar="N",
        help="queued and running operations; starts beyond that get HTTP 429 (default %(default)s)",
    )
    parser.add_argument(
        "--keep-operations",
        type=_number(float, 0),
        default=30,
        metavar="DAYS",
        help="days to keep the record of an operation after its end (default %(default)s)",
    )
    parser.add_argument(
        "--shard-bytes",
        type=_number(int, 1),
        default=256 << 20,
        metavar="N",
        help="bytes at which an export splits a file (default %(default)s)",
    )
    parser.add_argument(
        "--idle-exit",
        type=_number(float, 0),
        default=900,
        metavar="SECONDS",
        help="stop after this time without a request or an operation; 0 never (default %(default)s)",
    )
    parser.add_argument(
        "--sample-patients",
        type=_number(int, 0),
        default=100,
        metavar="N",
        help="size of the sample data that the first start writes; 0 for none (default %(default)s)",
    )
    return parser


def _number(
    convert: Callable[[str], float], low: float, high: float = float("inf")
) -> Callable[[str], float]:
    """Return a parser of numbers from `low` to `high`."""

    def parse(text: str) -> float:
        number = convert(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text} is not within {low:g} and {high:g}")
        return number

    parse.__name__ = "number"
    return parse


if __name__ == "__main__":
    sys.exit(main())
