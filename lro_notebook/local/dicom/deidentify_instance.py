"""De-identification of a DICOM instance. Pure.

A development stand-in, not a compliance tool: what happens to an attribute depends on its tag, free text is
not searched, and pixels are not inspected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lro_notebook.local.datasets import deidentify_values
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.deidentify_config import BASIC_PROFILE, CONTENTS_PROFILE, MINIMAL_PROFILE
from lro_notebook.local.dicom.deidentify_profiles import (
    BASIC,
    INFO_TYPE_OF_KEYWORD,
    INFO_TYPE_OF_VR,
    MINIMAL,
    PRIMARY,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileDataset

    from lro_notebook.local.dicom.deidentify_config import Rules
    from lro_notebook.local.dicom.deidentify_profiles import Action

#: The value representations that `DEIDENTIFY_TAG_CONTENTS` inspects, as documented.
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "DA", "DT", "AS"})
#: Maximum length of values, for the short representations (PS3.5, 6.2).
_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "LO": 64, "PN": 64, "SH": 16}
#: Representations with a fixed format, which no hash or mask fits.
_FIXED_FORMS = frozenset({"DA", "DT", "AS"})
#: Header elements that tell who wrote or sent the file.
_HEADER_NAMES = (
    "SourceApplicationEntityTitle",
    "SendingApplicationEntityTitle",
    "ReceivingApplicationEntityTitle",
    "PrivateInformationCreatorUID",
    "PrivateInformation",
)


def deidentified(data: bytes, rules: Rules) -> dicom_file.Instance:
    """Return the de-identified instance of a file.

    Raises
    ------
    ParseError
        The file cannot be read.
    """
    file = dicom_file.open_file(data)
    try:
        subject = str(file.get("PatientID") or file.get("StudyInstanceUID") or "")
        _Deidentification(rules, subject).apply(file)
        _clean_header(file)
        return dicom_file.read(dicom_file.written(file))
    except dicom_file.ParseError:
        raise
    except Exception as error:  # pydicom raises any kind of exception on broken values
        raise dicom_file.ParseError(
            f"an attribute cannot be de-identified ({type(error).__name__})"
        ) from error


def _clean_header(file: FileDataset) -> None:
    """Remove from the header what tells where a file comes from."""
    file.preamble = bytes(128)
    for name in _HEADER_NAMES:
        if name in file.file_meta:
            delattr(file.file_meta, name)
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID


def new_uid(uid: str, key: bytes) -> str:
    """Return the replacement of a UID; the same for the same key."""
    return f"2.25.{int.from_bytes(deidentify_values.digest(key, uid)[:16])}"


class _Deidentification:
    """The de-identification of one instance, by the rules and for its patient."""

    def __init__(self, rules: Rules, subject: str) -> None:
        self._rules, self._subject = rules, subject
        self._run: Mapping[Action, Callable[[Dataset, DataElement], None]] = {
            "delete": _delete,
            "empty": _empty,
            "reset": _reset,
            "uid": self._replace_uid,
            "clean": self._clean,
            "recurse": self._recurse,
            "keep": lambda _, __: None,
        }

    def apply(self, dataset: Dataset) -> None:
        """De-identify the attributes of a dataset, including its sequences."""
        for tag in list(dataset.keys()):
            element = dataset[tag]
            self._run[self._action(element)](dataset, element)

    def _action(self, element: DataElement) -> Action:
        rules = self._rules
        for queries, action in rules.actions:
            if int(element.tag) in queries or element.VR in queries:
                return action
        if element.keyword in PRIMARY:
            return "uid" if rules.redact_ids else "keep"
        keyword = element.keyword
        kept = rules.keep if rules.keep is not None else () if rules.profile == MINIMAL_PROFILE else None
        if kept is not None and keyword not in MINIMAL and int(element.tag) not in kept:
            return "delete"
        if rules.profile == BASIC_PROFILE:
            return _basic_action(element)
        if rules.profile == CONTENTS_PROFILE and element.VR in _TEXTS:
            return "clean"
        return "recurse" if element.VR == "SQ" else "keep"

    def _recurse(self, _: Dataset, element: DataElement) -> None:
        for item in element.value or ():
            self.apply(item)

    def _replace_uid(self, _: Dataset, element: DataElement) -> None:
        values = element.value if element.VM > 1 else [element.value]
        fresh = [new_uid(str(uid), self._rules.key) for uid in values if uid]
        element.value = fresh if len(fresh) > 1 else "".join(fresh)

    def _clean(self, _: Dataset, element: DataElement) -> None:
        info_type = INFO_TYPE_OF_KEYWORD.get(element.keyword) or INFO_TYPE_OF_VR.get(element.VR)
        if info_type is None or self._rules.text[info_type].action == "keep" or not element.value:
            return
        values = [str(value) for value in (element.value if element.VM > 1 else [element.value])]
        changed = [self._text(value, info_type, element.VR) for value in values]
        element.value = changed if len(changed) > 1 else changed[0]

    def _text(self, text: str, info_type: str, representation: str) -> str:
        """Return the transformed text; empty if it is removed."""
        transformation = self._rules.text[info_type]
        if representation in _FIXED_FORMS and transformation.action != "shift":
            return ""
        return (transformation.apply(info_type, text, patient=self._subject) or "")[
            : _LONGEST.get(representation)
        ]


def _basic_action(element: DataElement) -> Action:
    group = element.tag.group
    overlay = group & 0xFF00 == 0x6000 and element.tag.element in (0x3000, 0x4000)  # noqa: PLR2004 - PS3.15
    if element.tag.is_private or group & 0xFF00 == 0x5000 or overlay:  # noqa: PLR2004 - curves
        return "delete"
    return BASIC.get(element.keyword) or ("recurse" if element.VR == "SQ" else "keep")


def _delete(dataset: Dataset, element: DataElement) -> None:
    del dataset[element.tag]


def _empty(_: Dataset, element: DataElement) -> None:
    element.value = [] if element.VR == "SQ" else ""


def _reset(_: Dataset, element: DataElement) -> None:
    placeholders = {
        "PN": "Anonymous",
        "DA": "19000101",
        "DT": "19000101",
        "TM": "000000",
        "AS": "000Y",
        "SQ": [],
    }
    numbers = ("DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV")
    element.value = placeholders.get(element.VR, 0 if element.VR in numbers else "ANONYMIZED")
