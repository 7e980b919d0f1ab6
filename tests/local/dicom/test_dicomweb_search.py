"""What DICOMweb search matches and shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from local.dicom.images import filled, make, value, web

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.dicom.web import accept, matching, search

if TYPE_CHECKING:
    from local.conftest import Program

pytest.importorskip("pydicom", reason="pydicom is not installed")

NAME = {"Value": [{"Alphabetic": "Müller-Lüdenscheidt^Jan Ole"}]}


def found(representation: str, text: str, *values: Any, fuzzy: bool = False) -> bool:
    wanted = matching.wanted("00100010", representation, text, fuzzy=fuzzy)
    return wanted.holds({"00100010": {"Value": list(values)}})


@pytest.mark.parametrize(
    ("representation", "text", "values", "holds"),
    [
        ("LO", "abc", ["abc"], True),
        ("LO", "abc", ["ABC"], False),
        ("LO", "a*c", ["a/b\\c"], True),
        ("LO", "a?c", ["abc"], True),
        ("LO", "a?c", ["abbc"], False),
        ("LO", "*", [], False),
        ("LO", "**b*", ["abc"], True),
        ("LO", "[a]*", ["a"], False),
        ("CS", "CT\\MR", ["MR"], True),
        ("CS", "CT\\MR", ["US"], False),
        ("CS", "CT,MR", ["MR"], False),
        ("UI", "1.2,3.4", ["3.4"], True),
        ("UI", "1.2\\3.4", ["3.4"], True),
        ("UI", "1.*", ["1.2"], False),
        ("PN", "müller*", ["Müller^Jan"], True),
        ("DA", "20200131", ["20200131"], True),
        ("DA", "2020", ["20200131"], True),
        ("DA", "20200101-20200131", ["20200131"], True),
        ("DA", "20200101-20200131", ["20200201"], False),
        ("DA", "20200101-2021", ["20211231"], True),
        ("DA", "-20200131", ["19990101"], True),
        ("DA", "20200131-", ["20200130"], False),
        ("DA", "20200131-", ["20200131"], True),
        ("DA", "20200101-", [], False),
        ("TM", "0900-1000", ["100059.5"], True),
        ("TM", "0900-1000", ["1001"], False),
        ("DT", "20200101120000-0500", ["20200101120000-0500"], True),
        ("DT", "2020-2021", ["2021"], False),
        ("DT", "20200101-20211231", ["20210601+0100"], True),
        ("IS", "7", [7], True),
        ("DS", "0.50", ["0.5"], True),
        ("IS", "7", ["x"], False),
        ("LO", "", [], True),
    ],
)
def test_values_match_as_the_standard_says(
    representation: str, text: str, values: list[Any], *, holds: bool
) -> None:
    assert found(representation, text, *values) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("mul", True),
        ("lud jan", True),
        ("OLE", True),
        ("uller", False),
        ("jan xx", False),
        ("Müller-L", True),
    ],
)
def test_fuzzy_matching_takes_the_beginnings_of_words(text: str, *, holds: bool) -> None:
    wanted = matching.wanted("00100010", "PN", text, fuzzy=True)
    assert wanted.holds({"00100010": NAME}) is holds


@pytest.mark.parametrize(
    "query",
    [
        {"StudyDate": "yesterday"},
        {"StudyDate": "-"},
        {"StudyDate": "20200101-20200102-20200103"},
        {"NumberOfFrames": "many"},
        {"includefield": "NoSuchField"},
        {"NoSuchTag": "1"},
        {"fuzzymatching": "maybe"},
        {"limit": "-1"},
        {"offset": "x"},
    ],
)
def test_what_cannot_be_searched_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(ServiceError) as caught:
        search.search_of("studies", query.items())
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("header", "kinds"),
    [
        (None, [("*/*", False, "")]),
        ("image/png;q=0.5, image/jpeg", [("image/jpeg", False, ""), ("image/png", False, "")]),
        ("image/png;q=0", []),
        (
            'multipart/related; type="application/dicom"; transfer-syntax=*, */*;q=0.1',
            [("application/dicom", True, "*"), ("*/*", False, "")],
        ),
        ('multipart/related; type="a/b,c"', [("a/b,c", True, "")]),
    ],
)
def test_an_accept_header_is_read_by_preference(header: str | None, kinds: list[tuple[Any, ...]]) -> None:
    assert [tuple(media) for media in accept.accepted(header)] == kinds


@pytest.mark.service
def test_results_have_what_is_asked_for_and_come_in_pages(service: Program) -> None:
    store = filled(service, "find", "CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "JPEG2000.dcm")
    studies = f"{store}/dicomWeb/studies"
    assert len(web(service, studies)) == 4
    (ct,) = web(service, studies, Modality="CT")
    assert web(service, studies, StudyDate="20040101-20040131") == [ct]
    assert web(service, studies, PatientName="*CT1") == [ct]
    assert len(web(service, studies, PatientName="compressed", fuzzymatching="true")) == 3
    assert web(service, studies, PatientName="compressed") == []
    uids = [value(item, "0020000D") for item in web(service, studies)]
    assert len(web(service, studies, StudyInstanceUID=",".join(uids[:2]))) == 2
    pages = [web(service, studies, limit=1, offset=offset) for offset in range(5)]
    assert [value(page[0], "0020000D") for page in pages if page] == uids
    assert web(service, studies, limit=0) == []
    assert "00080070" not in ct
    (named,) = web(service, studies, PatientID="1CT1", includefield="Manufacturer,00081090")
    assert (value(named, "00080070"), "00081090" in named) == ("GE MEDICAL SYSTEMS", True)
    (every,) = web(service, f"{store}/dicomWeb/series", PatientID="1CT1", includefield="all")
    assert {"00100010", "00080070", "00081030"} < every.keys()
    assert "00080018" not in every
    (whole,) = web(service, f"{store}/dicomWeb/instances", PatientID="1CT1", includefield="all")
    assert len(whole) > 200


@pytest.mark.service
def test_a_search_without_matches_has_no_content(service: Program) -> None:
    studies = f"{make(service, 'find-none')}/dicomWeb/studies"
    answer = service.client.get(studies)
    assert (answer.status_code, answer.content) == (204, b"")
    assert service.client.get(studies, params={"includefield": "nothing"}).status_code == 400
    assert service.client.get(studies, headers={"Accept": "text/html"}).status_code in (204, 406)
