"""HL7v2 messages to tables, compared field by field with the `hl7` library."""

from __future__ import annotations

import base64
import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import hl7
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lro_notebook.errors import BadLinesWarning, LroWarning, ResultError, TruncatedListsWarning
from lro_notebook.results.formats.hl7v2 import escapes, parser
from lro_notebook.results.formats.hl7v2.tables import Segments
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lro_notebook.results.results import Results

ORU = (
    "MSH|^~\\&|LAB|HOSP^1.2.3^ISO|EHR|CLINIC|20260101120000||ORU^R01^ORU_R01|M1|P|2.5.1\r"
    "PID|1||00123^^^MR&1.2&ISO^MR~456^^^SS||DOE^JANE^Q||19700102|F|||12 Main St\\T\\Co^^Town^CO^02139\r"
    "OBR|1|||GLU^Glucose^LN\r"
    "OBX|1|NM|GLU^Glucose^LN||5.40|mmol/L|3-6|N|||F\r"
    "NTE|1||first\r"
    "OBX|2|TX|NOTE||line one\\.br\\line\\F\\two \\X41\\||||||F\r"
    "ZZZ|own^thing"
)
STORE = "projects/p/locations/l/datasets/d/hl7V2Stores/s/messages"


def line(text: str | bytes, **fields: Any) -> str:
    data = text.encode() if isinstance(text, str) else text
    return json.dumps({**fields, "data": base64.b64encode(data).decode()})


def export(folder: Path, *lines: str, name: str = "messages-0-of-1") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(one + "\n" for one in lines))
    return folder


def quiet(results: Results) -> Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        dict(results)
    return results


def cells(results: Results, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = results.arrow(table).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_messages_and_a_table_for_each_segment(tmp_path: Path) -> None:
    fields = {"messageType": "ORU", "labels": {"ward": "3"}, "patientIds": [{"value": "00123", "type": "MR"}]}
    export(tmp_path / "out", *(line(ORU, name=f"{STORE}/m{n}", **fields) for n in range(3)))
    results = quiet(read(tmp_path / "out"))
    assert list(results) == ["messages", "MSH", "PID", "OBR", "OBX", "NTE", "ZZZ"]
    first = cells(results, "messages")[0]
    assert first == {
        "message": "m0",
        "name": f"{STORE}/m0",
        "messageType": "ORU",
        "labels.ward": "3",
        "patientIds.value": "00123",
        "patientIds.type": "MR",
        "data": ORU,
    }
    assert results["OBX"]["message"].tolist() == ["m0", "m0", "m1", "m1", "m2", "m2"]
    assert results["OBX"]["index"].tolist() == [3, 5] * 3
    assert results["PID"].attrs["files"] == [f"{tmp_path}/out/messages-0-of-1"]


def test_columns_have_positions_and_the_names_of_the_standard(tmp_path: Path) -> None:
    results = quiet(read(export(tmp_path / "out", line(ORU))))
    (pid,) = cells(results, "PID")
    assert pid["PID.3"] == "00123^^^MR&1.2&ISO^MR"
    assert pid["PID.3.1"] == pid["patient_identifier_list.id_number"] == "00123"
    assert pid["PID.3.4"] == pid["patient_identifier_list.assigning_authority"] == "MR&1.2&ISO"
    assert (pid["PID.3.4.1"], pid["PID.3.4.2"], pid["PID.3.4.3"]) == ("MR", "1.2", "ISO")
    assert pid["PID.5.1"] == pid["patient_name.family_name"] == "DOE"
    assert pid["PID.8"] == pid["administrative_sex"] == "F"
    assert pid["PID.11.1"] == "12 Main St&Co"
    assert pid["patient_address.zip_or_postal_code"] == "02139"
    (msh,) = cells(results, "MSH")
    assert (msh["MSH.1"], msh["MSH.2"], msh["MSH.3"], msh["MSH.10"]) == ("|", "^~\\&", "LAB", "M1")
    assert (msh["message_type.message_code"], msh["sending_facility.universal_id"]) == ("ORU", "1.2.3")
    values = [row["observation_value"] for row in cells(results, "OBX")]
    assert values == ["5.40", "line one\nline|two A"]
    assert cells(results, "ZZZ") == [
        {
            "message": "messages-0-of-1:1",
            "index": 6,
            "ZZZ.1": "own^thing",
            "ZZZ.1.1": "own",
            "ZZZ.1.2": "thing",
        }
    ]


def test_repetitions_are_counted_or_kept(tmp_path: Path) -> None:
    place = export(tmp_path / "out", line(ORU))
    assert quiet(read(place)).truncated.to_dict("records") == [{"column": "PID.3", "rows": 1}]
    exploded = quiet(read(place, lists="explode"))
    assert exploded.truncated.empty
    assert cells(exploded, "PID.repetitions")[1] == {
        "message": "messages-0-of-1:1",
        "PID.index": 1,
        "field": 3,
        "name": "patient_identifier_list",
        "index": 1,
        "value": "456^^^SS",
        "value.1": "456",
        "value.4": "SS",
        "value.4.1": "SS",
    }
    nested = quiet(read(place, lists="nested"))
    assert cells(nested, "PID")[0]["PID.3"] == [["00123", "", "", "MR&1.2&ISO", "MR"], ["456", "", "", "SS"]]


def test_other_encoding_characters_in_the_same_file(tmp_path: Path) -> None:
    other = "MSH#*!?$#LAB\rPID#1##7*8!9#x?F?y#a$b"
    results = quiet(read(export(tmp_path / "out", line(ORU), line(other), line(ORU))))
    pids = cells(results, "PID")
    assert [row["PID.3.1"] for row in pids] == ["00123", "7", "00123"]
    assert (pids[1]["PID.3.2"], pids[1]["PID.4"], pids[1]["PID.5"]) == ("8", "x#y", "a$b")


WORDS = st.text(st.sampled_from("abZ 09|^~&\\.é"), max_size=4)
FIELDS = st.lists(
    st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3), min_size=1, max_size=2
)


def joined(field: list[list[list[str]]]) -> str:
    usual = escapes.Encoding()
    return "~".join(
        "^".join("&".join(escapes.escape(word, usual) for word in component) for component in repetition)
        for repetition in field
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(segments=st.lists(st.lists(FIELDS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_every_value_is_what_the_hl7_library_finds(segments: list[list[list[list[list[str]]]]]) -> None:
    text = "MSH|^~\\&|A\r" + "\r".join("ZZ1|" + "|".join(map(joined, fields)) for fields in segments)
    message = parser.parse(text)
    assert message is not None
    collected = Segments("first")
    collected.add("k", message)
    theirs = hl7.parse(text)
    for number, row in enumerate(collected.tables()["ZZ1"].to_pylist(), 1):
        for name, value in row.items():
            places = [int(part) for part in name.split(".")[1:]]
            if value is None or not places or _divided(message.segments[number].split("|"), places):
                continue
            place = dict(zip(("field_num", "component_num", "subcomponent_num"), places, strict=False))
            found = theirs.extract_field("ZZ1", segment_num=number, repeat_num=1, **place)
            assert value == found
        kept = {value for name, value in row.items() if name.count(".") >= 1}
        for text in message.segments[number].split("|")[1:]:
            for word in re.split(r"[\^&]", text.split("~")[0]):
                assert not word or escapes.unescape(word, message.encoding) in kept


def _divided(fields: Sequence[str], places: list[int]) -> bool:
    """Tell whether a field or component holds more than one value: it is shown as it was sent."""
    text = fields[places[0]].split("~")[0]
    if len(places) == 1:
        return "^" in text or "&" in text
    return len(places) == 2 and "&" in text.split("^")[places[1] - 1]


PARSED = {
    "segments": [
        {
            "segmentId": "MSH",
            "fields": {"0": "MSH", "1": "|", "2": "^~\\&", "3": "LAB", "9.1": "ORU", "9.2": "R01"},
        },
        {
            "segmentId": "PID",
            "setId": "1",
            "fields": {
                "0": "PID",
                "1": "1",
                "3[0].1": "00123",
                "3[0].5": "MRN",
                "3[1].1": "4|5",
                "5.1": "O\\Neil",
                "11.1.2": "b",
            },
        },
    ]
}
SCHEMATIZED = {
    "ORU_R01": [
        {
            "MSH": {"MSH.1": "|", "MSH.2": "^~\\&", "MSH.3": {"HD.1": "LAB"}},
            "PATIENT_RESULT": [
                {
                    "PATIENT": {
                        "PID": {"set_id": "1", "PID.3": [{"CX.1": "00123", "CX.5": "MRN"}, {"CX.1": "4|5"}]}
                    }
                }
            ],
        }
    ]
}


def test_every_view_gives_the_same_tables(tmp_path: Path) -> None:
    views: dict[str, dict[str, Any]] = {
        "FULL": {"data": base64.b64encode(ORU.encode()).decode(), "parsedData": PARSED},
        "RAW_ONLY": {"data": base64.b64encode(ORU.encode()).decode()},
        "PARSED_ONLY": {"parsedData": PARSED},
        "SCHEMATIZED_ONLY": {"schematizedData": {"data": json.dumps(SCHEMATIZED)}},
        "BASIC": {},
    }
    lines = (json.dumps({"name": f"{STORE}/{view}", **body}) for view, body in views.items())
    results = quiet(read(export(tmp_path / "out", *lines, name="7_whatever")))
    assert results.bad_lines.empty
    assert results["messages"]["message"].tolist() == list(views)
    pids = {row["message"]: row for row in cells(results, "PID")}
    assert [pids[view]["PID.3.1"] for view in list(views)[:4]] == ["00123"] * 4
    assert pids["PARSED_ONLY"]["PID.5.1"] == "O\\Neil"
    assert pids["PARSED_ONLY"]["PID.11.1.2"] == "b"
    assert pids["SCHEMATIZED_ONLY"]["set_id"] == "1"
    assert [row["MSH.3"] for row in cells(results, "MSH")] == ["LAB"] * 4
    exploded = quiet(read(tmp_path / "out", lists="explode"))
    again = [row["value.1"] for row in cells(exploded, "PID.repetitions") if row["index"] == 1]
    assert again == ["456", "456", "4|5", "4|5"]


def test_wrong_messages_are_named_and_the_others_kept(tmp_path: Path) -> None:
    lines = [
        line(ORU),
        line("hello"),
        '{"data":"%%%"}',
        "broken",
        '{"other":1}',
        line(ORU.replace("\r", "\n")),
        line(b"MSH|^~\\&|\xff"),
        line("MSH|^~\\&|A|||||||||||||||8859/1\rPID|1||é".encode("latin-1")),
        line(ORU.replace("\r", "\r\n")),
        line("MSH|^~\\&|A\rPID|1\r?!|2"),
        json.dumps({"name": "x/m", "schematizedData": {"data": "{}", "error": "no"}}),
        json.dumps({"name": "x/n", "parsedData": 5}),
    ]
    results = quiet(read(export(tmp_path / "out", *lines)))
    bad = results.bad_lines
    assert dict(zip(bad["line"], bad["reason"], strict=True)) == {
        2: "not HL7v2: no MSH segment at its start",
        3: "data is not base64",
        4: "not valid JSON",
        5: "not a message in any view of the API",
        6: "segments end with line feeds, not carriage returns; read all the same",
        7: "names no character set for its 8-bit text (MSH-18); read as cp1252, "
        "encoding= of read_results and op.load says another",
        10: "a segment has no name; it was left out",
        11: "its schematized data holds no segment that is known",
        12: "not a message in any view of the API",
    }
    assert bad["line"].is_monotonic_increasing
    kept = [name.rpartition(":")[2] for name in results["messages"]["message"]]
    assert kept == ["1", "6", "7", "8", "9", "10", "m"]
    per_message = results["OBX"].groupby("message").size().to_dict()
    assert per_message == {f"messages-0-of-1:{number}": 2 for number in (1, 6, 9)}
    assert cells(results, "PID")[2]["PID.3"] == "é"
    assert results["messages"]["schematizedData.error"].dropna().tolist() == ["no"]


def test_errors_raise_names_the_line_and_no_content(tmp_path: Path) -> None:
    place = export(tmp_path / "out", line(ORU), line("SECRET"))
    with pytest.raises(ResultError, match="messages-0-of-1 line 2: not HL7v2") as caught:
        read(place, errors="raise")["PID"]
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_files_of_plain_text(tmp_path: Path, end: str) -> None:
    one = ORU.replace("\r", end)
    text = f"FHS|^~\\&{end}BHS|^~\\&{end}{one}{end}\x0b{one}{end}\x1c{end}BTS|2{end}FTS|1{end}"
    (tmp_path / "batch.hl7").write_bytes(text.encode())
    results = quiet(read(tmp_path / "batch.hl7"))
    assert results["messages"]["message"].tolist() == ["batch.hl7:3", "batch.hl7:10"]
    assert len(results["OBX"]) == 4
    assert "BTS" not in results
    assert len(results.bad_lines) == (2 if end == "\n" else 0)


def test_keys_are_the_same_in_parquet_and_dask(tmp_path: Path) -> None:
    for number in range(2):
        export(tmp_path / "out", line(ORU), line(ORU), name=f"messages-{number}-of-2")
    results = quiet(read(tmp_path / "out"))
    assert results["messages"]["message"].is_unique
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        read(tmp_path / "out").to_parquet(tmp_path / "pq")
        parts = read(tmp_path / "out").dask("OBX")
    assert pq.read_table(tmp_path / "pq" / "OBX").to_pylist() == results.arrow("OBX").to_pylist()
    assert parts.compute(scheduler="sync")["message"].tolist() == results["OBX"]["message"].tolist()


def test_columns_of_one_segment(tmp_path: Path) -> None:
    place = export(tmp_path / "out", line(ORU))
    results = quiet(
        read(place, columns={"OBX": ["message", "OBX.3.1", "observation_value"], "messages": ["message"]})
    )
    assert results["OBX"].columns.tolist() == ["message", "OBX.3.1", "observation_value"]
    assert results["messages"].columns.tolist() == ["message"]
    assert len(results["PID"].columns) > 10


def test_a_segment_may_be_asked_for_by_its_name(tmp_path: Path) -> None:
    place = export(tmp_path / "out", line(ORU))
    assert quiet(read(place, tables=["OBX"]))["OBX"].shape[0] == 2
    with pytest.raises(ResultError, match=r"no table Patient at .*; there are messages"):
        read(place, tables="Patient")


def test_an_unknown_segment_names_those_there(tmp_path: Path) -> None:
    with (
        pytest.warns(LroWarning),
        pytest.raises(KeyError, match="no table 'AL1'; there are messages, MSH, PID"),
    ):
        read(export(tmp_path / "out", line(ORU)))["AL1"]
    with pytest.warns(BadLinesWarning), pytest.warns(TruncatedListsWarning):
        assert len(read(export(tmp_path / "other", "{", line(ORU)))["messages"]) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\H\bold\N\ ", "bold "),
        (r"x\.br\y\.sp2\z\.sp\ ", "x\ny\n\nz\n "),
        (r"\XC3A9\ \X0D\ ", "é \r "),
        (r"\Zown\ \C2842\ ", r"\Zown\ \C2842\ "),
        ("one \\ alone", "one \\ alone"),
    ],
)
def test_escapes(text: str, plain: str) -> None:
    assert escapes.unescape(text, escapes.Encoding()) == plain
