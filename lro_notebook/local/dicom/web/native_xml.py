"""DICOM JSON as the Native DICOM Model, in XML (PS3.19, A.1). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xml:space="preserve">'
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NAMES = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def native_xml(item: Mapping[str, Any], keyword_of: Callable[[int], str]) -> bytes:
    """Return attributes as an XML document; `keyword_of` gives the keyword of a tag, empty if it has none."""
    body = "".join(_attributes(item, keyword_of))
    # What XML cannot hold is left out.
    text = "".join(one for one in f"{_HEAD}{body}</NativeDicomModel>" if one >= " " or one in "\t\n\r")
    return text.encode("utf-8", "replace")


def _attributes(item: Mapping[str, Any], keyword_of: Callable[[int], str]) -> Iterator[str]:
    for tag, element in sorted(item.items()):
        keyword = keyword_of(int(tag, 16))
        named = f" keyword={quoteattr(keyword)}" if keyword else ""
        yield f'<DicomAttribute tag="{tag}" vr={quoteattr(str(element.get("vr", "UN")))}{named}>'
        for number, value in enumerate(element.get("Value", ()), 1):
            yield _value(value, number, element.get("vr"), keyword_of)
        yield "</DicomAttribute>"


def _value(value: Any, number: int, representation: object, keyword_of: Callable[[int], str]) -> str:
    if representation == "SQ":
        return f'<Item number="{number}">{"".join(_attributes(value or {}, keyword_of))}</Item>'
    if isinstance(value, dict):
        groups = "".join(_group(name, str(value[name])) for name in _GROUPS if value.get(name))
        return f'<PersonName number="{number}">{groups}</PersonName>'
    return "" if value is None else f'<Value number="{number}">{escape(str(value))}</Value>'


def _group(name: str, text: str) -> str:
    parts = "".join(
        f"<{part}>{escape(value)}</{part}>"
        for part, value in zip(_NAMES, text.split("^"), strict=False)
        if value
    )
    return f"<{name}>{parts}</{name}>"
