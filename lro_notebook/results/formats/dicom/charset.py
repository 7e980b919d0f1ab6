"""Text of DICOM objects that is not in the character set that they declare: read, and told. Needs pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.results.arrow.line_blocks import is_utf8

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHARSET = 0x00080005
_ESCAPE = b"\x1b"
_ASCII = "iso8859"  # what pydicom calls the set of those that declare none, or one that it does not know
#: Sets for letters of Latin, in which UTF-8 makes no sense: other programs write it, and declare these.
_LATIN = frozenset({_ASCII, "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso_ir_148", "iso8859_9"})
_CONTROLS = frozenset(map(chr, range(0x80, 0xA0)))
_AS_UTF8 = "has text that is not in its declared character set; it was read as UTF-8, which it is"
_AS_LATIN = "has text in no declared character set; it was read as ISO 8859-1"
_LOST = "has text that is not in its declared character set; it was read as far as it can be"


#: The character sets of an object that declares none.
UNDECLARED = (_ASCII,)


def charsets_of(dataset: Any, outer: Sequence[str]) -> Sequence[str]:
    """Return Python's names for the character sets of a dataset; `outer` are those around it."""
    if _CHARSET not in dataset:
        return outer
    from pydicom.charset import convert_encodings

    declared = dataset[_CHARSET].value
    return convert_encodings(declared) if declared else outer


def element_of(dataset: Any, tag: Any, charsets: Sequence[str]) -> tuple[Any, str]:
    """Return an attribute, and what is wrong with the characters of its text; that is empty for nothing."""
    raw = dataset.get_item(tag)
    element = dataset[tag]
    value = raw.value
    if raw is element or not isinstance(value, bytes) or (value.isascii() and _ESCAPE not in value):
        return element, ""
    return _told(element, raw, dataset, charsets)


def _told(element: Any, raw: Any, dataset: Any, charsets: Sequence[str]) -> tuple[Any, str]:
    from pydicom.dataelem import convert_raw_data_element
    from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, STR_VR

    value: bytes = raw.value
    if element.VR not in STR_VR:
        return element, ""
    has_sets = element.VR in CUSTOMIZABLE_CHARSET_VR
    reason = _judged(value, charsets if has_sets else [_ASCII])
    if reason != _AS_UTF8:
        return element, reason
    if has_sets:
        return convert_raw_data_element(raw, encoding=["utf_8"], ds=dataset), reason
    several = element.VM > 1
    values = [
        str(each).encode("latin_1").decode() for each in (element.value if several else [element.value])
    ]
    element.value = values if several else values[0]
    return element, reason


def _judged(value: bytes, charsets: Sequence[str]) -> str:
    """Return what is wrong with text; empty where it is in the declared sets."""
    from pydicom.charset import decode_bytes
    from pydicom.valuerep import TEXT_VR_DELIMS

    first, plain = charsets[0], value.partition(_ESCAPE)[0]
    text = decode_bytes(value, list(charsets), TEXT_VR_DELIMS)
    is_ascii = plain.isascii() or first != _ASCII
    if _ESCAPE not in value and first in _LATIN and is_utf8(value):
        return _AS_UTF8
    if not is_ascii:
        return _AS_LATIN
    is_lost = "\ufffd" in text or "\x1b" in text or not _CONTROLS.isdisjoint(text)
    return _LOST if is_lost else ""
