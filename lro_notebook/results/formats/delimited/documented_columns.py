"""Files of delimited values that have no names for their columns, and whose columns are documented. Pure.

Each is known by the name of the file and by its first rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of such files.

    Attributes
    ----------
    file : Pattern
        The whole name of the file, without its folder.
    names : tuple of str
        The names of the columns; a file may have fewer.
    cells : tuple of Pattern
        What the first cells of each row are.
    """

    file: re.Pattern[str]
    names: tuple[str, ...]
    cells: tuple[re.Pattern[str], ...]

    def fits(self, file: str, rows: Sequence[Sequence[str]]) -> bool:
        """Tell whether a file that is called and begins so is of this kind."""
        return bool(
            self.file.fullmatch(file)
            and rows
            and all(len(self.cells) <= len(row) <= len(self.names) for row in rows)
            and all(cell.fullmatch(text) for row in rows for cell, text in zip(self.cells, row, strict=False))
        )


_INDEX = re.compile(r"(?:.*[-_.])?index\.csv")
_URI, _ANY = re.compile(r"gs://.+"), re.compile(r".*", re.DOTALL)
_CODE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*")

KINDS = (
    # BatchTranslateText of Cloud Translation
    # https://cloud.google.com/translate/docs/reference/rest/v3/OutputConfig
    Kind(
        _INDEX,
        (
            "input_file",
            "target_language_code",
            "translations_file",
            "errors_file",
            "glossary_translations_file",
            "glossary_errors_file",
        ),
        (
            _URI,
            _CODE,
            re.compile(r"(?:gs://.+_translations\.[^./]+)?"),
            re.compile(r"(?:gs://.+_errors\.[^./]+)?"),
        ),
    ),
    Kind(
        re.compile(r".+_translations\.tsv"),
        ("id", "source", "translation", "glossary_translation"),
        (_ANY, _ANY, _ANY),
    ),
    Kind(
        re.compile(r".+_errors\.tsv"),
        ("id", "source", "error", "glossary_error"),
        (_ANY, _ANY, _ANY),
    ),
    # BatchTranslateDocument
    # https://cloud.google.com/translate/docs/reference/rest/v3/BatchDocumentOutputConfig
    Kind(
        _INDEX,
        (
            "input_document",
            "target_language_code",
            "translation_output",
            "error_output",
            "glossary_translation_output",
            "glossary_error_output",
        ),
        (_URI, _CODE, re.compile(r"(?:gs://.+)?"), re.compile(r"(?:gs://.+)?")),
    ),
)


def names_in(file: str, rows: Sequence[Sequence[str]]) -> list[str] | None:
    """Return the names of the columns of a file that is called and begins so; None where that is unknown."""
    kind = next((kind for kind in KINDS if kind.fits(file, rows)), None)
    return None if kind is None else list(kind.names[: max(map(len, rows))])
