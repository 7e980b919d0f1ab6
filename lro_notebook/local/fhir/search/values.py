"""What the index keeps of a value: texts to compare, or ranges. Pure.

The shape of the JSON tells the type: what has `coding` is a CodeableConcept, what has `start` a Period. A
text is kept with what qualifies it: the system of a code, the type of a reference, the spelling of a string.
A range of numbers or of microseconds is kept with its unit, and the system of that.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from lro_notebook.local.fhir.search import date_ranges
from lro_notebook.local.fhir.search.parameter_expressions import target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.local.fhir.search.parameter_expressions import Found
    from lro_notebook.local.fhir.search.parameters import Parameter

Text: TypeAlias = "tuple[str, str]"
Range: TypeAlias = "tuple[float, float, str, str]"


class Kept:
    """What is kept of one parameter in one resource; it may hold the same twice."""

    __slots__ = ("ranges", "texts")

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.ranges: list[Range] = []


#: Kept of a value that has nothing to compare, such as a reference with but a display: there is one.
_PRESENT: Text = ("", "")
#: ContactPoint.system, which is no system of codes.
_CONTACT_SYSTEMS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})
_NAME_PARTS = ("family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode")
_CURRENCIES = "urn:iso:std:iso:4217"
#: The end of what is open: infinity has no JSON, which tokens of pages are.
_LARGEST = sys.float_info.max


def keeper(parameter: Parameter, own: str = "") -> Callable[[Found, Kept], None]:
    """Return a function that adds what to keep of the values of a parameter in one resource.

    `own` is what comes before type and id in whole addresses within the store: ``/projects/…/fhir/``.
    """
    keep, tells_presence = _KEEP[parameter.kind, parameter.flavour], not parameter.flavour
    if keep is _reference:
        keep = partial(_reference, own=own)

    def add(found: Found, into: Kept) -> None:
        for value, system in found:
            keep(value, system, into)
        if tells_presence and not into.texts and not into.ranges:
            into.texts.append(_PRESENT)

    return add


def kept(parameter: Parameter, found: Found) -> Kept:
    """Return what to keep of the values of a parameter in one resource."""
    into = Kept()
    if found:
        keeper(parameter)(found, into)
    return into


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Return a text without case, accents, punctuation and extra white space."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(each for each in parts if not unicodedata.combining(each))
    letters = (each if each.isalnum() else " " if each.isspace() else "" for each in text.casefold())
    return " ".join("".join(letters).split())


def _token(value: Any, system: str, into: Kept) -> None:
    if type(value) is str:
        into.texts.append((value.casefold(), system))
    elif type(value) is dict:
        coding = value.get("coding")
        if coding is not None:
            for each in _listed(coding):
                _token(each, "", into)
        else:
            _coded(value, into)
    elif isinstance(value, bool):
        into.texts.append(("true" if value else "false", system))
    elif isinstance(value, int):
        into.texts.append((str(value), system))


def _coded(value: dict[str, Any], into: Kept) -> None:
    """Keep a Coding, an Identifier or a ContactPoint."""
    code, system = value.get("code") or value.get("value"), value.get("system")
    if isinstance(code, dict):  # of a UsageContext
        _token(code, "", into)
        return
    own = system if isinstance(system, str) and system not in _CONTACT_SYSTEMS else ""
    if isinstance(code, str) or own:
        into.texts.append((code.casefold() if isinstance(code, str) else "", own))


def _words(value: Any, _: str, into: Kept) -> None:
    """Keep the words that come with a code or an identifier."""
    if isinstance(value, dict):
        type_ = value.get("type")
        for part in (value, *_listed(value.get("coding")), type_):
            if isinstance(part, dict):
                _string(part.get("display"), "", into)
                _string(part.get("text"), "", into)


def _string(value: Any, _: str, into: Kept) -> None:
    if isinstance(value, str):
        text = folded(value)
        if text:
            into.texts.append((text, value))
    elif isinstance(value, dict):
        for name in (*_NAME_PARTS, "country", "text"):
            for part in _listed(value.get(name)):
                if isinstance(part, str):
                    _string(part, "", into)


def _uri(value: Any, _: str, into: Kept) -> None:
    if isinstance(value, str) and value:
        into.texts.append((value, ""))


def _reference(value: Any, _: str, into: Kept, own: str = "") -> None:
    text = value.get("reference") if isinstance(value, dict) else value
    if not isinstance(text, str) or not text or text[0] == "#":
        return
    inside = text.rpartition(own)[2] if own else text
    target = None if ":" in inside else target_of(inside)
    if target is not None:
        into.texts.append((target[1], target[0]))
    else:
        url, mark, version = text.partition("|")
        into.texts.append((url, mark + version))


def _identifier(value: Any, _: str, into: Kept) -> None:
    if isinstance(value, dict) and isinstance(value.get("identifier"), dict):
        _token(value["identifier"], "", into)


def _date(value: Any, _: str, into: Kept) -> None:
    if type(value) is dict:
        span = date_ranges.period(value.get("start"), value.get("end"))
        for event in _listed(value.get("event")):  # of a Timing
            _date(event, "", into)
        if isinstance(value.get("repeat"), dict):
            _date(value["repeat"].get("boundsPeriod"), "", into)
    else:
        span = date_ranges.span(value)
    if span is not None:
        into.ranges.append((span.low, span.high, "", ""))


def _number(value: Any, _: str, into: Kept) -> None:
    ends = _ends(value)
    if ends is not None:
        into.ranges.append((*ends, "", ""))


def _quantity(value: Any, _: str, into: Kept) -> None:
    """Keep a quantity under the code of its unit, and under the name where that is another."""
    ends = _ends(value.get("value", value)) if isinstance(value, dict) else None
    if ends is None:
        return
    unit = next((value[end] for end in ("low", "high") if isinstance(value.get(end), dict)), value)
    code, system, name = (_text(unit.get(field)) for field in ("code", "system", "unit"))
    if "currency" in unit:
        code, system = _text(unit["currency"]), _CURRENCIES
    into.ranges.append((*ends, code, system))
    if name and name != code:
        into.ranges.append((*ends, name, ""))


def _ends(value: Any) -> tuple[float, float] | None:
    """Return both ends of a number or a Range, which may be open."""
    if isinstance(value, dict):
        low, high = (
            _float(end.get("value")) if isinstance(end, dict) else None
            for end in (value.get("low"), value.get("high"))
        )
        if low is None and high is None:
            return None
        return (-_LARGEST if low is None else low, _LARGEST if high is None else high)
    number = _float(value)
    return None if number is None else (number, number)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _float(value: Any) -> float | None:
    """Return a number as a finite float; None for anything else."""
    if value is None or isinstance(value, bool | str | dict | list):
        return None
    try:
        return min(max(float(value), -_LARGEST), _LARGEST)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


_KEEP: dict[tuple[str, str], Callable[[Any, str, Kept], None]] = {
    ("token", ""): _token,
    ("token", "text"): _words,
    ("string", ""): _string,
    ("uri", ""): _uri,
    ("reference", ""): _reference,
    ("reference", "identifier"): _identifier,
    ("date", ""): _date,
    ("number", ""): _number,
    ("quantity", ""): _quantity,
}
