"""Schematized parsing: groups, repetitions, choices, types, versions, and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.hl7v2 import message_parser
from lro_notebook.local.hl7v2.message_parser import ParseError, Parser
from lro_notebook.local.hl7v2.message_schema import schema_of, schematized

HEADER = r"MSH|^~\&|APP|FAC|||20260101||ORU^R01|7|T|2.5.1"


def segment(kind: str, low: int = 0, high: int = 1) -> dict[str, Any]:
    return {"segment": {"type": kind, "minOccurs": low, "maxOccurs": high}}


def group(name: str, *members: dict[str, Any], low: int = 0, high: int = 0, **more: Any) -> dict[str, Any]:
    return {"group": {"name": name, "minOccurs": low, "maxOccurs": high, "members": list(members), **more}}


def package(*members: dict[str, Any], types: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    root = {"name": "ORU_R01", "members": list(members)}
    return {"schemas": [{"messageSchemaConfigs": {"ORU_R01": root}}], "types": types or [], **more}


RESULTS = package(
    segment("MSH", 1),
    group(
        "PATIENT_RESULT",
        group("PATIENT", segment("PID", 1), segment("PV1"), high=1),
        group(
            "ORDER_OBSERVATION", segment("ORC"), segment("OBR", 1), group("OBSERVATION", segment("OBX", 1))
        ),
        low=1,
    ),
)


def found(schema: dict[str, Any], *lines: str, header: str = HEADER) -> dict[str, Any]:
    segments, marks = message_parser.segments("\r".join([header, *lines]).encode(), Parser())
    assert marks is not None
    return schematized(segments, marks, schema_of(schema))


def test_segments_are_put_into_the_groups_of_the_schema() -> None:
    (message,) = found(RESULTS, "PID|1||9", "OBR|1", "OBX|1", "OBX|2", "ORC|A", "OBR|2", "OBX|3").values()
    (result,) = message["PATIENT_RESULT"]
    assert result["PATIENT"] == {"PID": {"1": "1", "3": "9"}}
    first, second = result["ORDER_OBSERVATION"]
    assert [item["OBX"]["1"] for item in first["OBSERVATION"]] == ["1", "2"]
    assert second == {"ORC": {"1": "A"}, "OBR": {"1": "2"}, "OBSERVATION": [{"OBX": {"1": "3"}}]}
    assert (message["MSH"]["1"], message["MSH"]["2"]) == ("|", r"^~\&")
    assert message["MSH"]["9"] == {"1": "ORU", "2": "R01"}


def test_fields_without_a_type_are_numbered() -> None:
    (message,) = found(package(segment("MSH"), segment("PID")), "PID||a^b&c|d~e").values()
    assert message["PID"] == {"2": {"1": "a", "2": {"1": "b", "2": "c"}}, "3": ["d", "e"]}


def test_types_name_the_fields_and_say_what_repeats() -> None:
    types = [
        {
            "type": [
                {
                    "name": "PID",
                    "fields": [
                        {"name": "set", "type": "ST", "maxOccurs": 1},
                        {"name": "ids", "type": "CX"},
                        {"name": "note", "type": "TX", "maxOccurs": 1, "minOccurs": 1},
                    ],
                },
                {"name": "CX", "fields": [{"name": "id", "type": "ST"}, {"name": "kind", "type": "ST"}]},
                {"name": "ST", "primitive": "STRING"},
                {"name": "TX", "primitive": "UNESCAPED_STRING"},
            ]
        }
    ]
    schema = package(segment("MSH"), segment("PID"), types=types)
    (message,) = found(schema, r"PID|1^2|7^MRN~8|a\S\b").values()
    assert message["PID"] == {"set": "1^2", "ids": [{"id": "7", "kind": "MRN"}, {"id": "8"}], "note": "a^b"}
    with pytest.raises(ParseError, match="field 3 of a segment PID"):
        found(schema, "PID|1")
    with pytest.raises(ParseError, match="more often"):
        found(schema, "PID|1~2||x")
    assert found({**schema, "ignoreMinOccurs": True}, "PID|1")["ORU_R01"]["PID"] == {"set": "1"}


def test_of_a_choice_one_is_taken() -> None:
    schema = package(segment("MSH"), group("EITHER", segment("PID"), segment("PV1"), high=1, choice=True))
    assert found(schema, "PV1|x")["ORU_R01"]["EITHER"] == {"PV1": {"1": "x"}}
    with pytest.raises(ParseError, match="PV1 is not expected there"):
        found(schema, "PID|x", "PV1|x")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "PATIENT_RESULT is missing"),
        (("PID|1", "ORC|1"), "OBR is missing"),
        (("PID|1", "PID|2", "OBX|1"), "OBX is not expected there"),
        (("PID|1", "ZZZ|SECRET"), "segment ZZZ"),
    ],
)
def test_what_does_not_fit_is_said_without_its_content(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        found(RESULTS, *lines)
    assert "SECRET" not in str(caught.value)


def test_unexpected_segments_are_skipped_or_kept_apart() -> None:
    lines = ("PID|1", "ZZZ|x", "OBR|1")
    skipped = found({**RESULTS, "unexpectedSegmentHandling": "SKIP"}, *lines)["ORU_R01"]
    assert "ZZZ" not in skipped
    kept = found({**RESULTS, "unexpectedSegmentHandling": "PARSE"}, *lines)["ORU_R01"]
    assert kept["ZZZ"] == [{"1": "x"}]
    assert kept["PATIENT_RESULT"] == skipped["PATIENT_RESULT"]


def test_schemas_are_chosen_by_the_version_of_the_message() -> None:
    old = {"name": "ORU_R01", "members": [segment("MSH")]}
    new = {"name": "ORU_R01", "members": [segment("MSH"), segment("PID")]}
    schema = {
        "schemas": [
            {"messageSchemaConfigs": {"ORU_R01": old}},
            {"messageSchemaConfigs": {"ORU_R01": new}, "version": [{"mshField": "12", "value": "2.5.1"}]},
        ]
    }
    assert "PID" in found(schema, "PID|1")["ORU_R01"]
    with pytest.raises(ParseError, match="PID"):
        found(schema, "PID|1", header=HEADER.replace("2.5.1", "2.3"))
    with pytest.raises(ParseError, match="no schema"):
        found(schema, header=HEADER.replace("ORU^R01", "ADT^A01"))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"schematizedParsingType": "SOFT_FAIL"}, "no default schema"),
        ({**RESULTS, "schematizedParsingType": "NEVER"}, "does not have the type"),
        (
            {"schemas": [{"messageSchemaConfigs": {"A": {"members": [{"segment": {}}]}}}]},
            "does not have the type",
        ),
        ({"schemas": [{"messageSchemaConfigs": 3}]}, "does not have the type"),
        (
            {**RESULTS, "types": [{"type": [{"name": "A", "fields": [{"minOccurs": "x"}]}]}]},
            "does not have the type",
        ),
    ],
)
def test_a_schema_that_cannot_be_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        schema_of(schema)
