"""JSON and UUIDs of Parquet files are text, whatever the version of pyarrow gives."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from results.declared import results_of, rows_of

from lro_notebook.results.arrow.normalize_types import BAD_TEXT, Plain
from lro_notebook.results.formats.parquet.logical import with_texts
from lro_notebook.results.formats.parquet.reader import PARQUET

if TYPE_CHECKING:
    from pathlib import Path

#: Columns u (UUID), j (JSON), s (b: bytes, us: a list of UUIDs) and m (a map to JSON), which older versions
#: of pyarrow cannot write; without the schema of Arrow, as other programs write them.
FILE = (
    b"c-oDV&2G~`6ov1M$5Xe8A``eHTk^t+no%pc6+udcP!_O3U3gKkV1p32m8JeTZ5lhJ6=l~YV#&JVIe3IFc!WMcAAlX)acn|Jq"
    b"+;2l@!a{&xpOS<ym-|`fg!HO$ProqZXaeZ8v$FWB9!RTBLiAn4mpjM%>)qbVNlbJ$f3f=cG7+pc0b)qu3)n!ZI@Bu7a@<(n?"
    b"Y7qErYaxarlp3+o&USruc*Br6U(+3`C_e=X^vcNzXXDeS=Dv@o!?QCYL-@dDDG+ANz2^`ZqoBWWKkb4ia>Lq(bB#8)tX42^$"
    b"@nA9i$nLvKBr=P0VxUGvVzIr+-i9J(hwksag(@>*pn&C)@7T$Ead9?)hUN0ZIVN9o18vm_g*6HV|eTIoO>)XsKUt=yIL13%L"
    b"cVAJn`bbV?Pxss|-mwH<}>k$P3#vJIx9Qy0h*JZ+nY1GVN$z-a~-<iH*bCe4G1>73T*=|X`SNr-K*FP7KoX9QCd4*POZnK<H"
    b"DwC=6AR$LxG4+}0YfInq`PQ}M{%a0Xv8s=!Y%q<@#P#PiUxmK27WJeh{N2?ep-IlA)KH!4FSfoF^HQ>udPzz~OI_PaYDfLBV"
    b"J#dcqtkI(Z0rq(8_8&N@*zA+NBP0Yark6w^YLca&*+=}bHgRc?9jjd8xA3RiU"
)
UUID = "00000000-0000-0000-0000-000000000005"
ROWS: list[dict[str, Any]] = [
    {
        "u": UUID,
        "j": '{"a": 1}',
        "s": {"b": b"\xff", "us": [UUID, None]},
        "m": [{"key": "k", "value": "[1]"}],
    },
    {"u": None, "j": None, "s": None, "m": None},
    {"u": UUID, "j": '{"a": 1}', "s": {"b": None, "us": []}, "m": []},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").write_bytes(zlib.decompress(base64.b85decode(FILE)))
    return tmp_path


def test_json_and_uuids_are_text_at_any_depth(folder: Path) -> None:
    assert results_of(folder, PARQUET, lists="nested").arrow("T").to_pylist() == [
        {"u": row["u"], "j": row["j"], "s.b": (row["s"] or {}).get("b"), "s.us": (row["s"] or {}).get("us"),
         "m": row["m"]}
        for row in ROWS
    ]  # fmt: skip


def test_they_are_text_where_only_they_are_read(folder: Path) -> None:
    assert [row["j"] for row in rows_of(folder, PARQUET, columns=["j"])] == ['{"a": 1}', None, '{"a": 1}']
    first, *_ = rows_of(folder, PARQUET, columns=["s.us"], lists="nested")
    assert first["s.us"] == [UUID, None]
    assert results_of(folder, PARQUET, columns=["u"]).arrow("T")["u"].to_pylist() == [UUID, None, UUID]


@pytest.mark.parametrize("rows", [3, 0])
def test_bytes_of_older_versions_become_text(rows: int) -> None:
    nested = pa.array([[b"[]", b"\xff"], None, [b"{}"]], pa.list_(pa.binary()))
    held = pa.StructArray.from_arrays([nested, pa.array([bytes(16)] * 3)], names=["j", "u"])
    table = pa.table({"b": pa.array([b"\xfe"] * 3), "o": held, "n": pa.array([1, 2, 3])}).slice(0, rows)
    plain = Plain()
    texts = with_texts(plain.table(table), ["", "JSON", "UUID", ""], plain)
    zero = UUID.replace("5", "0")
    expected = [
        {"b": b"\xfe", "o": {"j": j, "u": zero}, "n": n}
        for n, j in enumerate([["[]", "\ufffd"], None, ["{}"]], start=1)
    ]
    assert texts.to_pylist() == expected[:rows]
    assert texts.schema.field("o").type.field("j").type == pa.list_(pa.string())
    assert list(plain.faults) == ([BAD_TEXT] if rows else [])
