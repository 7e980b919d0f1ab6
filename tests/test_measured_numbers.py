"""Every figure on a page is that of a file which a benchmark or a test wrote; none is written by hand."""

from __future__ import annotations

import importlib
import json
import re
from typing import TYPE_CHECKING

import pytest
from places import ROOT

from scripts import measured_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

FILES = measured_numbers.files()
#: How people write a speed, a share of time or memory, or how many times as much.
MEASURED = re.compile(
    r"""\b(?: \d[\d.,]* \s? (?:x|\N{MULTIPLICATION SIGN}|times) \s
        (?:as|faster|slower|less|more|longer|quicker)\b
    | \d[\d.,]* \s? (?:[kMGT]?B/s | [kMG]bit/s | /s\b | ms\b | µs\b)
    | \d[\d.,]* \s (?:\w+\s)? (?:a|per) \s second\b
    | \d[\d.,]* \s? % \s (?:of \s (?:one|a) \s core | of \s (?:the|its|their) \s (?:time|speed|memory)
        | less | more | faster | slower)
    | (?:twice|(?:two|three|four|five|six|seven|eight|nine|ten)(?:\sto\s\w+)?\stimes) \s
        (?:faster | as\s(?:fast|quick|long|slow|much|many) | the\s(?:speed|time|memory))\b
    | (?:a|one|two|three|about\sa) \s (?:half|third|quarter|fifth|tenth|hundredth)s? \s (?:of|less|more)\b
        (?!\sa\s(?:million|second|minute|year))
    | \d[\d,]* \s (?:of\sGoogle's\sclient\s)? (?:tests|layouts|libraries|methods|dependencies)
    | half \s (?:as|of\sthe|the|its) \s (?:time|speed|memory|fast|much)\b )""",
    re.VERBOSE,
)
#: What looks like a measurement and is none, and what it is. Each must still stand on its page.
SETTINGS = {
    "docs/polling.md": {
        "most 7 % of one core": "a bound of the poller",
        "at most 40 a second": "a bound of the poller",
        "40 % of the time since then": "a setting of the poller",
    },
    "docs/fidelity.md": {"has 54 tests": "Google's, run by hand, as the page says"},
    "docs/results.md": {
        "at hundreds of MB/s": "what is usual, as the page says",
        "80 s at 100 Mbit/s": "arithmetic",
        "10 to 20 ms": "what is usual, as the page says",
        "60 to 100 ms": "what is usual, as the page says",
        "a quarter of the free memory": "a bound of the loader",
    },
    "docs/scale-out.md": {"10 to 20 ms": "what is usual, as docs/results.md says"},
}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What the benchmarks import from beside them."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("measured")


def prose(text: str) -> str:
    """Return what people wrote by hand, with its lines joined."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", "", text, flags=re.DOTALL)
    text = measured_numbers.FIGURE.sub("…", text)
    return " ".join(text.split())


def by_hand(path: Path) -> Iterator[str]:
    """Yield the measurements that stand on a page without a source."""
    name = path.relative_to(ROOT).as_posix()
    text = path.read_text(encoding="utf-8")
    if name == "CHANGELOG.md":  # history, if it says when
        text = "\n\n".join(re.sub(r".*measured on \d{4}-\d\d-\d\d.*", "", item) for item in items(text))
    text = prose(text)
    for setting in SETTINGS.get(name, {}):
        assert setting in text, (name, setting)
        text = text.replace(setting, "…")
    yield from (text[max(0, found.start() - 30) : found.end() + 30] for found in MEASURED.finditer(text))


def items(text: str) -> list[str]:
    return [" ".join(item.split()) for item in re.split(r"^(?=- |#)", text, flags=re.MULTILINE)]


@pytest.mark.parametrize("path", measured_numbers.PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_page_has_the_figures_of_the_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert measured_numbers.page(text, path, FILES) == text, "run scripts/measured_numbers.py"
    # A line that begins with a comment would end the paragraph before it.
    assert re.findall(r"^\s*(?:[-*]\s+)?<!--fig.*", text, re.MULTILINE) == []


@pytest.mark.parametrize("path", measured_numbers.PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_measurement_is_written_by_hand(path: Path) -> None:
    assert list(by_hand(path)) == [], "write it as <!--fig FILE/KEY--><!--/fig-->, or not at all"


@pytest.mark.parametrize(
    "text",
    [
        "27 times faster than pandas",
        "it takes 5 ms",
        "reads 36,000 resources a second",
        "about a quarter of pandas' memory",
        "costs an import a third of its speed",
        "10 to 13 % of one core",
        "some 12 % less CPU",
        "10,400 tests",
        "four to five times as fast",
        "85 MB/s",
    ],
)
def test_what_people_write_by_hand_is_found(text: str) -> None:
    assert MEASURED.search(text)
    assert not MEASURED.search(prose(f"so <!--fig x/y:.0f-->{text}<!--/fig-->"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_when_and_on_what_it_was_measured(name: str, measured: ModuleType) -> None:
    content = FILES[name]
    assert {"date", "machine", "busy", "others_percent", "versions", "values"} == set(content)
    assert set(content["machine"]) == {"system", "processor", "cores", "memory_gb"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["date"])
    assert {"python", "lro-notebook"} <= set(content["versions"])
    assert content["busy"] == (content["others_percent"] > measured.BUSY)
    assert content["values"]
    assert name in measured_numbers.PROGRAMS or name in measured_numbers.OTHERS


def test_every_program_of_benchmarks_is_run_and_is_there() -> None:
    programs = {program for program, *_ in measured_numbers.PROGRAMS.values()}
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "benchmarks").glob("*.py")} - programs == {
        "benchmarks/measured.py"
    }
    assert all((ROOT / program).exists() for program in programs)


def test_a_benchmark_writes_only_where_it_is_told_to(tmp_path: Path, measured: ModuleType) -> None:
    measured.record("speed", {"ms": 1.26789, "rows": {1000: [2]}}, folder="")
    assert list(tmp_path.iterdir()) == []
    measured.record("speed", {"ms": 1.26789, "rows": {1000: [2]}}, libraries=("no-such",), folder=tmp_path)
    content = measured_numbers.files(tmp_path)
    assert content["speed"]["values"] == {"ms": 1.268, "rows": {"1000": [2]}}
    assert "no-such" not in json.dumps(content)
    assert measured_numbers.shown("speed/ms", ".1f", content) == "1.3"
    assert measured_numbers.shown("speed/ms", "%", content) == "127 %"
    assert content["speed"]["date"] in measured_numbers.shown("speed/when", None, content)
    with pytest.raises(KeyError):
        measured_numbers.shown("speed/s", None, content)
