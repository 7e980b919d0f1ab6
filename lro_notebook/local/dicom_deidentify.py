"""De-identification of DICOM instances: what a configuration means, and its application. Pure.

A development stand-in, not a compliance tool: attributes are treated by what they are, free text is not
searched, and pixels are not looked at.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local import dicom_files
from lro_notebook.local.dicom_profiles import BASIC, INFO_TYPE_OF_KEYWORD, INFO_TYPE_OF_VR, MINIMAL, PRIMARY
from lro_notebook.local.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

    from lro_notebook.local.dicom_profiles import Action

PROFILES = (
    "MINIMAL_KEEP_LIST_PROFILE",
    "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
    "KEEP_ALL_PROFILE",
    "DEIDENTIFY_TAG_CONTENTS",
)

_MINIMAL, _BASIC, _KEEP_ALL, _CONTENTS = PROFILES
#: What `DEIDENTIFY_TAG_CONTENTS` looks into, as documented.
_TEXTS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "DA", "DT", "AS"})
#: Longest value of the representations whose values are short (PS3.5, 6.2).
_LONGEST = {"AE": 16, "AS": 4, "CS": 16, "DA": 8, "LO": 64, "PN": 64, "SH": 16}
#: A date moves by at most this many days, as in Google's documentation.
_SHIFT_MAX = 100
_KEY_LENGTHS = (16, 24, 32)

#: v1beta1 action -> what is done.
_ACTIONS: Mapping[str, Action] = {
    "keepTag": "keep",
    "deleteTag": "delete",
    "removeTag": "empty",
    "resetTag": "reset",
    "regenUidTag": "uid",
    "cleanTextTag": "clean",
    "recurseTag": "recurse",
}


@dataclass(frozen=True, slots=True)
class Transformation:
    """What is done with a text of some info types, all where none is named; `key` is for hash and shift."""

    kind: str
    info_types: frozenset[str]
    key: bytes = field(repr=False)
    mask: str = "*"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a configuration asks for, checked.

    Attributes
    ----------
    profile : str
        What is done with attributes that `actions` does not name.
    keep : frozenset of int or None
        With a list of tags to keep: these, all others go.
    actions : tuple
        Pairs of queries (tags or value representations) and what is done with what they find.
    redact_ids : bool
        Whether the UIDs of study, series and instance are replaced.
    key : bytes
        What new UIDs are made with; the same key gives the same UIDs.
    """

    profile: str
    key: bytes = field(repr=False)
    keep: frozenset[int] | None = None
    actions: tuple[tuple[frozenset[int | str], Action], ...] = ()
    redact_ids: bool = True
    transformations: tuple[Transformation, ...] = ()
    excluded: frozenset[str] = frozenset()


def rules_of(config: Mapping[str, Any], key: bytes) -> Rules:
    """Return what a ``DeidentifyConfig`` asks for, or refuse what cannot be.

    Without ``dicom`` and ``dicomTagConfig`` it is the basic profile; `key` serves where the configuration
    gives none.
    """
    try:
        return _rules(config, key)
    except (AttributeError, TypeError) as error:
        # The configuration is read as if each field had its kind; one that has not comes to this.
        raise invalid("config: a field is not of the kind that a DeidentifyConfig has") from error


def _rules(config: Mapping[str, Any], key: bytes) -> Rules:
    image = config.get("image") or {}
    if image.get("textRedactionMode", "REDACT_NO_TEXT") not in (
        "REDACT_NO_TEXT",
        "TEXT_REDACTION_MODE_UNSPECIFIED",
    ):
        raise Refusal(
            Code.UNIMPLEMENTED,
            "config.image: the local service does not look at pixels; use textRedactionMode REDACT_NO_TEXT",
        )
    text = config.get("text") or {}
    common: dict[str, Any] = {
        "key": key,
        "transformations": tuple(
            _transformation(item, key)
            for item in text.get("additionalTransformations") or text.get("transformations") or ()
        ),
        "excluded": frozenset(text.get("excludeInfoTypes") or ()),
    }
    if config.get("dicomTagConfig") is not None:
        return _tag_rules(config["dicomTagConfig"], common)
    return _dicom_rules(config.get("dicom"), common)


def deidentified(data: bytes, rules: Rules) -> dicom_files.Instance:
    """Return the instance of a file with its identifying attributes treated.

    Raises
    ------
    Flaw
        The file cannot be read.
    """
    file = dicom_files.open_file(data)
    try:
        subject = str(file.get("PatientID") or file.get("StudyInstanceUID") or "")
        _Work(rules, subject).apply(file)
        file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID
        return dicom_files.read(dicom_files.written(file))
    except dicom_files.Flaw:
        raise
    except Exception as error:  # pydicom raises anything at all on values that are broken
        raise dicom_files.Flaw(f"an attribute cannot be de-identified ({type(error).__name__})") from error


def new_uid(uid: str, key: bytes) -> str:
    """Return the UID that takes the place of another: the same for the same key."""
    return f"2.25.{int.from_bytes(_digest(key, uid)[:16])}"


def shift_of(subject: str, key: bytes) -> timedelta:
    """Return by how much the dates of a patient move: the same for the same key, and never by nothing."""
    number = int.from_bytes(_digest(key, subject)[:8]) % (2 * _SHIFT_MAX) - _SHIFT_MAX
    return timedelta(days=number if number < 0 else number + 1)


def shifted(text: str, by: timedelta) -> str:
    """Return a DICOM date, or date with time, that is moved by days; empty for one that cannot be read."""
    try:
        moment = datetime.strptime(text[:8], "%Y%m%d") + by  # noqa: DTZ007 - a day, not a moment
    except (ValueError, OverflowError):
        return ""
    return f"{moment:%Y%m%d}{text[8:]}"


def hashed(text: str, key: bytes) -> str:
    """Return the base64 of a text's keyed SHA-256."""
    return base64.b64encode(_digest(key, text)).decode()


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
        kept = rules.keep if rules.keep is not None else () if rules.profile == _MINIMAL else None
        if kept is not None and keyword not in MINIMAL and int(element.tag) not in kept:
            return "delete"
        if rules.profile == _BASIC:
            return _basic_action(element)
        if rules.profile == _CONTENTS and element.VR in _TEXTS:
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
        if kind is None or kind in self._rules.excluded or not element.value:
            return
        values = [str(value) for value in (element.value if element.VM > 1 else [element.value])]
        changed = [self._text(value, kind, element.VR) for value in values]
        element.value = changed if len(changed) > 1 else changed[0]

    def _text(self, text: str, kind: str, representation: str) -> str:
        """Return what stands for a text of an info type: nothing, where no transformation is for it."""
        for transformation in self._rules.transformations:
            if transformation.info_types and kind not in transformation.info_types:
                continue
            return self._transformed(text, kind, representation, transformation)[
                : _LONGEST.get(representation)
            ]
        return ""

    def _transformed(self, text: str, kind: str, representation: str, how: Transformation) -> str:
        date = representation in ("DA", "DT")
        if how.kind == "dateShiftConfig":
            return shifted(text, shift_of(self._subject, how.key)) if date else ""
        if how.kind == "redactConfig" or date or representation == "AS":
            return ""  # a date can be nothing but a date
        if how.kind == "cryptoHashConfig":
            return hashed(text, how.key)
        if how.kind == "characterMaskConfig":
            return how.mask * len(text)
        return f"[{kind}]"


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


def _dicom_rules(dicom: Mapping[str, Any] | None, common: dict[str, Any]) -> Rules:
    if dicom is None:
        return Rules(profile=_BASIC, **common)
    chosen = [name for name in ("filterProfile", "keepList", "removeList") if dicom.get(name)]
    if len(chosen) > 1:
        raise invalid(f"config.dicom: only one of {' and '.join(chosen)} can be given")
    profile = _profile(dicom.get("filterProfile"), "config.dicom.filterProfile", default=_KEEP_ALL)
    keep: frozenset[int] | None = None
    actions: tuple[tuple[frozenset[int | str], Action], ...] = ()
    if "keepList" in chosen:
        keep = frozenset(_tags(dicom["keepList"], "config.dicom.keepList"))
    if "removeList" in chosen:
        actions = ((frozenset(_tags(dicom["removeList"], "config.dicom.removeList")), "delete"),)
    return Rules(
        profile=profile,
        keep=keep,
        actions=actions,
        redact_ids=not dicom.get("skipIdRedaction", False),
        **common,
    )


def _tag_rules(config: Mapping[str, Any], common: dict[str, Any]) -> Rules:
    """Return what a ``DicomTagConfig`` of v1beta1 asks for."""
    profile = _profile(config.get("profileType"), "config.dicomTagConfig.profileType", default=_BASIC)
    options = config.get("options") or {}
    actions = []
    for number, item in enumerate(config.get("actions") or ()):
        where = f"config.dicomTagConfig.actions[{number}]"
        names = [name for name in _ACTIONS if name in item]
        if "cleanImageTag" in item or "cleanImage" in options:
            raise Refusal(Code.UNIMPLEMENTED, f"{where}: the local service does not look at pixels")
        if len(names) != 1:
            raise invalid(f"{where}: expected one of {', '.join(_ACTIONS)}")
        actions.append(
            (frozenset(_query(text, where) for text in item.get("queries") or ()), _ACTIONS[names[0]])
        )
    return Rules(
        profile=profile, actions=tuple(actions), redact_ids=options.get("primaryIds") != "KEEP", **common
    )


def _profile(name: object, where: str, *, default: str) -> str:
    if name in (None, "TAG_FILTER_PROFILE_UNSPECIFIED", "PROFILE_TYPE_UNSPECIFIED"):
        return default
    if name not in PROFILES:
        raise invalid(f"{where}: expected one of {', '.join(PROFILES)}")
    return str(name)


def _tags(tag_list: Any, where: str) -> list[int]:  # noqa: ANN401 - any JSON value
    texts: Sequence[Any] = tag_list.get("tags") or () if isinstance(tag_list, dict) else ()
    found = [_query(text, where) for text in texts]
    if not found or not all(isinstance(tag, int) for tag in found):
        raise invalid(f'{where}: expected {{"tags": ["PatientID", "00100010"]}}')
    return [tag for tag in found if isinstance(tag, int)]


def _query(text: Any, where: str) -> int | str:  # noqa: ANN401 - any JSON value
    """Return the tag of a keyword or of eight hexadecimal digits, or a value representation."""
    if isinstance(text, str):
        if len(text) == 2 and text.isupper():  # noqa: PLR2004 - such as PN
            return text
        tag = dicom_files.pydicom().datadict.tag_for_keyword(text)
        if tag is not None:
            return int(tag)
        try:
            return int(text, 16) if len(text) == 8 else _no_tag(where)  # noqa: PLR2004 - group and element
        except ValueError:
            pass
    return _no_tag(where)


def _no_tag(where: str) -> int:
    raise invalid(f"{where}: expected keywords such as PatientID, or tags such as 00100020")


def _transformation(item: Mapping[str, Any], key: bytes) -> Transformation:
    kinds = (
        "redactConfig",
        "dateShiftConfig",
        "cryptoHashConfig",
        "characterMaskConfig",
        "replaceWithInfoTypeConfig",
    )
    names = [name for name in kinds if name in item]
    if len(names) != 1:
        raise invalid(f"config.text: a transformation has one of {', '.join(kinds)}")
    settings = item[names[0]] or {}
    mask = settings.get("maskingCharacter") or "*"
    if not isinstance(mask, str) or len(mask) != 1:
        raise invalid("config.text: maskingCharacter is one character")
    return Transformation(names[0], frozenset(item.get("infoTypes") or ()), _key(settings, key), mask)


def _key(settings: Mapping[str, Any], default: bytes) -> bytes:
    """Return the key of a transformation; the message never holds what was given."""
    if settings.get("kmsWrapped"):
        raise Refusal(Code.UNIMPLEMENTED, "config.text: the local service has no KMS; give a cryptoKey")
    if not settings.get("cryptoKey"):
        return default
    try:
        key = base64.b64decode(settings["cryptoKey"], validate=True)
    except (binascii.Error, ValueError, TypeError):
        key = b""
    if len(key) not in _KEY_LENGTHS:
        raise invalid("config.text: cryptoKey is a key of 128, 192 or 256 bits in base64")
    return key


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)
