"""HL7v2 messages as people and programs write them down: in logs, with blanks, with visible line ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from results.header import MSH
from results.whole import bad, loaded

from lro_notebook.results.formats.hl7v2.decoding import UNDECLARED
from lro_notebook.results.formats.hl7v2.messages import without_log
from lro_notebook.results.formats.hl7v2.parser import LINE_FEEDS, NO_HEADER, PADDED, WRITTEN_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

BODY = "PID|1||7^^^X||Doe^Jo\rOBX|1|TX|A||line one\r"


def read(folder: Path, text: str) -> Results:
    (folder / "m.hl7").write_bytes(text.encode())
    return loaded(folder)


def check(results: Results, count: int = 1) -> None:
    assert results["PID"]["PID.5.2"].tolist() == ["Jo"] * count
    assert results["OBX"]["OBX.5"].tolist() == ["line one"] * count
    assert results["MSH"]["MSH.12"].tolist() == ["2.5"] * count


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("indent", ["  ", "\t", "            "])
def test_segments_behind_blanks(indent: str, end: str, tmp_path: Path) -> None:
    text = "".join(f"{indent}{line}{end}" for line in (MSH + BODY).strip().split("\r"))
    results = read(tmp_path, f"{end}{text}{text}")
    check(results, 2)
    assert {reason for _, reason in bad(results)} == {PADDED, LINE_FEEDS} if end == "\n" else {PADDED}


def test_a_blank_behind_the_name_of_a_segment(tmp_path: Path) -> None:
    results = read(tmp_path, MSH + BODY.replace("PID|", "PID |"))
    check(results)
    assert bad(results) == [(1, PADDED)]


def test_an_indented_line_of_text_stays_text(tmp_path: Path) -> None:
    results = read(tmp_path, MSH + "OBX|1|TX|A||Findings:\n   WBC: 5\n   MSH: none|||F\rPID|1\r")
    assert results["OBX"]["OBX.5"].tolist() == ["Findings:\n   WBC: 5\n   MSH: none"]
    assert bad(results) == []


@pytest.mark.parametrize("mark", ["\\r", "\\r\\n", "\\n", "<CR>", "<CR><LF>", "\\x0d", "\\X0D\\", "**", "$$"])
def test_ends_of_segments_that_are_written_out(mark: str, tmp_path: Path) -> None:
    results = read(tmp_path, (MSH + BODY).replace("\r", mark))
    check(results)
    assert bad(results) == [(1, WRITTEN_OUT)]


@pytest.mark.parametrize("mark", ["<CR>", "\\r", "\\X0D\\"])
def test_ends_of_segments_that_are_shown_before_line_ends(mark: str, tmp_path: Path) -> None:
    results = read(tmp_path, (MSH + BODY).replace("\r", f"{mark}\n"))
    check(results)
    assert {reason for _, reason in bad(results)} == {WRITTEN_OUT, LINE_FEEDS}


def test_escapes_in_text_are_no_ends(tmp_path: Path) -> None:
    results = read(tmp_path, MSH + "OBX|1|TX|A||PID\\X0D\\OBX **PID** \\F\\|||F\r")
    assert results["OBX"]["OBX.5"].tolist() == ["PID\rOBX **PID** |"]
    assert bad(results) == []


def test_headings_between_messages_are_told(tmp_path: Path) -> None:
    results = read(tmp_path, "Sample messages\n\n" + (MSH + BODY).replace("\r", "\n"))
    check(results)
    assert (1, NO_HEADER) in bad(results)


def test_each_message_of_a_file_in_its_own_set(tmp_path: Path) -> None:
    text = MSH + BODY.replace("line one", "µg")
    (tmp_path / "m.hl7").write_bytes(text.encode() + text.encode("latin-1"))
    results = loaded(tmp_path)
    assert results["OBX"]["OBX.5"].tolist() == ["µg", "µg"]
    assert [UNDECLARED in reason for _, reason in bad(results)] == [True]


LINES = st.lists(
    st.sampled_from(
        [
            "2024-01-05 10:15:00 INFO up",
            "2024-01-05 10:15:00 got " + MSH.strip(),
            "PID|1||7",
            "",
            "text",
            "\x1c\r",
        ]
    ),
    max_size=12,
)


@given(lines=LINES, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))
@settings(derandomize=True, deadline=None)
def test_what_is_of_the_log_does_not_depend_on_the_pieces(lines: list[str], sizes: list[int]) -> None:
    text = "\n".join(lines)
    pieces: list[str] = []
    place = 0
    while place < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[place : place + size])
        place += size
    found = "".join(without_log(pieces))
    assert found == "".join(without_log([text]))
    assert found.count("\n") == text.count("\n")
    assert "INFO" not in found
    assert found.count("MSH|") == text.count("MSH|")
