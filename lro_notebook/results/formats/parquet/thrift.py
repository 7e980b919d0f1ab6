"""Thrift's compact protocol, in which Parquet says what is where: read to be judged before it is believed.

No recursion, and no list or text is longer than the bytes that are there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _TEXT, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_LONGEST = 64  # bits of a number
_MANY = 15  # elements, from which on their number stands behind
_DEEPEST = 32  # structs in structs; Parquet has six

#: What a value is: a number, bytes, a list, or a struct as its fields by their numbers.
Value = Any


class ThriftError(ValueError):
    """The bytes are not Thrift, or end too early."""


class Compact:
    """Reads values one after the other.

    Attributes
    ----------
    place : int
        How many bytes were read.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0
        self._simple: dict[int, Callable[[], Value]] = {
            _BYTE: self._byte,
            **dict.fromkeys(_INTEGERS, self._signed),
            _DOUBLE: lambda: self._bytes(8),
            _TEXT: lambda: self._bytes(self._varint()),
        }

    def struct(self, depth: int = 0) -> dict[int, Value]:
        """Return the next value, which is a struct: its fields by their numbers."""
        if depth > _DEEPEST:
            raise ThriftError("nested too deep")
        fields: dict[int, Value] = {}
        number = 0
        while (head := self._byte()) != _STOP:
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 15, depth)
        return fields

    def field(self, wanted: int) -> Value:
        """Return a field of the next struct, None where it has none; what is behind stays unread."""
        number = 0
        while (head := self._byte()) != _STOP:
            number = number + (head >> 4) if head >> 4 else self._signed()
            value = self._value(head & 15, 0)
            if number == wanted:
                return value
        return None

    def elements(self, wanted: int) -> Iterator[dict[int, Value]]:
        """Yield what is in a field of the next struct, a list of structs, one by one."""
        number = 0
        while (head := self._byte()) != _STOP:
            number = number + (head >> 4) if head >> 4 else self._signed()
            if number != wanted:
                self._value(head & 15, 0)
                continue
            count, kind = self._head_of_list()
            if head & 15 != _LIST or (count and kind != _STRUCT):
                raise ThriftError("no list of structs")
            for _ in range(count):
                yield self.struct(1)
            return

    def _value(self, kind: int, depth: int, *, inside: bool = False) -> Value:
        if kind in (_TRUE, _FALSE):
            return self._byte() == _TRUE if inside else kind == _TRUE
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth)
        simple = self._simple.get(kind)
        if simple is None:
            raise ThriftError("a type that Parquet does not use")
        return simple()

    def _list(self, depth: int) -> list[Value]:
        if depth > _DEEPEST:
            raise ThriftError("nested too deep")
        count, kind = self._head_of_list()
        return [self._value(kind, depth + 1, inside=True) for _ in range(count)]

    def _head_of_list(self) -> tuple[int, int]:
        head = self._byte()
        count, kind = head >> 4, head & 15
        if count == _MANY:
            count = self._varint()
        if count > len(self._data) - self.place:  # each element is a byte or more
            raise ThriftError("a list without its elements")
        return count, kind

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        end = self.place + count
        if end > len(self._data):
            raise ThriftError("cut off")
        part, self.place = self._data[self.place : end], end
        return part

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:  # noqa: PLR2004 - the last byte has no high bit
                return value
            shift += 7
            if shift > _LONGEST:
                raise ThriftError("a number that is too long")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
