"""What a ``DeidentifyConfig`` asks for of DICOM instances, checked. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local import dicom_files
from lro_notebook.local.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.dicom_profiles import Action

PROFILES = (
    "MINIMAL_KEEP_LIST_PROFILE",
    "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
    "KEEP_ALL_PROFILE",
    "DEIDENTIFY_TAG_CONTENTS",
)

MINIMAL_PROFILE, BASIC_PROFILE, KEEP_ALL_PROFILE, CONTENTS_PROFILE = PROFILES
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


def _dicom_rules(dicom: Mapping[str, Any] | None, common: dict[str, Any]) -> Rules:
    if dicom is None:
        return Rules(profile=BASIC_PROFILE, **common)
    chosen = [name for name in ("filterProfile", "keepList", "removeList") if dicom.get(name)]
    if len(chosen) > 1:
        raise invalid(f"config.dicom: only one of {' and '.join(chosen)} can be given")
    profile = _profile(dicom.get("filterProfile"), "config.dicom.filterProfile", default=KEEP_ALL_PROFILE)
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
    profile = _profile(config.get("profileType"), "config.dicomTagConfig.profileType", default=BASIC_PROFILE)
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
