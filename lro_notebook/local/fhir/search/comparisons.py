"""The values of a search as SQL about a row ``s`` of the index, by the rules of each type. Pure.

http://hl7.org/fhir/R4/search.html#ptypes
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.fhir.search.conditions import Sql
from lro_notebook.local.fhir.search.date_ranges import Span, span
from lro_notebook.local.fhir.search.parameter_expressions import target_of
from lro_notebook.local.fhir.search.values import folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.local.fhir.search.parameters import Kind

#: The modifiers of each type; any type has ``:missing``. A reference has the names of types, too.
MODIFIERS: dict[Kind, frozenset[str]] = {
    "token": frozenset({"not", "text"}),
    "string": frozenset({"exact", "contains"}),
    "uri": frozenset({"below", "above"}),
    "reference": frozenset({"identifier"}),
    "date": frozenset(),
    "number": frozenset(),
    "quantity": frozenset(),
}
#: Modifiers that Google's service has and this one has not, as they need code systems.
TERMINOLOGY = frozenset({"in", "not-in", "above", "below"})
_PREFIX = re.compile(r"(eq|ne|lt|gt|le|ge|sa|eb|ap)?(.*)", re.DOTALL)
_SPLIT = {separator: re.compile(rf"(?<!\\)(?:\\\\)*\{separator}") for separator in ",|"}
_ESCAPED = re.compile(r"\\([,|$\\])")
_NUMBER = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_AFTER_ALL = "\U0010ffff"
_MICROSECONDS = 1_000_000
#: Of the distance between a date and now, this part is approximately the date.
_APPROXIMATE = 10


def split(text: str, separator: str) -> list[str]:
    r"""Return the parts between separators that are not escaped, as in ``a\,b,c``."""
    parts, start = [], 0
    for match in _SPLIT[separator].finditer(text):
        parts.append(text[start : match.end() - 1])
        start = match.end()
    return [*parts, text[start:]]


def unescaped(text: str) -> str:
    """Return a part of a value without its escapes."""
    return _ESCAPED.sub(r"\1", text)


def prefixed(text: str) -> tuple[str, str]:
    """Return the prefix of a value, ``eq`` if it has none, and the rest."""
    match = _PREFIX.fullmatch(text)
    return ("eq", text) if match is None else (match[1] or "eq", match[2])


def comparison(kind: Kind, modifier: str, text: str, name: str, store: str) -> Sql:
    """Return the SQL that is true of the rows of the index that one value of a search means.

    Parameters
    ----------
    kind, modifier : str
        The type of the parameter, and what comes after the colon.
    text : str
        The value, with its escapes.
    name : str
        What the search calls the parameter, for messages.
    store : str
        The name of the store, whose own absolute addresses are references within it.
    """
    if kind == "reference" and modifier != "identifier":
        return _reference(unescaped(text), modifier, store)
    if kind == "string" or modifier == "text":
        return _string(unescaped(text), modifier)
    if kind == "uri":
        return _uri(unescaped(text), modifier)
    if kind in ("token", "reference"):
        return _token(text)
    return _RANGED[kind](text, name)


def unsupported(name: str, modifier: str, kind: Kind) -> ServiceError:
    """Return the error for a modifier that a parameter cannot have here."""
    if modifier in TERMINOLOGY and kind == "token":
        return ServiceError(
            Code.UNIMPLEMENTED,
            f"{name}:{modifier} needs code systems and value sets, which the local service does not have",
        )
    known = ", ".join(f":{each}" for each in sorted({*MODIFIERS[kind], "missing"}))
    return invalid_argument(f"{name}:{modifier[:80]}: a {kind} parameter has the modifiers {known}")


def changed(text: str) -> Sql:
    """Return the comparison of the time of a resource's last change, ``c.updated``, with a date."""
    prefix, wanted = _moment(text, "_lastUpdated")
    return Sql(f"({_INSTANTS[prefix].format(first=wanted.low, last=wanted.high)})")


def _date(text: str, name: str) -> Sql:
    prefix, wanted = _moment(text, name)
    return Sql(f"({_ORDERS[prefix].format(first=wanted.low, last=wanted.high)})")


def _moment(text: str, name: str) -> tuple[str, Span]:
    """Return the prefix of a date, and what it means."""
    prefix, rest = prefixed(text)
    wanted = span(rest)
    if wanted is None:
        raise invalid_argument(
            f"{name}: expected a date such as 2026-03-01, with a time and a prefix such as ge if you like"
        )
    if prefix == "ap":
        now = int(datetime.now(UTC).timestamp() * _MICROSECONDS)
        margin = abs(now - wanted.low) // _APPROXIMATE
        wanted = Span(wanted.low - margin, wanted.high + margin)
    return prefix, wanted


def _token(text: str) -> Sql:
    system, *rest = split(text, "|")
    if not rest:
        return Sql("s.text = ?", (unescaped(system).casefold(),))
    code, system = unescaped("|".join(rest)).casefold(), unescaped(system)
    if not code:
        return Sql("s.extra = ?", (system,))
    return Sql("(s.text = ? AND s.extra = ?)", (code, system))


def _string(text: str, modifier: str) -> Sql:
    plain = folded(text)
    if modifier == "exact":
        return Sql("(s.text = ? AND s.extra = ?)", (plain, text))
    if not plain:  # only punctuation, which is ignored: it starts nothing
        return Sql("0")
    if modifier == "contains":
        return Sql("instr(s.text, ?) > 0", (plain,))
    return Sql("(s.text >= ? AND s.text < ?)", (plain, plain + _AFTER_ALL))


def _uri(text: str, modifier: str) -> Sql:
    if modifier == "below":
        return Sql("(s.text >= ? AND s.text < ?)", (text, text + _AFTER_ALL))
    if modifier == "above":
        return Sql("(s.text != '' AND substr(?, 1, length(s.text)) = s.text)", (text,))
    return Sql("s.text = ?", (text,))


def _reference(text: str, modifier: str, store: str) -> Sql:
    target = target_of(text)
    if target is not None and (":" not in text or f"/{store}/fhir/" in text):
        type_, identifier = target
        if modifier and type_ != modifier:
            return Sql("0")
        return Sql("(s.text = ? AND s.extra = ?)", (identifier, type_))
    if ":" not in text:
        if modifier:
            return Sql("(s.text = ? AND s.extra = ?)", (text, modifier))
        return Sql("(s.text = ? AND s.extra > '' AND s.extra < '|')", (text,))
    url, _, version = text.partition("|")
    if version:
        return Sql("(s.text = ? AND s.extra = ?)", (url, f"|{version}"))
    return Sql("s.text = ?", (url,))


def _number(text: str, name: str) -> Sql:
    prefix, rest = prefixed(text)
    low, high = _around(Decimal(rest), prefix) if _NUMBER.fullmatch(rest) else (float("inf"), 0.0)
    if max(abs(low), abs(high)) == float("inf"):
        raise invalid_argument(f"{name}: expected a number such as 5.4, with a prefix such as ge if you like")
    return Sql(f"({_POINTS[prefix].format(first=low, last=high)})")


def _around(number: Decimal, prefix: str) -> tuple[float, float]:
    """Return the range that a number stands for: as precise as it is written, or 10 % for ``ap``."""
    margin = Decimal(0)
    if prefix == "ap":
        margin = abs(number) / _APPROXIMATE
    elif prefix in ("eq", "ne"):  # 100 is precise to the unit, and 1e2 to the hundred
        margin = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    return float(number - margin), float(number + margin)


def _quantity(text: str, name: str) -> Sql:
    number, *rest = split(text, "|")
    sql = _number(unescaped(number), name)
    if len(rest) > 2:  # noqa: PLR2004 - system and code
        raise invalid_argument(f"{name}: expected a quantity such as 5.4|http://unitsofmeasure.org|mg")
    system, code = (unescaped(part) for part in (*rest, "", "")[:2])
    if len(rest) == 1:
        system, code = "", system  # 5.4|mg, as some write it
    for column, value in (("s.extra", system), ("s.text", code)):
        if value:
            sql = Sql(f"({sql.text} AND {column} = ?)", (*sql.values, value))
    return sql


#: Comparisons of a range of the index with the range [first, last) of a search.
_ORDERS = {
    "eq": "s.low >= {first} AND s.low < {last} AND s.high <= {last}",
    "ne": "NOT (s.low >= {first} AND s.high <= {last})",
    "gt": "s.high > {last}",
    "lt": "s.low < {first}",
    "ge": "s.high > {first} AND (s.high > {last} OR s.low >= {first})",
    "le": "s.low < {last} AND (s.low < {first} OR s.high <= {last})",
    "sa": "s.low >= {last}",
    "eb": "s.high <= {first}",
    "ap": "s.low < {last} AND s.high > {first}",
}
#: The same of an instant.
_INSTANTS = {
    "eq": "c.updated >= {first} AND c.updated < {last}",
    "ne": "c.updated < {first} OR c.updated >= {last}",
    "gt": "c.updated >= {last}",
    "lt": "c.updated < {first}",
    "ge": "c.updated >= {first}",
    "le": "c.updated < {last}",
    "sa": "c.updated >= {last}",
    "eb": "c.updated < {first}",
    "ap": "c.updated >= {first} AND c.updated < {last}",
}
#: The same of numbers, which are points, or ranges with their ends.
_POINTS = {
    "eq": "s.low >= {first} AND s.low < {last} AND s.high < {last}",
    "ne": "NOT (s.low >= {first} AND s.high < {last})",
    "gt": "s.high > {first}",
    "lt": "s.low < {first}",
    "ge": "s.high >= {first}",
    "le": "s.low <= {first}",
    "sa": "s.low > {first}",
    "eb": "s.high < {first}",
    "ap": "s.low <= {last} AND s.high >= {first}",
}
_RANGED: dict[str, Callable[[str, str], Sql]] = {
    "date": _date,
    "number": _number,
    "quantity": _quantity,
}
