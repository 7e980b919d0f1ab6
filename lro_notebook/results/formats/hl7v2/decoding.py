"""The bytes of an HL7v2 message to text: in the character set that it names before any guess. Pure.

Every message becomes text. What had to be guessed, or was not in its set, is said in fixed words.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.results.arrow.encodings import marked
from lro_notebook.results.formats.hl7v2.charset_switches import UNKNOWN_SWITCH, Marks, has_switches, switched
from lro_notebook.results.formats.hl7v2.charsets import DEFAULT, Charset, charset_of, is_wide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

UNDECLARED = "names no character set for its 8-bit text (MSH-18)"
NOT_KNOWN = "the character set that it names is not known (MSH-18)"
NOT_TEXT = "not in the character set that it names (MSH-18)"
_NOT_OURS = "not in the character set of encoding="
_OTHER = "encoding= of read_results and op.load says another"
_REPLACED = "bytes that are not in it became U+FFFD"

_CHARACTER_SET = 17  # the place of MSH-18 behind the name of the segment and its first separator
_NAMES = 10  # repetitions of MSH-18 that are looked at
_HEADER = 4000  # bytes in which MSH-18 stands
_UTF8 = "utf_8"
_SPACE = 0x20
#: What Japanese systems send where they should switch.
_KIN = {"iso2022_jp_2": ("cp932", "euc_jp")}
#: The start of text in wider characters, without a byte order mark.
_FIRST = re.compile(rb"(\0{0,3})[\x0b\x20MFB](\0{0,3})")


class Decoded(NamedTuple):
    """A message as text; in which codecs its hexadecimal escapes are; what is wrong with it."""

    text: str
    codecs: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def wide_codec(start: bytes) -> str:
    """Return the codec of text in UTF-16 or UTF-32 that starts so; empty for any other."""
    if start.startswith(b"MSH"):
        return ""
    found = marked(start)
    if found is not None and found[0] != "utf-8":
        return found[0].replace("-", "_")
    match = _FIRST.match(start)
    zeros = (len(match[1]), len(match[2])) if match else (0, 0)
    codec_of = {(0, 1): "utf_16_le", (1, 1): "utf_16_be", (0, 3): "utf_32_le", (3, 3): "utf_32_be"}
    return codec_of.get(zeros, "")


def narrowed(pieces: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """Yield the bytes of text in UTF-16 or UTF-32 as UTF-8; what is not in it becomes U+FFFD."""
    first = True
    for text in codecs.iterdecode(pieces, codec, "replace"):
        yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", "replace")
        first = False


def decoded(data: bytes, encoding: str = "", *, unicode: bool = False) -> Decoded:
    """Return the text of a message.

    Parameters
    ----------
    data : bytes
        The message.
    encoding : str
        The codec of messages that name no character set, where the user gave one.
    unicode : bool
        Whether the file says by its first bytes that it is Unicode; `data` is UTF-8 then.
    """
    if wide := wide_codec(data):
        data, unicode = b"".join(narrowed([data], wide)), True
    start = max(data.find(b"MSH"), 0)
    if _is_simple(data, start):
        return Decoded(data.decode("ascii"))
    header = re.split(rb"[\r\n]", data[start : start + _HEADER], maxsplit=1)[0]
    marks = _marks(header)
    if data.isascii() and not has_switches(data, marks.escape):
        has_bytes = marks.escape != b"" and marks.escape + b"X" in data
        return Decoded(data.decode("ascii"), _of_escapes(header, marks, encoding) if has_bytes else ())
    return _Reading(data, header, marks, encoding).result(unicode=unicode)


def _is_simple(data: bytes, start: int) -> bool:
    """Tell whether a message, as most are, is the same in all sets: its header begins at `start`."""
    escape = data[start + 6 : start + 7]
    return (
        data.isascii()
        and b"\x1b" not in data
        and data[start + 3 : start + 4] not in data[start + 4 : start + 7]
        and escape + b"X" not in data
        and escape + b"C" not in data
        and escape + b"M" not in data
    )


def _marks(header: bytes) -> Marks:
    field = header[3:4]
    given = header[4:].split(field, 1)[0] if field else b""
    component, repetition, escape, subcomponent = (given[n : n + 1] or b"^~\\&"[n : n + 1] for n in range(4))
    return Marks(field, component, repetition, escape, subcomponent)


def _of_escapes(header: bytes, marks: Marks, encoding: str) -> tuple[str, ...]:
    """Return the codecs in which the hexadecimal escapes of a message are, whose text says nothing more."""
    return _declared(header, marks)[0] or ((encoding,) if encoding else (_UTF8, *DEFAULT))


def _fallback(encoding: str) -> tuple[str, ...]:
    return (encoding,) if encoding else DEFAULT


def _declared(header: bytes, marks: Marks) -> tuple[tuple[str, ...], bool]:
    """Return the codecs of the sets that MSH-18 names, ASCII left out, and whether all names are known."""
    names = _names(header, marks)
    known = [charset_of(name) for name in names]
    found = (codec for charset in known if charset for codec in charset.codecs)
    return tuple(dict.fromkeys(codec for codec in found if codec != "ascii")), None not in known


def _names(header: bytes, marks: Marks) -> list[str]:
    """Return the names in MSH-18; a field before it may hold bytes that only look like a separator."""
    if not marks.field:
        return []
    parts = header.split(marks.field)
    if header.isascii() and b"\x1b" not in header:
        return _split(parts[_CHARACTER_SET], marks) if len(parts) > _CHARACTER_SET else []
    for part in parts[_CHARACTER_SET : _CHARACTER_SET + _NAMES]:
        names = _split(part, marks) if part.isascii() else []
        for charset in filter(None, map(charset_of, names)):
            if _is_eighteenth(part, header, marks, charset):
                return names
    plain = parts[_CHARACTER_SET] if len(parts) > _CHARACTER_SET else b""
    return _split(plain, marks) if plain.isascii() else []


def _split(part: bytes, marks: Marks) -> list[str]:
    names = part.decode("ascii").split(marks.repetition.decode("latin-1"))[:_NAMES]
    return [name.strip() for name in names if name.strip()]


def _is_eighteenth(part: bytes, header: bytes, marks: Marks, charset: Charset) -> bool:
    """Tell whether `part` is MSH-18 where the header is in this set."""
    codec = charset.codecs[0]
    try:
        text, _ = switched(header, partial(str, encoding=codec), marks)
    except UnicodeDecodeError:
        return False
    fields = text.split(marks.field.decode("latin-1"))
    return len(fields) > _CHARACTER_SET and fields[_CHARACTER_SET] == part.decode("ascii")


class _Reading:
    """How a message with more than ASCII is read."""

    def __init__(self, data: bytes, header: bytes, marks: Marks, encoding: str) -> None:
        self._data, self._marks, self._encoding = data, marks, encoding
        self._switches = has_switches(data, marks.escape)
        self._named, self._is_known = _declared(header, marks)
        #: The same as codecs for these bytes: a message that names UTF-16 and is not in it is in UTF-8.
        self._declared = tuple(dict.fromkeys(_UTF8 if is_wide(codec) else codec for codec in self._named))
        self._is_plain = all(codec.startswith("iso8859_") for codec in self._declared)

    def result(self, *, unicode: bool) -> Decoded:
        """Return the message as text."""
        first = self._first(unicode=unicode)
        for codec in first:
            text = self._strict(codec)
            if text is not None:
                cause = "" if self._is_known else NOT_KNOWN
                return self._decoded(text, codec, cause)
        cause = NOT_TEXT if self._declared else _NOT_OURS if self._encoding else UNDECLARED
        cause = cause if self._is_known else NOT_KNOWN
        broken = self._is_broken()
        for codec in () if broken else self._guesses():
            text = None if codec in first else self._strict(codec)
            if text is not None:
                return self._decoded(text, codec, cause)
        codec = _UTF8 if broken else (self._declared or _fallback(self._encoding))[0]
        text = self._data.decode(codec, "replace"), True
        return self._decoded(text, codec, cause, replaced=True)

    def _first(self, *, unicode: bool) -> tuple[str, ...]:
        """Return the codecs that the message, its file or the user names."""
        if not self._declared and self._encoding and not unicode:
            return (self._encoding,)
        # Systems that send UTF-8 often name nothing, or a part of ISO 8859 as they were set up.
        return (_UTF8, *self._declared) if unicode or self._is_plain else self._declared

    def _guesses(self) -> tuple[str, ...]:
        """Return the codecs to try where the text is in none that is named.

        Where a set with many characters of its own is named, damaged text in it is likelier than another.
        """
        kin = tuple(codec for name in self._declared for codec in _KIN.get(name, ()))
        return (_UTF8, *kin, *(() if set(self._declared) - {_UTF8} else _fallback(self._encoding)))

    def _is_broken(self) -> bool:
        """Tell whether it is UTF-8 for the most part, such as text that was cut inside of a character."""
        if not self._is_plain and _UTF8 not in self._declared:
            return False
        text = self._data.decode(_UTF8, "replace")
        wrong = text.count("\ufffd")
        return sum(letter > "\x7f" for letter in text) - wrong > wrong

    def _strict(self, codec: str) -> tuple[str, bool] | None:
        """Return the text if it is in this codec, and whether its switches are known."""
        try:
            if self._switches:
                return switched(self._data, partial(str, encoding=codec), self._marks)
            return self._data.decode(codec), True
        except UnicodeDecodeError:
            return None

    def _decoded(self, text: tuple[str, bool], codec: str, cause: str, *, replaced: bool = False) -> Decoded:
        words = [f"{cause}; read as {codec}"] if cause else []
        words += [_REPLACED] if replaced else []
        words += [_OTHER] if cause and codec != self._encoding else []
        faults = ((", ".join(words),) if words else ()) + (() if text[1] else (UNKNOWN_SWITCH,))
        is_other = codec == _UTF8 and not self._is_plain
        of_escapes = (*self._named, codec) if is_other else (codec, *self._named)
        if not self._named:
            of_escapes += _fallback(self._encoding)
        return Decoded(text[0], tuple(dict.fromkeys(of_escapes)), faults)


def text_of_bytes(pieces: Iterable[bytes], names: Sequence[str], kept: Callable[[bytes], str]) -> str:
    """Return as text what follows each other in a message as hexadecimal digits, in one of these codecs.

    A character may be in two pieces. Pieces that are in none of the codecs become what `kept` makes of them.
    """
    parts = []
    for is_apart, group in groupby(pieces, partial(_is_apart, names=names)):
        held = list(group)
        for some in ([piece] for piece in held) if is_apart else (held,):
            text = _text_of_bytes(b"".join(some), names)
            parts.append("".join(map(kept, some)) if text is None else text)
    return "".join(parts)


def _is_apart(piece: bytes, names: Sequence[str]) -> bool:
    return _is_padded(piece) or (is_wide(names[0]) and _is_control(piece))


def _is_padded(piece: bytes) -> bool:
    """Tell whether each character takes two bytes, the first of them zero: some give it so in any set."""
    return len(piece) % 2 == 0 and not any(piece[::2]) and any(piece)


def _is_control(piece: bytes) -> bool:
    """Tell whether these are line breaks and the like, a byte each, even in UTF-16."""
    return all(code < _SPACE for code in piece)


def _text_of_bytes(data: bytes, names: Sequence[str]) -> str | None:
    if _is_padded(data):
        return data.decode("utf_16_be")
    for name in (*names, "ascii"):
        if is_wide(name) and _is_control(data):
            continue
        with suppress(UnicodeDecodeError):
            return data.decode(name)
    return None
