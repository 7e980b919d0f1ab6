"""Which codecs of Python read the character sets that HL7v2 messages name in MSH-18 (HL7 table 0211). Pure.

Names are known in the spelling of the table, in those of ISO and IANA, and in those of Python.
"""

from __future__ import annotations

import difflib
import re
from encodings import aliases
from functools import lru_cache
from typing import NamedTuple

from lro_notebook.errors import ConfigError

#: What reads 8-bit text that says nothing about itself and is not UTF-8: all that prints in 8859/1, and more.
DEFAULT = ("cp1252", "iso8859_1")

_ASCII = "ascii"
_JAPANESE = ("iso2022_jp_2", "iso2022_jp_ext")
_CHINESE = ("gb18030",)
_TAIWANESE = ("big5", "cp950", "big5hkscs")
_KOREAN = ("euc_kr", "cp949")
_KANA = ("shift_jis", "cp932")
#: A name without what is no letter or digit -> codecs, the strictest first; none where Python has no codec.
_NAMES: dict[str, tuple[str, ...]] = {
    "ASCII": (_ASCII,),
    "ISO646": (_ASCII,),
    "UNICODE": ("utf_8",),
    "UNICODEUTF8": ("utf_8",),
    "ISO10646": ("utf_8",),
    "UNICODEUTF16": ("utf_16_be",),
    "UNICODEUTF16LE": ("utf_16_le",),
    "UNICODEUTF16BE": ("utf_16_be",),
    "UNICODEUTF32": ("utf_32_be",),
    "UTF16": ("utf_16_be",),
    "UTF32": ("utf_32_be",),
    "BIG5": _TAIWANESE,
    "CNS11643": (),
    "CNS116431992": (),
    "KSX1001": _KOREAN,
    "KSC5601": _KOREAN,
    "EUCKR": _KOREAN,
    "GBK": _CHINESE,
    "GB2312": _CHINESE,
    "GB231280": _CHINESE,
    "JISX0201": _KANA,
    "JISX0202": _JAPANESE,
    "JISX0208": _JAPANESE,
    "JISX0212": _JAPANESE,
    "JAS2020": _JAPANESE,
    "ISO2022JP": _JAPANESE,
}
#: The number of a set in the register of ISO (ISO IR100, ISO_IR 100, ISO 2022 IR 100) -> codecs.
_REGISTERED: dict[str, tuple[str, ...]] = {
    "6": (_ASCII,),
    "13": _KANA,
    "14": _KANA,
    "58": _CHINESE,
    "87": _JAPANESE,
    "100": ("iso8859_1",),
    "101": ("iso8859_2",),
    "109": ("iso8859_3",),
    "110": ("iso8859_4",),
    "126": ("iso8859_7",),
    "127": ("iso8859_6",),
    "138": ("iso8859_8",),
    "144": ("iso8859_5",),
    "148": ("iso8859_9",),
    "149": _KOREAN,
    "159": _JAPANESE,
    "166": ("iso8859_11",),
    "171": (),  # CNS 11643, planes 1 and 2
    "172": (),
    "192": ("utf_8",),
    "203": ("iso8859_15",),
}
_REGISTER = re.compile(r"ISO(?:2022)?IR(\d{1,3})")
_PART = re.compile(r"(?:ISO)?(?:IEC)?8859(1[0-6]|[1-9])(?:19\d\d)?")
_GB18030 = re.compile(r"GB18030(?:20\d\d)?")
_NO_WORD = re.compile(r"[^A-Z0-9]")
_PLAIN = re.compile(r"[A-Za-z0-9 ._:/()-]{1,40}")
#: Codecs that are in no list of aliases; those that are no character sets are in none either.
_OTHERS = frozenset({"cp720", "cp737", "cp874", "cp1006", "iso8859_1", "koi8_t", "koi8_u"})
_CODECS = frozenset(aliases.aliases.values()) | _OTHERS
_PRINTABLE = bytes(range(0x20, 0x7F))


class Charset(NamedTuple):
    """A character set that is known: the codecs that read it, in the order in which they are tried."""

    codecs: tuple[str, ...]


def is_wide(codec: str) -> bool:
    """Tell whether this codec gives no character a byte of its own."""
    return codec.startswith(("utf_16", "utf_32"))


@lru_cache(maxsize=1000)
def charset_of(name: str) -> Charset | None:
    """Return the character set of this name, None where it is not known or Python cannot read it."""
    if not _PLAIN.fullmatch(name):
        return None
    word = _NO_WORD.sub("", name.upper())
    if registered := _REGISTER.fullmatch(word):
        codecs = _REGISTERED.get(registered[1], ())
    elif part := _PART.fullmatch(word):
        codecs = (f"iso8859_{part[1]}",) if f"iso8859_{part[1]}" in _CODECS else ()
    elif _GB18030.fullmatch(word):
        codecs = _CHINESE
    else:
        codecs = _NAMES[word] if word in _NAMES else _python_codec(name)
    return Charset(codecs) if codecs else None


def _python_codec(name: str) -> tuple[str, ...]:
    """Return the codec that Python has under this name, if text with ASCII separators can be in it."""
    key = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    codec = aliases.aliases.get(key, key)
    if codec not in _CODECS:
        return ()
    try:
        reads_ascii = _PRINTABLE.decode(codec) == _PRINTABLE.decode("ascii")
    except (LookupError, UnicodeError):  # no character set, or not on this system; not one of bytes
        return ()
    if not reads_ascii:
        return ()
    return ("iso8859_1",) if codec == "latin_1" else (codec,)


def checked_encoding(name: object) -> str:
    """Return the codec of an ``encoding=`` that a user gave, by a name of Python or of HL7; empty for None.

    Raises
    ------
    ConfigError
        No character set has that name, or messages cannot be in it.
    """
    if name is None:
        return ""
    known = charset_of(name) if isinstance(name, str) else None
    if known is not None and not is_wide(known.codecs[0]):
        return known.codecs[0]
    if known is not None:
        raise ConfigError(
            f"encoding={name!r}: files in UTF-16 and UTF-32 are known by their first bytes; "
            'leave encoding= out, or name the set of the others, such as "utf-8"'
        )
    words = sorted({word.replace("_", "-") for word in (*aliases.aliases, *_CODECS) if _python_codec(word)})
    asked = re.sub(r"[^a-z0-9]+", "-", str(name).lower())
    near = difflib.get_close_matches(asked, words, n=3, cutoff=0.5)
    hint = f"near to it: {', '.join(near)}" if near else 'such as "cp1252", "8859/2" or "gb18030"'
    raise ConfigError(f"encoding={name!r} is no character set that HL7v2 text can be in; {hint}")
