"""Names for tables that are in many files, by what the names of the files have in common. Pure.

Google's services name what they write by a prefix and a number: ``predictions_0001.jsonl``,
``prediction.results-00000-of-00002``, ``output-1-to-2.json``, ``000000000000.csv`` (BigQuery), ``Instance/0``
(Cloud Asset), ``audio_transcript_66ec….json`` (Speech). What is left without the numbers names the table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What comes behind the name of a set: suffixes, and numbers, days and ids that tell its files apart.
_SUFFIX = re.compile(
    r"\.(?:gz|csv|tsv|tab|jsonl?|ndjson|geojson|parquet|avro|txt|snappy|zstd?|deflate)\Z", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?:\A|[-_. ])(?:\d+-(?:of|to)-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[cS]?\d+|"
    r"(?=[0-9a-f]*\d)[0-9a-f]{16,}|\d{2}:\d{2}:\d{2}|\d{4}-\d{2}-\d{2}T[\d:.-]+Z?)\Z|\d{6,}\Z| ?\(\d+\)\Z"
)
_ID = re.compile(r"\A\d{12,80}_", re.ASCII)
_EDGE = " -_."
_END = 80  # characters at the end of a name that are looked at
#: Names that say only that something is a part.
_PART = frozenset({"part", "shard", "output", "data", "export", "results", "result", "file"})
#: The last word of a name that says what all such files hold, whatever input they are of.
_SETS = {
    "prediction": "predictions",
    "predictions": "predictions",
    "transcript": "transcripts",
    "transcripts": "transcripts",
    "translation": "translations",
    "translations": "translations",
}
_ERRORS = frozenset({"error", "errors"})
_TOLD = frozenset({"results", "result", "stats", "file"})
_FALLBACK = "data"
#: A folder that says the value of a column, and what it says of rows without a value.
_KEY = re.compile(r"([^=]+)=(.*)", re.DOTALL)
_NO_KEY = "__HIVE_DEFAULT_PARTITION__"


def table_names(paths: Sequence[str], place: str = "") -> list[str]:
    """Return the table of each file, from its path with ``/`` below a folder that is called `place`.

    Examples
    --------
    >>> table_names(["predictions_0001.jsonl", "errors_0001.jsonl", "Instance/0"])
    ['predictions', 'errors', 'Instance']
    """
    stems = [_stem(path, place) for path in paths]
    beside = any(_set_of(stem) for stem in stems)
    return [_set_of(stem) or _errors(stem, beside=beside) or stem for stem in stems]


def keys_in(path: str) -> tuple[tuple[str, str | None], ...]:
    """Return what the folders of a path with ``/`` say of the rows below them, as Hive and Spark do.

    Examples
    --------
    >>> keys_in("year=2024/city=K%C3%B6ln/part-0.parquet")
    (('year', '2024'), ('city', 'Köln'))
    """
    found = map(_KEY.fullmatch, path.split("/")[:-1])
    pairs = ((unquote(each[1]), unquote(each[2])) for each in found if each)
    return tuple({key: None if value == _NO_KEY else value for key, value in pairs}.items())


def _stem(path: str, place: str) -> str:
    *folders, name = path.split("/")
    own = _bare(_ID.sub("", name))
    if own and own.lower() not in _PART:
        return own
    above = (folder for folder in (*reversed(folders), place) if "=" not in folder)
    named = (stem for folder in above if (stem := _bare(folder)) and stem.lower() not in _PART)
    return next(named, own or _FALLBACK)


def _bare(name: str) -> str:
    """Return a name without what tells the files of a set apart."""
    while True:
        head, end = name[:-_END], name[-_END:]
        short = (head + _NUMBER.sub("", _SUFFIX.sub("", end))).rstrip(_EDGE)
        if short == name:
            return name.lstrip(_EDGE)
        name = short


def _words(stem: str) -> list[str]:
    words = [word for word in re.split(r"[-_. ]+", stem.lower()) if word]
    while len(words) > 1 and words[-1] in _TOLD:
        words.pop()
    return words


def _set_of(stem: str) -> str | None:
    words = _words(stem)
    return _SETS.get(words[-1]) if words else None


def _errors(stem: str, *, beside: bool) -> str | None:
    words = _words(stem)
    return "errors" if words and words[-1] in _ERRORS and (beside or len(words) == 1) else None
