"""Where HL7v2 segments, messages and batches end, in text with line feeds of its own."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from results.header import MSH

from lro_notebook.errors import LroWarning
from lro_notebook.results.formats.hl7v2.messages import split_messages, split_pieces
from lro_notebook.results.formats.hl7v2.parser import LINE_FEEDS
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

REPORT = "Findings:\nWBC: 5.2\nRBC: 4.1\nCT-scan: none\nMRI, ordered\nMSH- none\nBTS, FTS: none\nOBX: 2"


def loaded(folder: Path, text: str) -> Results:
    (folder / "m.hl7").write_bytes(text.encode())
    results = read(folder / "m.hl7")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        dict(results)
    return results


def test_a_line_feed_inside_of_a_field_is_text(tmp_path: Path) -> None:
    segments = f"OBX|1|TX|A^Report||{REPORT}||||||F\rNTE|1||See\nMRI, ordered\rOBX|2|NM|B||180|cm|||||F\r"
    results = loaded(tmp_path, MSH + segments + MSH + segments)
    assert results["OBX"]["OBX.5"].tolist() == [REPORT, "180"] * 2
    assert results["OBX"]["OBX.11"].tolist() == ["F", "F"] * 2
    assert results["NTE"]["NTE.3"].tolist() == ["See\nMRI, ordered"] * 2
    assert results.bad_lines.empty
    assert results["messages"]["message"].tolist() == ["m.hl7:1", "m.hl7:13"]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\n\r"])
def test_it_is_text_whatever_ends_the_segments(tmp_path: Path, end: str) -> None:
    text = (MSH + f"OBX|1|TX|A||{REPORT}||||||F\rNTE|1||last\nline\rZZZ|1\r").replace("\r", end)
    results = loaded(tmp_path, text + text)
    assert results["OBX"]["OBX.5"].tolist() == [REPORT] * 2
    assert results["NTE"]["NTE.3"].tolist() == ["last\nline"] * 2
    assert results["ZZZ"]["ZZZ.1"].tolist() == ["1"] * 2
    assert results["MSH"]["MSH.12"].tolist() == ["2.5"] * 2
    assert results.bad_lines["reason"].tolist() == ([LINE_FEEDS] * 2 if end == "\n" else [])


def test_what_follows_it_is_a_segment_with_the_separator_of_the_message(tmp_path: Path) -> None:
    other = MSH.replace("|", "#")
    results = loaded(
        tmp_path, other + "NTE#1##a\nOBX|2\nPID|3\nNTE#2##b\r" + MSH + "NTE|1||c\nOBX#2\nNTE|2||d\r"
    )
    assert results["NTE"]["NTE.3"].tolist() == ["a\nOBX|2\nPID|3", "b", "c\nOBX#2", "d"]
    assert results.bad_lines["reason"].tolist() == [LINE_FEEDS] * 2
    assert "PID" not in results
    assert "OBX" not in results


def test_lines_end_with_line_feeds_and_separators_differ(tmp_path: Path) -> None:
    other = MSH.replace("|", "#")
    text = (other + "NTE#1##a\r" + MSH + "NTE|1||b\r" + other + "NTE#1##c\r").replace("\r", "\n")
    assert loaded(tmp_path, text)["NTE"]["NTE.3"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize(
    "last", ["BTS|2\rFTS|1\r", "BTS|2\rFTS|1\r\r\n", "BTS\rFTS\r", "BTS|2", "\x1c\rFTS|1\r"]
)
def test_batches_end_messages(tmp_path: Path, end: str, last: str) -> None:
    one = MSH + "NTE|1||a\nBTS, b\rNTE|2\r"
    batch = f"FHS|^~\\&|A\rBHS|^~\\&|B\r{one}\x0b{one}{last}".replace("\r", end)
    results = loaded(tmp_path, batch + end + batch)
    assert results["NTE"]["NTE.3"].dropna().tolist() == ["a\nBTS, b"] * 4
    assert results["NTE"]["NTE.1"].tolist() == ["1", "2"] * 4
    assert set(results) == {"messages", "MSH", "NTE"}
    assert results.bad_lines["reason"].tolist() == ([LINE_FEEDS] * 4 if end == "\n" else [])


def test_a_batch_without_messages_is_no_message(tmp_path: Path) -> None:
    results = loaded(tmp_path, "FHS|^~\\&|A\rBHS|^~\\&|B\rBTS|0\rFTS|1\r")
    assert results["messages"].empty
    assert results.bad_lines.empty


_WORDS = st.text(st.sampled_from("abcMSHOBXPID \n#*-:"), max_size=30).map(str.strip)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(_WORDS.filter(bool), min_size=1, max_size=6))
def test_text_with_line_feeds_is_what_was_written(tmp_path: Path, words: list[str]) -> None:
    text = MSH + "".join(f"NTE|{n}||{word}|end\r" for n, word in enumerate(words))
    if any(re.search(r"\n *([A-Z]{3}\Z|MSH[#*:-])", word) for word in words):
        return  # looks like a segment, or like another message
    results = loaded(tmp_path, text * 2)
    assert results["NTE"]["NTE.3"].tolist() == words * 2
    assert results["NTE"]["NTE.4"].tolist() == ["end"] * len(words) * 2
    assert results.bad_lines.empty


_PARTS = st.lists(
    st.sampled_from(
        [MSH, "MSH", "MSH|", "MSH-", "\nMSH#^~#", "\r", "\n", "\x0b", "x", "BTS|", "FHS|a\r", "\xef\xbb\xbf"]
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(parts=_PARTS, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_pieces_make_no_difference(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    pieces: list[str] = []
    place = 0
    while place < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[place : place + size])
        place += size
    assert list(split_pieces(pieces, 10_000)) == list(split_messages(text))
