"""Nasty files, one kind each, and what is right for each: its rows, and its bad lines by number."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from results.oracle import oracle, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from lro_notebook.results.results import Results

BOM = b"\xef\xbb\xbf"
DEEP = b'{"id":"d","a":' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}"
BIG = b'{"id":"big","text":"' + b"x" * 20_000_000 + b'"}'


@dataclass
class File:
    """A file: its lines, which of them (from 1) are bad, and how the bytes are wrapped."""

    lines: list[bytes]
    bad: list[int] = field(default_factory=list)
    wrap: Callable[[list[bytes]], bytes] = lambda lines: b"".join(line + b"\n" for line in lines)

    @property
    def data(self) -> bytes:
        return self.wrap(self.lines)

    @property
    def rows(self) -> list[dict[str, object]]:
        kept = [line for number, line in enumerate(self.lines, 1) if number not in self.bad]
        return [oracle(json.loads(line.removeprefix(BOM))) for line in kept if line.strip()]


def members(lines: list[bytes]) -> bytes:
    return b"".join(gzip.compress(line + b"\n") for line in lines)


def cut_gzip(lines: list[bytes]) -> bytes:
    return gzip.compress(b"\n".join(lines[:-1]) + b"\n", mtime=0)[:-6]


def ids(*values: str) -> list[bytes]:
    return [b'{"id":"%s"}' % value.encode() for value in values]


A, B, C = ids("a", "b", "c")
KINDS: dict[str, list[File]] = {
    "schema drift between shards": [
        File([b'{"a":1}']),
        File([b'{"b":{"c":"x"},"a":2.5}']),
        File([b'{"d":[true]}']),
    ],
    "a key first seen in the last row": [File([A] * 30_000 + [b'{"id":"z","late":{"deep":[{"k":"v"}]}}'])],
    "scalar, object and array at one path": [
        File(
            [
                b'{"v":"s"}',
                b'{"v":{"x":1}}',
                b'{"v":["t","u"]}',
                b'{"v":[{"x":2}]}',
                b'{"v":5}',
                b'{"v":true}',
            ]
        ),
    ],
    "each of them in a shard of its own": [
        File([b'{"v":"s"}']),
        File([b'{"v":{"x":1}}']),
        File([b'{"v":[2]}']),
    ],
    "numbers, then strings": [File([b'{"v":1}', b'{"v":2.5}', b'{"v":"high"}', b'{"v":1e3}'])],
    "numbers, then strings, in shards": [File([b'{"v":1}', b'{"v":2.5}']), File([b'{"v":"high"}'])],
    "integers past 2^53": [File([b'{"n":9007199254740993}', b'{"n":-9007199254740993}', b'{"n":1}'])],
    "integers past 2^53 beside fractions": [
        File([b'{"n":9007199254740993}']),
        File([b'{"n":1.5}', b'{"n":2}']),
    ],
    "integers past 2^63": [
        File(
            [
                b'{"n":9223372036854775807}',
                b'{"n":9223372036854775809}',
                b'{"n":-123456789012345678901234567890}',
            ]
        ),
        File([b'{"n":1}']),
    ],
    "an integer of a hundred digits": [File([b'{"n":1}', b'{"n":' + b"7" * 100 + b"}"])],
    "exponents and minus zero": [
        File([b'{"n":1E3}', b'{"n":1.5e-7}', b'{"n":-0}', b'{"n":-0.0}', b'{"n":1E40}'])
    ],
    "numbers that JSON does not have": [
        File(
            [
                A,
                b'{"n":NaN}',
                b'{"n":-Infinity}',
                b'{"n":01}',
                b'{"n":+1}',
                b'{"n":.5}',
                b'{"n":1.}',
                b'{"n":1}',
            ],
            [2, 3, 4, 5, 6, 7],
        ),
    ],
    "NaN inside lists": [File([b'{"l":[1,{"n":2}]}', b'{"l":[NaN]}', b'{"l":[3]}'], [2])],
    "a truncated last line": [File([A, B, b'{"id":"c","na'], [3], b"\n".join)],
    "no final newline": [File([A, B], [], b"\n".join)],
    "glued objects": [
        File([A, b'{"id":"x"}{"id":"y"}', b'{"id":"x"} {"id":"y"}', b'[{"id":"x"}]', B], [2, 3, 4])
    ],
    "glued objects beside an object over two lines": [
        File([b'{"id":"x"}{"id":"y"}', b'{"id":', b'"z"}', A], [1, 2, 3]),
    ],
    "lone surrogates": [File([rb'{"id":"x\ud800y"}', rb'{"id":"\ude00"}', rb'{"id":"\ud83d\ude00"}'])],
    "invalid UTF-8": [File([A, b'{"id":"\xff"}', b'{"id":"\xed\xa0\x80"}', b'{"id":"\xc3\xa9"}'], [2, 3])],
    "control characters": [File([b'{"id":"a\tb"}', b'{"id":"\x00"}', rb'{"id":"\u0000\t"}'], [1, 2])],
    "line separators of Unicode": [
        File([json.dumps({"id": "a\u2028b\u2029c\x85d"}, ensure_ascii=False).encode(), B])
    ],
    "deep nesting": [File([A, DEEP])],
    "nesting too deep for any parser": [File([A, b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", B], [2])],
    "a line of 20 MB": [File([A, BIG, B])],
    "keys twice in an object": [
        File([b'{"v":1,"v":2}', b'{"v":1,"v":"x"}', b'{"v":{"b":1},"v":{"c":2}}', b'{"v":[1],"v":null}']),
    ],
    "keys that differ in case": [File([b'{"Id":"1","id":"2","ID":"3"}', b'{"iD":"4"}'])],
    "keys with dots, empty keys": [File([b'{"a.b":1,"a":{"b":2,"":3},"":4}', b'{"":{"":5}}', b'{"":[[6]]}'])],
    "empty lists and objects, nulls": [
        File(
            [
                b"{}",
                b'{"v":[]}',
                b'{"v":{}}',
                b'{"v":null}',
                b'{"v":[null,{"x":1}]}',
                b'{"v":[{},{"x":2}]}',
                b'{"v":[[],[3]]}',
            ]
        ),
    ],
    "nulls at the start of lists": [File([b'{"v":[null,1,2]}', b'{"w":[null,{"id":"x"}]}', b'{"v":[3]}'])],
    "lines that are no objects": [
        File([b"null", A, b"[1]", b'"x"', b"5", b"true", b"", b"{}"], [1, 3, 4, 5, 6])
    ],
    "CRLF": [File([A, b"", B], [], lambda lines: b"".join(line + b"\r\n" for line in lines))],
    "carriage returns alone": [File([b'{"id":"a"}\r{"id":"b"}\r'], [1])],
    "a byte order mark": [File([A, B], [], lambda lines: BOM + b"\n".join(lines))],
    "a byte order mark in the middle shard": [
        File([A]),
        File([B], [], lambda lines: BOM + b"\n".join(lines)),
        File([C]),
    ],
    "marked files that were joined": [File([BOM + A, BOM + B])],
    "UTF-16": [File(["{}".encode("utf-16")], [1])],
    "white space around objects": [File([b"  " + A + b" ", b"\t" + B, b" \t "])],
    "gzip of several members": [File([A, B, C], [], members)],
    "gzip that is padded": [File([A], [], lambda lines: members(lines) + b"\0" * 600)],
    "gzip that was cut": [File([A, B, b"lost"], [3], cut_gzip), File([C])],
    "gzip with rubbish behind it": [File([A, b"lost"], [2], lambda lines: members(lines[:1]) + b"rubbish")],
    "gzip with a wrong checksum": [
        File([A, b"lost"], [2], lambda lines: (whole := members(lines[:1]))[:-8] + b"\1\2\3\4" + whole[-4:]),
    ],
    "an empty file": [File([], [], lambda _: b""), File([A])],
    "newlines alone": [File([b"", b"", b""]), File([A])],
    "comments, trailing commas, quotes": [
        File([b'{"a":1,}', b'{"a":/*x*/1}', b"{'a':1}", b'{"a":True}', A], [1, 2, 3, 4])
    ],
    "codes and dates": [
        File(
            [
                b'{"id":"00007","zip":"02139","on":"2020-01-01T10:00:00-05:00"}',
                b'{"on":"1970"}',
                b'{"on":"1970-03"}',
            ]
        ),
    ],
}


def check_rows_and_bad_lines(kind: str, decimals: str, load: Callable[..., Results]) -> None:
    """Load the files of a kind; see that every row is kept and every bad line is named."""
    files = KINDS[kind]
    results = load(*(file.data for file in files), decimals=decimals)
    wanted = [row for file in files for row in file.rows]
    table = results.arrow("T")
    table.validate(full=True)
    assert table.num_rows == len(wanted)
    for row, want in zip(table.to_pylist() or [{}] * len(wanted), wanted, strict=True):
        assert {name for name, value in row.items() if value is not None} == set(want)
        assert all(same(row[name], sound(value)) for name, value in want.items())
    bad = results.bad_lines
    assert [(name[-10:-7], line) for name, line in zip(bad["file"], bad["line"], strict=True)] == [
        (f"{number:03d}", line) for number, file in enumerate(files) for line in file.bad
    ]


def sound(value: Any) -> Any:
    """Return a value as it can be written down: lone surrogates replaced."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
