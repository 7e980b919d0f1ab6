"""Throw hostile input at the package, in bounded and seeded loops, and count what held.

Usage: PYTHONPATH=tests:benchmarks:. python scripts/attack.py [--seed 7] [--only NAME] [--docs]

Each module of `scripts/attacks` has a list ``ATTACKS``: what is tried in a few words, and a function that
tries it with a random generator and returns how often it tried and how often that held. Prints the counts
and keeps them in ``build/attack.json``; ``--docs`` writes them into the table of docs/security.md, and their
sums into ``figures/attack.json``. Ends with status 1 if something did not hold. Everything runs on loopback,
and ends by itself within a few minutes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import random
import sys
import tempfile
import time
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from measured import record

from scripts import attacks
from scripts.marked import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    """What one loop found."""

    topic: str
    what: str
    tried: int
    held: int
    seconds: float


def known() -> list[tuple[str, str, Callable[[random.Random], tuple[int, int]]]]:
    """Return topic, words and function of every attack, sorted by topic."""
    found = []
    for info in sorted(pkgutil.iter_modules(attacks.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"scripts.attacks.{info.name}")
        found += [(info.name, what, run) for what, run in module.ATTACKS]
    return found


def table(outcomes: Iterable[Outcome]) -> str:
    """Return the outcomes as the table of docs/security.md."""
    rows = [f"| {each.topic} | {each.what} | {each.tried:,} | {each.held:,} |" for each in outcomes]
    return "\n".join(["| against | what was tried | tried | held |", "|---|---|---:|---:|", *rows])


def main() -> int:
    """Run the attacks, and tell their counts."""
    parser = argparse.ArgumentParser(description="Throw hostile input at the package, and count what held.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", help="only attacks of this topic")
    parser.add_argument("--docs", action="store_true", help="write the counts into docs/security.md")
    options = parser.parse_args()
    if options.docs and options.only:
        parser.error("--docs needs all attacks")
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="lro-attack-") as folder:
        environ["LRO_NOTEBOOK_STATE_DIR"] = f"{folder}/state"
        environ["LRO_NOTEBOOK_DATA_DIR"] = f"{folder}/data"
        for topic, what, run in known():
            if options.only not in (None, topic):
                continue
            began = time.monotonic()
            # The words seed each attack, so that a new one does not change the others.
            tried, held = run(random.Random(f"{options.seed} {topic} {what}"))  # noqa: S311 - repeatable
            outcome = Outcome(topic, what, tried, held, time.monotonic() - began)
            outcomes.append(outcome)
            print(f"{topic:12} {held:>9,} of {tried:>9,} held  {outcome.seconds:5.1f} s  {what}", flush=True)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    (build / "attack.json").write_text(json.dumps([each._asdict() for each in outcomes], indent=1) + "\n")
    tried, held = (sum(getattr(each, field) for each in outcomes) for field in ("tried", "held"))
    if options.docs:
        record("attack", {"kinds": len(outcomes), "tried": tried, "held": held}, folder=ROOT / "figures")
        page = ROOT / "docs" / "security.md"
        text = replaced(page.read_text(encoding="utf-8"), "attack", table(outcomes))
        page.write_text(text, encoding="utf-8")
    print(f"{tried:,} tried, {tried - held:,} did not hold")
    return int(held < tried)


if __name__ == "__main__":
    sys.exit(main())
