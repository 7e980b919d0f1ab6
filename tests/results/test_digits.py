"""Digits are those of ASCII: a name or a number in other digits is text like any other."""

# ruff: noqa: RUF001 - digits that look like others are what this is about
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lro_notebook.results.discovery.sniff import parse_name
from lro_notebook.results.formats.dicom.values import number
from lro_notebook.results.formats.fhir.ndjson import FHIR_NDJSON
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name",
    ["Patient-٣-of-٤.ndjson", "Patient.٠٠٠.ndjson", "77_Patient-٣-of-٤", "Patient-1-of-２.ndjson",
     "Patient-².ndjson"],
)  # fmt: skip
def test_a_name_with_digits_of_another_script_is_no_shard(name: str) -> None:
    assert parse_name(name) is None


def test_the_digits_of_ascii_are_read_as_before() -> None:
    assert parse_name("Patient-3-of-4.ndjson") == {
        "table": "Patient", "operation": None, "index": 3, "total": 4, "history": False,
        "format": FHIR_NDJSON,
    }  # fmt: skip


def test_other_names_are_read_by_ascii_too(tmp_path: Path) -> None:
    (tmp_path / "٣٣٣٣٣٣٣٣٣٣٣٣_x-٠-of-٢.txt").write_text("MSH|^~\\&|A|B|C|D|20200101||ADT^A01|1|P|2.5\r")
    results = read(tmp_path)
    assert results["messages"]["message"].tolist() == ["٣٣٣٣٣٣٣٣٣٣٣٣_x-٠-of-٢.txt:1"]
    assert results["messages"].attrs["operation"] is None


@pytest.mark.parametrize("decimals", ["float", "exact", "text"])
@pytest.mark.parametrize("words", ["٣", "３.5", "1٠"])
def test_numbers_in_other_digits_stay_text(words: str, decimals: str) -> None:
    assert number(words, decimals) == words
    assert type(number(words, decimals)) is str
