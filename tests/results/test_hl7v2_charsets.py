r"""HL7v2 text in the character sets of the world: those that messages name, those that they do not."""

from __future__ import annotations

import base64
import gzip
import json
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lro_notebook as lro
from lro_notebook.errors import ConfigError, LroWarning
from lro_notebook.results.formats.hl7v2 import decoding as hl7v2_decoding
from lro_notebook.results.formats.hl7v2.charset_switches import UNKNOWN_SWITCH
from lro_notebook.results.formats.hl7v2.charsets import charset_of
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

    from lro_notebook.results.results import Results

#: MSH-18 -> the codec in which others write it.
SETS = {
    "8859/1": "latin-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
    "ISO IR100": "latin-1",
    "ISO IR144": "iso8859-5",
    "ISO_IR 101": "iso8859-2",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "~ISO IR87": "iso2022_jp",
    "ASCII~ISO IR87~ISO IR159": "iso2022_jp_1",
    "ISO 2022 IR 159": "iso2022_jp_1",
    "KS X 1001": "euc_kr",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "ASCII~UNICODE UTF-8": "utf-8",
    "": "utf-8",
    "ASCII": "utf-8",
    "windows-1251": "cp1251",
    "KOI8-R": "koi8-r",
}
SEPARATORS = "|^~\\&"
#: With a space after each: some of EUC-KR would join the one before it.
PRINTABLE = " ".join(filter(str.isprintable, map(chr, range(0x20, 0x1_1000))))


def header(charset: str, facility: str = "NORTH") -> str:
    return f"MSH|^~\\&|LAB|{facility}|EHR|SOUTH|20240105101500||ORU^R01|M1|P|2.5||||||{charset}"


def message(charset: str, *values: bytes, facility: bytes = b"NORTH") -> bytes:
    first = header(charset).encode().replace(b"NORTH", facility)
    return (
        b"\r".join([first, *(b"OBX|%d|TX|A||%b||x" % (n, value) for n, value in enumerate(values, 1))])
        + b"\r"
    )


def loaded(place: Path, **options: Any) -> Results:
    results = read(place, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        dict(results)
    return results


def values(results: Results) -> list[str]:
    found: list[str] = results["OBX"]["OBX.5"].tolist()
    assert set(results["OBX"]["OBX.7"]) == {"x"}
    return found


def file_of(folder: Path, *messages: bytes, name: str = "m.hl7") -> Path:
    (folder / name).write_bytes(b"".join(messages))
    return folder / name


def reasons(results: Results) -> list[str]:
    found: list[str] = results.bad_lines["reason"].tolist()
    return found


@cache
def texts(codec: str) -> st.SearchStrategy[list[str]]:
    """Return lists of texts that can be in a codec, without what separates."""

    def fits(letter: str) -> bool:
        try:
            return letter.encode(codec).decode(codec) == letter and letter.isprintable()
        except UnicodeError:
            return False

    # Of a set that has few letters, each of the others would raise an error.
    there = PRINTABLE.encode(codec, "ignore").decode(codec, "ignore")
    letters = sorted(letter for letter in {*there} if letter not in SEPARATORS and fits(letter))
    if codec in ("utf-8", "gb18030"):
        letters += ["😀", "𠀀"]
    wide = [letter for letter in letters if letter > "\x7f"]
    letter = st.sampled_from(wide) | st.sampled_from(letters)
    return st.lists(st.text(letter, min_size=1, max_size=9).filter(str.strip), min_size=1, max_size=8)


def is_utf8(data: bytes) -> bool:
    try:
        return data.decode() != "" and not data.isascii()
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize(("charset", "codec"), SETS.items())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_text_is_what_was_written_in_the_set_that_is_named(
    tmp_path: Path, charset: str, codec: str, data: st.DataObject
) -> None:
    words = [word.strip() for word in data.draw(texts(codec))]
    raw = [word.encode(codec) for word in words]
    if codec != "utf-8" and charset_of(charset) and is_utf8(b"".join(raw)):
        return  # what is UTF-8 by chance is UTF-8
    digits = [b"\\X" + word.encode(codec).hex().upper().encode() + b"\\" for word in words]
    pairs = [b"".join(b"\\X%02x\\" % code for code in word) for word in raw]
    place = file_of(tmp_path, message(charset, *raw), message(charset, *digits), message(charset, *pairs))
    (tmp_path / "json").mkdir(exist_ok=True)
    line = json.dumps({"data": base64.b64encode(message(charset, *raw)).decode()})
    (tmp_path / "json" / "messages").write_text(line + "\n")
    results = loaded(place)
    assert reasons(results) == []
    assert values(results) == words * 3
    assert values(loaded(tmp_path / "json")) == words


@pytest.mark.parametrize("bom", [True, False])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("charset", ["UNICODE UTF-16", "", "8859/1"])
def test_files_in_wide_characters(tmp_path: Path, charset: str, codec: str, *, bom: bool) -> None:
    report = "張 é\nж😀"
    text = f"{header(charset)}\rOBX|1|TX|A||{report}||x\rOBX|2|TX|A||\\X00E9\\\\X0D0A\\||x\r"
    data = ("\ufeff" * bom + text + text).encode(codec)
    assert values(loaded(file_of(tmp_path, data))) == [report, "é\r\n"] * 2
    assert values(loaded(file_of(tmp_path, gzip.compress(data), name="z.hl7"))) == [report, "é\r\n"] * 2
    encoded = base64.b64encode(("\ufeff" * bom + text).encode(codec)).decode()
    line = json.dumps({"name": "d/hl7V2Stores/s/messages/m", "data": encoded})
    (tmp_path / "messages.ndjson").write_text(line + "\n")
    again = loaded(tmp_path)
    assert again.bad_lines.empty
    assert values(again) == [report, "é\r\n"] * 5


def test_the_hexadecimal_bytes_of_utf_16_are_in_utf_16(tmp_path: Path) -> None:
    place = file_of(tmp_path, message("UNICODE UTF-16", b"\\X4E2D6587\\", b"\\X0D0A\\", b"\\X41\\"))
    assert values(loaded(place)) == ["中文", "\r\n", "A"]


def test_a_byte_order_mark_says_more_than_the_message(tmp_path: Path) -> None:
    one = header("GB 18030-2000") + "\rOBX|1|TX|A||张é||x\r"
    joined = b"".join(b"\xef\xbb\xbf" + one.encode() for _ in range(3))
    results = loaded(file_of(tmp_path, joined))
    assert values(results) == ["张é"] * 3
    assert results["messages"]["message"].tolist() == ["m.hl7:1", "m.hl7:3", "m.hl7:5"]


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        # ESC of ISO 2022; the bytes of some characters look like separators
        ("~ISO IR87", b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "山田^太郎"),
        ("~ISO IR87", b"\x1b$B0|F|0^0&0~0\\\x1b(B", b"\x1b$B0|F|0^0&0~0\\".decode("iso2022_jp")),
        ("~ISO IR87", b"a\x1b$B-!-\x22\x1b(Bb", "a①②b"),
        ("~ISO IR13~ISO IR87", b"\xd4\xcf\xc0\xde \x1b$B;3\x1b(B", "ﾔﾏﾀﾞ 山"),
        ("~ISO IR87", b"\x1b(IT\x1b(B \x1b)I\xd4", "ﾔ ﾔ"),
        ("8859/1~8859/5", b"\xe9 \x1b-L\xbc\xd8\xe0", "é Мир"),
        ("~ISO IR149", b"\x1b$)C\xc7\xd1\xb1\xdb", "한글"),
        ("", b"\x1b$(C0!\x1b(B \x1b$A0!\x1b(B \x1b$(D0!\x1b(B", "가 啊 丂"),
        # escapes of HL7
        ("8859/1~8859/5", b"\xe9 \\C2D4C\\\xbc\xd8\xe0\\C2842\\ ok", "é Мир ok"),
        ("8859/1~8859/2", b"\\C2D42\\\\XA3\\\xf3d\xbc", "Łódź"),
        ("ASCII~ISO IR87", b"\\M2442\\;3ED\\C2842\\!", "山田!"),
        ("ASCII~ISO IR87", b"\\M2442\\\\X3B334544\\\\C2842\\!", "山田!"),
        ("ASCII~ISO IR159", b"\\M242844\\0!\\C2842\\", "丂"),
        ("ISO IR14~ISO IR87", b"\\C2949\\\xd4\\M2442\\;3\\C284A\\ A", "ﾔ山 A"),
        ("ASCII~8859/7", b"\\C2D46\\\\XEB\\ \\X7C\\", "λ |"),
        ("ASCII~ISO IR87", b"\\X1B2442\\\\X3B331B2842\\", "山"),
    ],
)
def test_text_that_switches_sets(tmp_path: Path, charset: str, raw: bytes, text: str) -> None:
    results = loaded(file_of(tmp_path, message(charset, raw, b"plain")))
    assert values(results) == [text, "plain"]
    assert reasons(results) == []


def test_a_switch_holds_until_the_segment_ends(tmp_path: Path) -> None:
    results = loaded(file_of(tmp_path, message("8859/1~8859/5", b"\x1b-L\xd8", b"\xe9")))
    assert values(results) == ["и", "é"]


def test_unknown_switches_stay_and_are_told(tmp_path: Path) -> None:
    results = loaded(file_of(tmp_path, message("8859/1", b"\xe9 \\C2D7A\\ \x1b&lo", b"\\Cab\\ C:\\Mail")))
    assert values(results) == ["é \\C2D7A\\ \x1b&lo", "\\Cab\\ C:\\Mail"]
    assert reasons(results) == [UNKNOWN_SWITCH]


@pytest.mark.parametrize(("charset", "codec"), [("GB 18030-2000", "gb18030"), ("~ISO IR87", "iso2022_jp")])
def test_fields_before_it_may_hold_what_looks_like_a_separator(
    tmp_path: Path, charset: str, codec: str
) -> None:
    facility = {"gb18030": bytes([0xB0, 0x7C]), "iso2022_jp": b"\x1b$B0|\x1b(B"}[codec]
    value = "張".encode(codec)
    results = loaded(file_of(tmp_path, message(charset, value, facility=facility)))
    assert values(results) == ["張"]
    assert results["MSH"]["MSH.4"].tolist() == [facility.decode(codec)]
    assert results["messages"]["data"].tolist()[0].count(f"|{charset}\r") == 1


@pytest.mark.parametrize("charset", ["8859/1", "8859/15", "", "ASCII"])
def test_utf_8_is_tried_first_only_where_little_is_said(tmp_path: Path, charset: str) -> None:
    results = loaded(file_of(tmp_path, message(charset, "Łódź 😀".encode(), "é".encode() + b"\\XC3A9\\")))
    assert values(results) == ["Łódź 😀", "éé"]
    assert reasons(results) == []


def test_what_is_said_goes_before_utf_8(tmp_path: Path) -> None:
    raw = "袁".encode("gb18030") + "英".encode("gb18030")
    assert raw.replace(b"\xb0\xd3", b"").decode()  # both are UTF-8 too
    assert values(loaded(file_of(tmp_path, message("GB 18030-2000", raw, "英".encode("gb18030"))))) == [
        "袁英",
        "英",
    ]


GUESSED = "names no character set for its 8-bit text (MSH-18); read as cp1252, encoding= of "


@pytest.mark.parametrize(
    ("charset", "reason"),
    [
        ("", GUESSED),
        ("ASCII", GUESSED),
        ("KLINGON", "the character set that it names is not known (MSH-18); "),
    ],
)
def test_text_in_no_set_that_is_named_is_read_and_told(tmp_path: Path, charset: str, reason: str) -> None:
    place = file_of(tmp_path, message(charset, b"caf\xe9 \x93ok\x94", b"\\XE9\\"), message("", b"plain"))
    results = loaded(place)
    assert values(results) == ["café “ok”", "é", "plain"]
    assert results.bad_lines["line"].tolist() == [1]
    assert reasons(results)[0].startswith(reason)
    assert "cp1252" in reasons(results)[0]


def test_every_byte_is_some_character(tmp_path: Path) -> None:
    raw = bytes(code for code in range(0x80, 0x100))
    results = loaded(file_of(tmp_path, message("", raw)))
    assert values(results) == [raw.decode("latin-1")]
    assert "read as iso8859_1" in reasons(results)[0]


@pytest.mark.parametrize("encoding", ["gb18030", "GB 18030-2000", "GBK"])
def test_the_set_of_messages_that_name_none_can_be_said(tmp_path: Path, encoding: str) -> None:
    own = message("8859/1", b"\xe9")
    place = file_of(tmp_path, message("", "袁英".encode("gb18030"), b"\\XD3A2\\"), own)
    results = loaded(place, encoding=encoding)
    assert values(results) == ["袁英", "英", "é"]
    assert reasons(results) == []
    assert lro.read_results(place, encoding=encoding)["OBX"]["OBX.5"].tolist() == ["袁英", "英", "é"]


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gb1803", "near to it: gb18030"),
        ("cp1252x", "near to it: cp1252"),
        ("rot13", "no character set that HL7v2 text can be in"),
        ("idna", "no character set"),
        ("cp500", "no character set"),
        ("utf-16", "known by their first bytes"),
        ("", "no character set"),
        (8859, "no character set"),
    ],
)
def test_an_encoding_is_checked(tmp_path: Path, encoding: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(file_of(tmp_path, message("", b"a")), encoding=encoding)


def test_damaged_text_keeps_what_is_right(tmp_path: Path) -> None:
    cut = "张袁".encode("gb18030")[:-1]
    results = loaded(
        file_of(
            tmp_path,
            message("GB 18030-2000", "张袁".encode("gb18030"), cut + b"\xff"),
            message("UNICODE UTF-8", "Müller, Łódź".encode()[:-1], b"\xe9"),
            message("UNICODE UTF-8", b"M\xfcller"),
            message("~ISO IR87", "山田".encode("cp932")),
            message("8859/8", b"\xf9\xec\xa1"),
            message("GB 18030-2000", "é".encode() + b"\xff"),
        )
    )
    found = values(results)
    assert found[:2] == ["张袁", "张\ufffd"] or found[:2] == ["张袁", "张\ufffd\ufffd"]
    assert found[2:6] == ["Müller, Łód\ufffd", "\ufffd", "Müller", "山田"]
    assert found[6] == "של\ufffd"
    assert len(found) == 8
    for reason in reasons(results):
        assert reason.startswith(hl7v2_decoding.NOT_TEXT)
    assert len(reasons(results)) == 6


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("8859/1", b"caf\\XE9\\", "café"),
        ("8859/1", b"\\XE0\\ \xe9", "à é"),
        ("8859/1", b"\\X00E0\\", "à"),
        ("8859/1", b"a\\X0D0A\\b", "a\r\nb"),
        ("UNICODE UTF-8", b"\\XC3\\\\XA9\\", "é"),
        ("UNICODE UTF-8", b"\\XFF\\", "\\XFF\\"),
        ("BIG-5", b"\\XA45C\\\\F\\", bytes([0xA4, 0x5C]).decode("big5") + "|"),
        ("KS X 1001", b"\\XB0\\\\XA1\\ \\xb0\\", "가 \\xb0\\"),
        ("GB 18030-2000", b"\\XD5C5\\\\XFF\\", "\\XD5C5\\\\XFF\\"),
        ("", b"\\XC3A9\\ \\XE9\\", "é é"),
    ],
)
def test_hexadecimal_bytes_are_in_the_set_of_the_message(
    tmp_path: Path, charset: str, raw: bytes, text: str
) -> None:
    results = loaded(file_of(tmp_path, message(charset, raw)))
    assert values(results) == [text]
    assert reasons(results) == []


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("8859/1", "iso8859_1"),
        ("ISO 8859/1", "iso8859_1"),
        ("ISO-8859-1", "iso8859_1"),
        ("ISO8859-15", "iso8859_15"),
        ("ISO IR6", "ascii"),
        ("ISO IR13", "shift_jis"),
        ("ISO_IR 192", "utf_8"),
        ("iso ir87", "iso2022_jp_2"),
        ("JIS X 0202", "iso2022_jp_2"),
        ("UTF8", "utf_8"),
        ("unicode utf-8", "utf_8"),
        ("GB18030", "gb18030"),
        ("GB2312", "gb18030"),
        ("Big5", "big5"),
        ("EUC-KR", "euc_kr"),
        ("CP1250", "cp1250"),
        ("latin1", "iso8859_1"),
        ("CNS 11643-1992", None),
        ("8859/12", None),
        ("ISO IR999", None),
        ("punycode", None),
        ("x" * 1000, None),
    ],
)
def test_names_of_sets(name: str, codec: str | None) -> None:
    known = charset_of(name)
    assert (known.codecs[0] if known else None) == codec
