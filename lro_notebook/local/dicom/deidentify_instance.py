"""De-identification of DICOM instances: what a configuration means, and its application. Pure.

A development stand-in, not a compliance tool: attributes are treated by what they are, free text is not
searched, and pixels are not looked at.
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

#: What `DEIDENTIFY_TAG_CONTENTS` looks into, as documented.
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "DA", "DT", "AS"})
#: Longest value of the representations whose values are short (PS3.5, 6.2).
_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "LO": 64, "PN": 64, "SH": 16}
#: Representations whose values have a form that no hash and no mask has.
_FIXED_FORMS = frozenset({"DA", "DT", "AS"})
#: Elements of a file's header that say who wrote or sent it.
_HEADER_NAMES = (
    "SourceApplicationEntityTitle",
    "SendingApplicationEntityTitle",
    "ReceivingApplicationEntityTitle",
    "PrivateInformationCreatorUID",
    "PrivateInformation",
)


def deidentified(data: bytes, rules: Rules) -> dicom_file.Instance:
    """Return the instance of a file with its identifying attributes treated.

    Raises
    ------
    Flaw
        The file cannot be read.
    """
    file = dicom_file.open_file(data)
    try:
        subject = str(file.get("PatientID") or file.get("StudyInstanceUID") or "")
        _Work(rules, subject).apply(file)
        _clean_header(file)
        return dicom_file.read(dicom_file.written(file))
    except dicom_file.ParseError:
        raise
    except Exception as error:  # pydicom raises anything at all on values that are broken
        raise dicom_file.ParseError(
            f"an attribute cannot be de-identified ({type(error).__name__})"
        ) from error


def _clean_header(file: FileDataset) -> None:
    """Leave nothing in front of the attributes that tells where a file comes from."""
    file.preamble = bytes(128)
    for name in _HEADER_NAMES:
        if name in file.file_meta:
            delattr(file.file_meta, name)
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID


def new_uid(uid: str, key: bytes) -> str:
    """Return the UID that takes the place of another: the same for the same key."""
    return f"2.25.{int.from_bytes(deidentify_values.digest(key, uid)[:16])}"


class _Work:
    """The treatment of one instance: what its rules are, and whose it is."""

    def __init__(self, rules: Rules, subject: str) -> None:
        self._rules, self._subject = rules, subject
        self._do: Mapping[Action, Callable[[Dataset, DataElement], None]] = {
            "delete": _delete,
            "empty": _empty,
            "reset": _reset,
            "uid": self._replace_uid,
            "clean": self._clean,
            "recurse": self._recurse,
            "keep": lambda _, __: None,
        }

    def apply(self, dataset: Dataset) -> None:
        """Treat the attributes of a dataset, and those of the items in its sequences."""
        for tag in list(dataset.keys()):
            element = dataset[tag]
            self._do[self._action(element)](dataset, element)

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
        kind = INFO_TYPE_OF_KEYWORD.get(element.keyword) or INFO_TYPE_OF_VR.get(element.VR)
        if kind is None or self._rules.text[kind].action == "keep" or not element.value:
            return
        values = [str(value) for value in (element.value if element.VM > 1 else [element.value])]
        changed = [self._text(value, kind, element.VR) for value in values]
        element.value = changed if len(changed) > 1 else changed[0]

    def _text(self, text: str, kind: str, representation: str) -> str:
        """Return what stands for a text of an info type; empty where it is left out."""
        how = self._rules.text[kind]
        if representation in _FIXED_FORMS and how.action != "shift":
            return ""
        return (how.apply(kind, text, patient=self._subject) or "")[: _LONGEST.get(representation)]


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
