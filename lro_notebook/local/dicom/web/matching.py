"""How an attribute matches what a search wants (PS3.4, C.2.2.2). Pure.

Dates and times match ranges, texts wildcards, UIDs and lists any of their values, names any spelling in
capitals and, with ``fuzzymatching``, the beginnings of their words.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.globs import Glob
from lro_notebook.local.core.service_errors import invalid_argument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RANGES = frozenset({"DA", "DT", "TM"})
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_WHOLE = frozenset({"AT", "DA", "DT", "TM", "UI", *_NUMBERS})  # without wildcards
_MOMENT = re.compile(r"\d{2,14}(?:\.\d{1,6})?", re.ASCII)
_MOMENT_WITH_OFFSET = re.compile(rf"{_MOMENT.pattern}(?:[+-]\d{{4}})?", re.ASCII)
_WORDS = re.compile(r"[\s^=,.'-]+")
_NOT_DIGITS = re.compile(r"\D", re.ASCII)
#: Behind the digits of a moment it is later than all that start with them: moments are compared as texts.
_LATEST = "9" * 20


class Wanted(NamedTuple):
    """An attribute that a search names, and whether a text of it is one of those that it wants."""

    tag: str
    matches: Callable[[str], bool] | None

    def holds(self, item: Mapping[str, Any]) -> bool:
        """Tell whether an instance has a value that matches; without `matches`, any or none will do."""
        return self.matches is None or any(map(self.matches, texts_of(item.get(self.tag, {}))))


def wanted(tag: str, representation: str, text: str, *, fuzzy: bool) -> Wanted:
    """Return what a parameter of a search wants; an empty value wants nothing."""
    if not text:
        return Wanted(tag, None)
    values = [value for value in re.split(r"[\\,]" if representation == "UI" else r"\\", text) if value]
    if representation == "PN" and fuzzy:
        return Wanted(tag, _words_match(_words(text)))
    tests = [_test(tag, representation, value) for value in values]
    return Wanted(tag, lambda given: any(test(given) for test in tests))


def texts_of(element: Mapping[str, Any]) -> list[str]:
    """Return the values of an attribute as texts; a name in its alphabetic form."""
    values = element.get("Value", ())
    return [str(value.get("Alphabetic", "") if isinstance(value, dict) else value) for value in values]


def _test(tag: str, representation: str, value: str) -> Callable[[str], bool]:
    if representation in _RANGES:
        return _range(tag, value, has_offset=representation == "DT")
    if representation in _NUMBERS:
        return _number(tag, value)
    if representation == "PN":
        value = value.casefold()
        glob = _glob(value)
        return lambda given: glob.matches(given.casefold().replace("/", "\0"))
    if representation in _WHOLE or not ("*" in value or "?" in value):
        return value.__eq__
    glob = _glob(value)
    return lambda given: glob.matches(given.replace("/", "\0"))


def _glob(value: str) -> Glob:
    # A slash is a character as any other here; in a Glob it would divide parts.
    return Glob(re.sub(r"\*+", "*", value).replace("/", "\0"))


def _number(tag: str, value: str) -> Callable[[str], bool]:
    try:
        number = float(value)
    except ValueError as error:
        raise invalid_argument(f"{tag}: expected a number") from error

    def matches(given: str) -> bool:
        try:
            return float(given) == number
        except ValueError:
            return False

    return matches


def _range(tag: str, value: str, *, has_offset: bool) -> Callable[[str], bool]:
    """Return the test of a moment, or of a range such as ``20200101-``; what is short means all of it."""
    moment = _MOMENT_WITH_OFFSET if has_offset else _MOMENT
    if moment.fullmatch(value):
        first = last = value
    else:
        match = re.fullmatch(rf"({moment.pattern})?-({moment.pattern})?", value, re.ASCII)
        if match is None or value == "-":
            raise invalid_argument(f"{tag}: expected a date or time such as 20200131, or 20200101-20201231")
        first, last = match[1] or "", match[2] or ""
    low, high = _digits(first), _digits(last) + _LATEST
    return lambda given: low <= _digits(given) <= high


def _digits(moment: str) -> str:
    return _NOT_DIGITS.sub("", moment.partition("+")[0].partition("-")[0])


def _words(text: str) -> list[str]:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    return [word for word in _WORDS.split(plain.casefold()) if word]


def _words_match(starts: list[str]) -> Callable[[str], bool]:
    """Return the test whether each word is the beginning of a word of a name."""

    def matches(given: str) -> bool:
        words = _words(given)
        return all(any(word.startswith(start) for word in words) for start in starts)

    return matches
