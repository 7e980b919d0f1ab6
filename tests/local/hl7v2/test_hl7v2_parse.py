"""HL7v2 messages as text: the documented samples, separators, versions, times, and what is none."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.hl7v2 import message_parser, parser_config
from lro_notebook.local.hl7v2.message_parser import ParseError, Parser

#: The message of Google's page on importing HL7v2 messages.
SAMPLE = base64.b64decode(
    "TVNIfF5+XCZ8QXxTRU5EX0ZBQ0lMSVRZXzF8QXxBfDIwMTgwMTAxMDAwMDAwfHxUWVBFXkF8MjAxODAxMDEwMDAwMDB8VHwwLjB8fHxBQXx8"
    "MDB8QVNDSUkNRVZOfEEwMHwyMDE4MDEwMTA0MDAwMA1QSUR8fDE0ATExMV5eXl5NUk58MTExMTExMTFeXl5eTVJOfjExMTExMTExMTFeXl5e"
    "T1JHTk1CUg=="
)
V2 = Parser("V2")


def message(*more: str, header: str = r"MSH|^~\&|A|FAC|B|C|20260131120000||ADT^A01|7|T|2.5") -> bytes:
    return "\r".join([header, *more]).encode()


def fields(*more: str, parser: Parser = V2) -> dict[str, str]:
    found: dict[str, str] = message_parser.parsed(message(*more), parser)["segments"][-1]["fields"]
    return found


def test_the_documented_sample_reads_as_documented() -> None:
    header, event, patient = message_parser.parsed(SAMPLE, Parser())["segments"]
    assert event == {"segmentId": "EVN", "fields": {"0": "EVN", "1": "A00", "2": "20180101040000"}}
    assert patient == {
        "segmentId": "PID",
        "fields": {
            "0": "PID",
            "2.1": "14\u0001111",
            "2.5": "MRN",
            "3[0].1": "11111111",
            "3[0].5": "MRN",
            "3[1].1": "1111111111",
            "3[1].5": "ORGNMBR",
        },
    }
    assert header["fields"] == {
        "0": "MSH",
        "1": r"^~\&",
        "2": "A",
        "3": "SEND_FACILITY_1",
        "4": "A",
        "5": "A",
        "6": "20180101000000",
        "8.1": "TYPE",
        "8.2": "A",
        "9": "20180101000000",
        "10": "T",
        "11": "0.0",
        "14": "AA",
        "16": "00",
        "17": "ASCII",
    }


def test_the_header_of_the_documented_sample_says_who_sent_it_when() -> None:
    reading = message_parser.read(SAMPLE, Parser())
    assert (reading.facility, reading.type) == ("SEND_FACILITY_1", "TYPE")
    assert reading.sent == datetime(2018, 1, 1, tzinfo=UTC).timestamp() * 1e6
    assert reading.patients == [
        {"value": "14\u0001111", "type": "MRN"},
        {"value": "11111111", "type": "MRN"},
        {"value": "1111111111", "type": "ORGNMBR"},
    ]


def test_the_second_version_of_the_parser_numbers_the_header_as_the_standard_does() -> None:
    header = message_parser.parsed(SAMPLE, V2)["segments"][0]["fields"]
    assert (header["1"], header["2"], header["4"], header["9.1"]) == ("|", r"^~\&", "SEND_FACILITY_1", "TYPE")


def test_places_tell_repetitions_components_and_subcomponents() -> None:
    assert fields("PID|1|x^^y~z|a&b^c|d&e|~f") == {
        "0": "PID",
        "1": "1",
        "2[0].1": "x",
        "2[0].3": "y",
        "2[1]": "z",
        "3.1.1": "a",
        "3.1.2": "b",
        "3.2": "c",
        "4.1.1": "d",
        "4.1.2": "e",
        "5[1]": "f",
    }


def test_a_segment_that_is_numbered_shows_its_number() -> None:
    segments = message_parser.parsed(message("OBX|2|NM|x", "EVN|A01", "OBX||NM"), V2)["segments"]
    assert [segment.get("setId") for segment in segments] == [None, "2", None, None]


def test_the_third_version_of_the_parser_unescapes_separators() -> None:
    line = r"NTE|1||a\F\b\S\c\T\d\R\e\E\f\X41\g"
    assert fields(line, parser=Parser("V3"))["3"] == r"a|b^c&d~e\f\X41\g"
    assert fields(line)["3"] == r"a\F\b\S\c\T\d\R\e\E\f\X41\g"


def test_a_message_may_name_other_separators() -> None:
    raw = b"MSH#*!?%#A#FAC*2###202601###ADT*A01#7\rPID###1*%x!2"
    assert message_parser.read(raw, V2).facility == "FAC"
    found = message_parser.parsed(raw, V2)["segments"][1]["fields"]
    assert found == {"0": "PID", "3[0].1": "1", "3[0].2.2": "x", "3[1]": "2"}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("202602", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026013112", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("20260131120102.25", datetime(2026, 1, 31, 12, 1, 2, 250000, tzinfo=UTC)),
        ("20260131120000-0530", datetime(2026, 1, 31, 17, 30, tzinfo=UTC)),
        ("20260131120000+0100^D", datetime(2026, 1, 31, 11, tzinfo=UTC)),
    ],
)
def test_send_times_of_every_precision(text: str, moment: datetime) -> None:
    raw = message(header=rf"MSH|^~\&|A|FAC|||{text}||ADT")
    assert message_parser.read(raw, V2).sent == round(moment.timestamp() * 1e6)


def test_a_time_without_a_zone_is_meant_in_the_zone_of_the_dataset() -> None:
    zone = timezone(timedelta(hours=-5))
    sent = message_parser.read(message(), Parser(zone=zone)).sent
    assert sent == datetime(2026, 1, 31, 17, tzinfo=UTC).timestamp() * 1e6
    parser = parser_config.parser_of({}, {"timeZone": "America/New_York"})
    assert message_parser.read(message(), parser).sent == sent


@pytest.mark.parametrize("text", ["", "20261301", "yesterday", "2026013", "00000101", "20260131120000+9999"])
def test_a_send_time_that_is_none_is_left_out(text: str) -> None:
    assert message_parser.read(message(header=rf"MSH|^~\&|A|FAC|||{text}||ADT"), V2).sent is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\r\r", "empty"),
        (b"PID|1", "does not begin with an MSH"),
        (b"MSH", "separators"),
        (b"MSH|^~", "separators"),
        (b"MSH||||||", "separators"),
        (b"MSHABCDEF", "separators"),
        (b"MSH|^~\\&|A\rpid|SECRET", "segment 2"),
        (b"MSH|^~\\&|A\nPID|1|SECRET\n", "segmentTerminator"),
    ],
)
def test_what_is_no_message_is_said_without_its_content(raw: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason) as caught:
        message_parser.read(raw, V2)
    assert "SECRET" not in str(caught.value)


def test_a_store_may_have_another_terminator_and_take_messages_without_a_header() -> None:
    parser = parser_config.parser_of(
        {"parserConfig": {"segmentTerminator": "Cg==", "allowNullHeader": True, "version": "V2"}}, {}
    )
    raw = message("PID|1").replace(b"\r", b"\n")
    assert [segment["segmentId"] for segment in message_parser.parsed(raw, parser)["segments"]] == [
        "MSH",
        "PID",
    ]
    assert message_parser.parsed(b"anything", parser) == {"segments": []}
    assert message_parser.read(b"anything", parser).type == ""


def test_carriage_returns_with_line_feeds_end_segments_too() -> None:
    raw = message("PID|1", "").replace(b"\r", b"\r\n")
    assert [segment["segmentId"] for segment in message_parser.parsed(raw, V2)["segments"]] == ["MSH", "PID"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "object"),
        ({"version": "V9"}, "V1, V2, V3"),
        ({"segmentTerminator": "!"}, "base64"),
        ({"segmentTerminator": ""}, "base64"),
        ({"allowNullHeader": "yes"}, "true or false"),
        ({"schema": {"types": []}}, "default schema"),
        ({"schema": {"schemas": [3]}}, "does not have the type"),
        ({"schema": {"schemas": [], "unexpectedSegmentHandling": "DROP"}}, "does not have the type"),
    ],
)
def test_a_parser_configuration_that_cannot_be_is_refused(config: object, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        parser_config.parser_of({"parserConfig": config or [1]}, {})


def test_bytes_that_are_no_utf_8_are_read_as_latin_1() -> None:
    assert (
        message_parser.parsed(message() + b"\rPID|||M\xfcller", V2)["segments"][1]["fields"]["3"] == "Müller"
    )


def test_the_acknowledgement_swaps_the_sender_and_names_the_message() -> None:
    moment = datetime(2026, 2, 1, 10, 0, 0, tzinfo=UTC)
    raw = message_parser.acknowledgement(message(), V2, moment=moment, identifier="new")
    assert raw == b"MSH|^~\\&|B|C|A|FAC|20260201100000||ACK^ACK|new|T|2.5\rMSA|AA|7\r"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_flaw(raw: bytes) -> None:
    for text in (raw, b"MSH|^~\\&" + raw):
        try:
            message_parser.read(text, V2)
            shown = message_parser.parsed(text, V2)
        except ParseError:
            continue
        assert shown["segments"][0]["segmentId"] == "MSH"
