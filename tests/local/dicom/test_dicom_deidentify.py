"""De-identification of real DICOM files: profiles, lists, actions, and transformations with a key."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.datasets import deidentify_values
from lro_notebook.local.dicom import deidentify_instance
from lro_notebook.local.dicom.deidentify_config import rules_of
from lro_notebook.local.dicom.deidentify_instance import deidentified
from lro_notebook.local.dicom.dicom_file import ParseError

pydicom = pytest.importorskip("pydicom", reason="pydicom is not installed")
FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
CT = (FOLDER / "CT_small.dcm").read_bytes()
KEY = b"k" * 32
AES = base64.b64encode(KEY).decode()


def treated(config: dict[str, Any], data: bytes = CT, key: bytes = KEY) -> Any:
    return pydicom.dcmread(BytesIO(deidentified(data, rules_of(config, key)).data))


def contents(*transformations: dict[str, Any], **text: Any) -> dict[str, Any]:
    return {
        "dicom": {"filterProfile": "DEIDENTIFY_TAG_CONTENTS", "skipIdRedaction": True},
        "text": {"additionalTransformations": list(transformations), **text},
    }


ORIGINAL = pydicom.dcmread(BytesIO(CT))


def test_the_default_is_the_basic_profile() -> None:
    file = treated({})
    assert (file.PatientName, file.PatientID, file.PatientBirthDate, file.StudyDate) == ("", "", "", "")
    for gone in ("InstitutionName", "PatientAge", "PatientWeight", "StationName", "OtherPatientIDs"):
        assert gone not in file
    assert not any(element.tag.is_private for element in file)
    assert file.Modality == "CT"
    assert file.PixelData == ORIGINAL.PixelData


def test_new_uids_are_the_same_for_the_same_key_and_agree_with_the_header() -> None:
    first, again, other = treated({}), treated({}), treated({}, key=b"o" * 32)
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert first[name].value == again[name].value
        assert len({first[name].value, other[name].value, ORIGINAL[name].value}) == 3
        assert first[name].value.startswith("2.25.")
        assert len(first[name].value) <= 64
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID


def test_the_header_of_the_file_does_not_tell_where_it_comes_from() -> None:
    file = pydicom.dcmread(BytesIO(CT))
    file.file_meta.SourceApplicationEntityTitle, file.preamble = "NORTH", b"NORTH".ljust(128)
    buffer = BytesIO()
    file.save_as(buffer)
    data = deidentified(buffer.getvalue(), rules_of({}, KEY)).data
    assert b"NORTH" in buffer.getvalue()
    assert b"NORTH" not in data


def test_references_to_other_instances_follow_their_new_uids() -> None:
    data = (FOLDER / "rtplan.dcm").read_bytes()
    before = pydicom.dcmread(BytesIO(data)).ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
    after = treated({}, data).ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID
    assert after == deidentify_instance.new_uid(before, KEY)


def test_all_may_be_kept_but_for_the_uids() -> None:
    file = treated({"dicom": {}})
    assert (file.PatientName, file.PatientID) == (ORIGINAL.PatientName, ORIGINAL.PatientID)
    assert file.StudyInstanceUID != ORIGINAL.StudyInstanceUID
    kept = treated({"dicom": {"skipIdRedaction": True}})
    assert kept.StudyInstanceUID == ORIGINAL.StudyInstanceUID


def test_the_minimal_profile_keeps_what_shows_the_image() -> None:
    file = treated({"dicom": {"filterProfile": "MINIMAL_KEEP_LIST_PROFILE"}})
    assert "PatientName" not in file
    assert "StudyDate" not in file
    assert (file.Rows, file.PixelData) == (ORIGINAL.Rows, ORIGINAL.PixelData)


def test_lists_of_tags_to_keep_and_to_remove() -> None:
    kept = treated({"dicom": {"keepList": {"tags": ["PatientID", "00080020"]}}})
    assert (kept.PatientID, kept.StudyDate) == (ORIGINAL.PatientID, ORIGINAL.StudyDate)
    assert "PatientName" not in kept
    removed = treated({"dicom": {"removeList": {"tags": ["PatientName"]}}})
    assert "PatientName" not in removed
    assert removed.PatientID == ORIGINAL.PatientID


def test_contents_are_redacted_where_no_transformation_is_given() -> None:
    file = treated(contents())
    assert (file.PatientName, file.PatientID, file.StudyDate, file.PatientAge) == ("", "", "", "")
    assert file.StudyDescription == ORIGINAL.StudyDescription  # free text is not searched


def test_each_transformation_of_contents() -> None:
    file = treated(
        contents(
            {"infoTypes": ["PERSON_NAME"], "characterMaskConfig": {"maskingCharacter": "#"}},
            {"infoTypes": ["MEDICAL_RECORD_NUMBER"], "cryptoHashConfig": {"cryptoKey": AES}},
            {"infoTypes": ["DATE"], "dateShiftConfig": {"cryptoKey": AES}},
            {"infoTypes": ["ORGANIZATION_NAME"], "replaceWithInfoTypeConfig": {}},
            {"redactConfig": {}},
        )
    )
    assert file.PatientName == "#" * len(str(ORIGINAL.PatientName))
    assert file.PatientID == deidentify_values.crypto_hash(ORIGINAL.PatientID, KEY)
    days = deidentify_values.shift_days(KEY, ORIGINAL.PatientID)
    assert file.StudyDate == deidentify_values.shift_date(ORIGINAL.StudyDate, days)
    assert file.StudyDate != ORIGINAL.StudyDate
    assert file.InstitutionName == "[ORGANIZATION_NAME]"
    assert file.PatientAge == ""


def test_an_info_type_may_be_excluded() -> None:
    file = treated(contents({"redactConfig": {}}, excludeInfoTypes=["DATE"]))
    assert (file.StudyDate, file.PatientName) == (ORIGINAL.StudyDate, "")


def test_the_actions_of_the_beta_version() -> None:
    file = treated(
        {
            "dicomTagConfig": {
                "profileType": "KEEP_ALL_PROFILE",
                "options": {"primaryIds": "KEEP"},
                "actions": [
                    {"queries": ["PatientID"], "keepTag": {}},
                    {"queries": ["PatientName", "LO"], "resetTag": {}},
                    {"queries": ["DA"], "removeTag": {}},
                    {"queries": ["00101010"], "deleteTag": {}},
                    {"queries": ["FrameOfReferenceUID"], "regenUidTag": {}},
                ],
            }
        }
    )
    assert (file.PatientID, file.PatientName, file.StudyDate) == (ORIGINAL.PatientID, "Anonymous", "")
    assert file.Manufacturer == "ANONYMIZED"
    assert "PatientAge" not in file
    assert file.StudyInstanceUID == ORIGINAL.StudyInstanceUID
    assert file.FrameOfReferenceUID == deidentify_instance.new_uid(ORIGINAL.FrameOfReferenceUID, KEY)


def test_every_real_file_comes_out_whole_or_as_a_flaw() -> None:
    whole = 0
    for path in sorted(FOLDER.glob("*.dcm")):
        try:
            file = treated({}, path.read_bytes())
        except ParseError:
            continue
        whole += 1
        assert not file.get("PatientName")
        assert not any(element.tag.is_private for element in file)
    assert whole > 60


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"image": {"textRedactionMode": "REDACT_ALL_TEXT"}}, "pixels"),
        ({"dicom": {"filterProfile": "SOME"}}, "filterProfile"),
        ({"dicom": "KEEP_ALL_PROFILE"}, "dicom: expected an object"),
        ({"text": {"additionalTransformations": 3}}, "expected a list of objects"),
        ({"text": {"excludeInfoTypes": ["US_SSN"]}}, "the local service supports AGE"),
        ({"dicomTagConfig": {"actions": [3]}}, "expected a list of objects"),
        ({"dicom": {"filterProfile": "KEEP_ALL_PROFILE", "keepList": {"tags": ["PatientID"]}}}, "only one"),
        ({"dicom": {"keepList": {"tags": []}}}, "keepList"),
        ({"dicom": {"removeList": {"tags": ["NoSuchTag"]}}}, "removeList"),
        ({"dicomTagConfig": {"actions": [{"queries": ["PN"]}]}}, "actions"),
        ({"dicomTagConfig": {"actions": [{"queries": ["PN"], "cleanImageTag": {}}]}}, "pixels"),
        (contents({"dateShiftConfig": {"cryptoKey": "c2hvcnQ="}}), "16, 24 or 32 bytes"),
        (contents({"dateShiftConfig": {"kmsWrapped": {"wrappedKey": "x"}}}), "KMS"),
        (contents({"infoTypes": ["DATE"]}), "a transformation needs exactly one of"),
        (contents({"characterMaskConfig": {"maskingCharacter": "##"}}), "one character"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_without_its_key(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said) as caught:
        rules_of(config, KEY)
    assert "c2hvcnQ=" not in str(caught.value)


def test_keys_are_in_no_repr() -> None:
    rules = rules_of(contents({"cryptoHashConfig": {"cryptoKey": AES}}), KEY)
    assert repr(KEY)[2:-1] not in repr(rules)
