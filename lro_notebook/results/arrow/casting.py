"""Columns of text whose every value is a number or a truth value, and what these are. Pure.

A number counts only as it is written by who means a number: postal codes, codes with leading or trailing
zeros and phone numbers are text.
"""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.infer_schema import DECIMAL

_HEAD = 20  # values that tell most columns of text
_SAFE = 2**53  # a double holds the integers up to this one
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.(?:\d*[1-9]|0))?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"0|-?[1-9]\d*", re.ASCII)
_DIGITS = r"^(-?[1-9]\d*|0|-?(0|[1-9]\d*)(\.(\d*[1-9]|0)([eE][+-]?\d{1,2})?|[eE][+-]?\d{1,2}))$"
_PLAIN = r"^(-?[1-9]\d*|0|-?(0|[1-9]\d*)\.(\d*[1-9]|0))$"
_SHORT = 15  # a double gives back as many digits, whatever they are
_WHOLE = r"^-?\d+$"
_TRUTH = ("true", "false")


def read_back(column: pa.ChunkedArray, decimals: str) -> pa.ChunkedArray:
    """Return a column of text as what all its values are, if a cast to text gives them back; else as it is.

    What it is in the end depends on other pieces of its table.
    """
    head = column.slice(0, _HEAD).drop_null().to_pylist()
    if decimals == "text" or not head:
        return column
    found: pa.ChunkedArray | None = None
    if all(value in _TRUTH for value in head):
        return _truths(column)
    if all(map(_INTEGER.fullmatch, head)):
        found = _integers(column)
    elif decimals == "float" and all(_NUMBER.fullmatch(text) and not text.endswith(".0") for text in head):
        found = _printed(column)
    return column if found is None else found


def read_text(column: pa.ChunkedArray, decimals: str) -> pa.ChunkedArray:
    """Return a column of text as what all its values are: integers, fractions, truth values; else as it is.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text, with one value at least.
    decimals : str
        As in `Options`: of ``"exact"`` fractions become decimals, of ``"text"`` all stays text.
    """
    if decimals == "text" or not pa.types.is_string(column.type):
        return column
    head = column.drop_null().slice(0, _HEAD).to_pylist()
    if all(value in _TRUTH for value in head):
        return _truths(column)
    if not all(map(_NUMBER.fullmatch, head)):
        return column
    whole = _integers(column)
    if whole is not None:
        return whole
    found = _decimals(column) if decimals == "exact" else _fractions(column)
    return column if found is None else found


def _truths(column: pa.ChunkedArray) -> pa.ChunkedArray:
    known = pc.is_in(column.drop_null(), value_set=pa.array(_TRUTH))
    return column.cast(pa.bool_()) if pc.all(known).as_py() else column


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return integers of 64 bits which as text are what they were."""
    try:
        numbers = column.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.equal(numbers.cast(pa.string()), column)).as_py() else None


def _decimals(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if not pc.all(pc.match_substring_regex(column, _DIGITS)).as_py():
        return None
    try:
        column.filter(pc.match_substring_regex(column, _WHOLE)).cast(pa.int64())
        return column.cast(DECIMAL)
    except pa.ArrowInvalid:  # more digits than these have
        return None


def _fractions(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return doubles of which each stands for the digits of its text, and for no others."""
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    if not pc.all(pc.is_finite(numbers)).as_py():
        return None
    is_short = pc.less_equal(pc.binary_length(column), _SHORT)
    sure = pc.and_(is_short, pc.match_substring_regex(column, _PLAIN))
    doubtful = pc.fill_null(pc.invert(sure), fill_value=False)
    rest, text = column.filter(doubtful), numbers.filter(doubtful).cast(pa.string())
    rest = rest.filter(pc.or_(pc.not_equal(text, rest), pc.equal(rest, "-0")))
    return numbers if all(map(_is_canonical, pc.unique(rest).to_pylist())) else None


def _printed(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Return doubles which as text are what they were."""
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    same = pc.and_(pc.equal(numbers.cast(pa.string()), column), pc.not_equal(column, "-0"))
    return numbers if pc.all(pc.and_(same, pc.is_finite(numbers))).as_py() else None


def _is_canonical(text: str) -> bool:
    """Tell whether a double has the digits of `text`, and no code would be written so."""
    if not _NUMBER.fullmatch(text):
        return False
    if text.lstrip("-").isdecimal():
        return text != "-0" and abs(int(text)) <= _SAFE
    return Decimal(repr(float(text))) == Decimal(text)
