"""What the index keeps of a value: texts to compare, or ranges. Pure.

The shape of the JSON tells the type: what has `coding` is a CodeableConcept, what has `start` a Period.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lro_notebook.local.fhir.search import moments
from lro_notebook.local.fhir.search.walkers import Found, target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lro_notebook.local.fhir.search.parameters import Parameter


class Text(NamedTuple):
    """A text, and what qualifies it: system of a code, type of a reference, spelling of a string."""

    text: str
    extra: str = ""


class Range(NamedTuple):
    """A range of numbers or microseconds, and for a quantity its unit and the system of that."""

    low: float
    high: float
    text: str = ""
    extra: str = ""


Entry: TypeAlias = Text | Range

#: Kept of a value that has nothing to compare, such as a reference with but a display: there is one.
PRESENT = Text("")
_CONTACT_SYSTEMS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})
_NAME_PARTS = (
    "family",
    "given",
    "prefix",
    "suffix",
    "line",
    "city",
    "district",
    "state",
    "postalCode",
    "country",
    "text",
)
CURRENCIES = "urn:iso:std:iso:4217"


def entries(parameter: Parameter, found: Sequence[Found]) -> set[Entry]:
    """Return what to keep of the values of a parameter in one resource."""
    keep = _KEEP[f"{parameter.kind}:{parameter.flavour}"]
    kept: set[Entry] = set()
    for value, system in found:
        kept.update(keep(value, system))
    if found and not kept and not parameter.flavour:
        kept.add(PRESENT)
    return kept


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Return a text without case, accents, punctuation and extra white space."""
    plain = text
    if not text.isascii():
        plain = "".join(
            each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)
        )
    kept = "".join(each if each.isalnum() else " " if each.isspace() else "" for each in plain.casefold())
    return " ".join(kept.split())


def _token(value: Any, system: str) -> Iterator[Entry]:
    if isinstance(value, bool):
        yield Text("true" if value else "false", system)
    elif isinstance(value, str | int):
        yield Text(str(value).casefold(), system)
    elif isinstance(value, dict):
        if "coding" in value:
            for coding in _listed(value["coding"]):
                yield from _token(coding, "")
            return
        code = value.get("code", value.get("value"))
        own = value.get("system")
        if isinstance(code, dict):  # a CodeableReference or a UsageContext
            yield from _token(code, "")
        elif isinstance(code, str) and code:
            yield Text(code.casefold(), own if isinstance(own, str) and own not in _CONTACT_SYSTEMS else "")
        elif isinstance(own, str) and own and own not in _CONTACT_SYSTEMS:
            yield Text("", own)


def _words(value: Any, _: str) -> Iterator[Entry]:
    """Yield the words that come with a code or an identifier."""
    if isinstance(value, dict):
        texts = [value.get("text"), value.get("display")]
        texts += [each.get("display") for each in _listed(value.get("coding")) if isinstance(each, dict)]
        if isinstance(value.get("type"), dict):
            texts.append(value["type"].get("text"))
        for text in texts:
            yield from _string(text, "")


def _string(value: Any, _: str) -> Iterator[Entry]:
    if isinstance(value, str):
        text = folded(value)
        if text:
            yield Text(text, value)
    elif isinstance(value, dict):
        for name in _NAME_PARTS:
            for part in _listed(value.get(name)):
                if isinstance(part, str):
                    yield from _string(part, "")


def _uri(value: Any, _: str) -> Iterator[Entry]:
    if isinstance(value, str) and value:
        yield Text(value)


def _reference(value: Any, _: str) -> Iterator[Entry]:
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text or text.startswith("#"):
        return
    target = target_of(text)
    if target is not None and ":" not in text:
        yield Text(target[1], target[0])
    else:
        url, _, version = text.partition("|")
        yield Text(url, f"|{version}" if version else "")


def _identifier(value: Any, _: str) -> Iterator[Entry]:
    if isinstance(value, dict) and isinstance(value.get("identifier"), dict):
        yield from _token(value["identifier"], "")


def _date(value: Any, _: str) -> Iterator[Entry]:
    if isinstance(value, str):
        span = moments.span(value)
        if span is not None:
            yield Range(*span)
    elif isinstance(value, dict):
        span = moments.period(value.get("start"), value.get("end"))
        if span is not None:
            yield Range(*span)
        for event in _listed(value.get("event")):
            yield from _date(event, "")
        if isinstance(value.get("repeat"), dict):
            yield from _date(value["repeat"].get("boundsPeriod"), "")


def _number(value: Any, _: str) -> Iterator[Entry]:
    number = _float(value)
    if number is not None:
        yield Range(number, number)
    elif isinstance(value, dict):  # a Range
        ends = [value.get(end) for end in ("low", "high")]
        low, high = (_float(end.get("value")) if isinstance(end, dict) else None for end in ends)
        if low is not None or high is not None:
            yield Range(float("-inf") if low is None else low, float("inf") if high is None else high)


def _quantity(value: Any, _: str) -> Iterator[Entry]:
    if not isinstance(value, dict):
        return
    number = _float(value.get("value"))
    if number is not None:
        yield from _in_units(number, number, value)
    elif "low" in value or "high" in value:
        unit = next((value[end] for end in ("low", "high") if isinstance(value.get(end), dict)), {})
        for span in _number(value, ""):
            if isinstance(span, Range):
                yield from _in_units(span.low, span.high, unit)


def _in_units(low: float, high: float, unit: dict[str, Any]) -> Iterator[Entry]:
    """Yield a range under the code of its unit, and under its name where that is another."""
    currency = unit.get("currency")
    code, system = (
        (currency, CURRENCIES) if isinstance(currency, str) else (unit.get("code"), unit.get("system"))
    )
    code, system = (each if isinstance(each, str) else "" for each in (code, system))
    yield Range(low, high, code, system)
    name = unit.get("unit")
    if isinstance(name, str) and name and name != code:
        yield Range(low, high, name)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _float(value: Any) -> float | None:
    """Return a number as a float; None for anything else."""
    if isinstance(value, bool | str | dict | list) or value is None:
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


_KEEP: dict[str, Callable[[Any, str], Iterator[Entry]]] = {
    "token:": _token,
    "token:text": _words,
    "string:": _string,
    "uri:": _uri,
    "reference:": _reference,
    "reference:identifier": _identifier,
    "date:": _date,
    "number:": _number,
    "quantity:": _quantity,
}
