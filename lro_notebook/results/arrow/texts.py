"""Columns of text whose every value is a number, a truth value or a point in time, and nothing gets lost. Pure.

A number counts only as it is written by who means a number: postal codes, codes with leading or trailing
zeros and phone numbers are text.
"""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.results.arrow.schema import DECIMAL

_HEAD = 20  # values that tell most columns of text
_SAFE = 2**53  # a double holds the integers up to this one
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.(?:\d*[1-9]|0))?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NO_NUMBER = r"[^0-9.eE+-]"
_DIGITS = r"^(-?[1-9]\d*|0|-?(0|[1-9]\d*)(\.(\d*[1-9]|0)([eE][+-]?\d{1,2})?|[eE][+-]?\d{1,2}))$"
_WHOLE = r"^-?\d+$"
_TRUTH = ("true", "false")


def read_text(column: pa.ChunkedArray, decimals: str) -> pa.ChunkedArray:
    """Return a column of text as what all its values are: integers, fractions, truth values; else as it is.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Text, with one value at least.
    decimals : str
        As in `Options`: of ``"exact"`` fractions become decimals, of ``"text"`` all stays text.
    """
    if decimals == "text":
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
    if pc.any(pc.match_substring_regex(column, _NO_NUMBER)).as_py():
        return None
    try:
        numbers = column.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    text = numbers.cast(pa.string())
    same = pc.or_(pc.equal(text, column), pc.equal(pc.binary_join_element_wise(text, ".0", ""), column))
    same = pc.and_(same, pc.not_equal(column, "-0"))
    others = pc.unique(column.filter(pc.invert(same))).to_pylist()
    return numbers if all(map(_is_canonical, others)) else None


def _is_canonical(text: str) -> bool:
    """Tell whether a double has the digits of `text`, and no code would be written so."""
    if not _NUMBER.fullmatch(text):
        return False
    if text.lstrip("-").isdecimal():
        return text != "-0" and abs(int(text)) <= _SAFE
    value = float(text)
    return value - value == 0 and Decimal(repr(value)) == Decimal(text)
