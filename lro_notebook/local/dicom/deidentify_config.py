"""The rules that a ``DeidentifyConfig`` has for DICOM instances, checked. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.datasets import deidentify_values
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.datasets.deidentify_values import Transformation
    from lro_notebook.local.dicom.deidentify_profiles import Action

PROFILES = (
    "MINIMAL_KEEP_LIST_PROFILE",
    "ATTRIBUTE_CONFIDENTIALITY_BASIC_PROFILE",
    "KEEP_ALL_PROFILE",
    "DEIDENTIFY_TAG_CONTENTS",
)

MINIMAL_PROFILE, BASIC_PROFILE, KEEP_ALL_PROFILE, CONTENTS_PROFILE = PROFILES
#: The default action for each info type.
_REDACTED: Mapping[str, deidentify_values.Action] = dict.fromkeys(deidentify_values.INFO_TYPES, "redact")
_TAG = re.compile(r"[0-9a-fA-F]{8}")  # group and element
#: v1beta1 action -> our name for it.
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
class Rules:
    """A checked configuration.

    Attributes
    ----------
    profile : str
        What happens to attributes that `actions` does not name.
    keep : frozenset of int or None
        If there is a list of tags to keep, all others are removed.
    actions : tuple
        Pairs of queries (tags or value representations) and the action for matching attributes.
    redact_ids : bool
        Whether to replace the UIDs of study, series and instance.
    text : mapping
        Info type -> transformation of its values.
    key : bytes
        The key for new UIDs; the same key gives the same UIDs.
    """

    profile: str
    text: Mapping[str, Transformation]
    key: bytes = field(repr=False)
    keep: frozenset[int] | None = None
    actions: tuple[tuple[frozenset[int | str], Action], ...] = ()
    redact_ids: bool = True


def rules_of(config: Mapping[str, Any], key: bytes) -> Rules:
    """Return the rules of a ``DeidentifyConfig``, or raise.

    Without ``dicom`` and ``dicomTagConfig`` the basic profile applies; `key` is used if the configuration
    has none.
    """
    image = request_fields.json_object(config, "image")
    if image.get("textRedactionMode", "REDACT_NO_TEXT") not in (
        "REDACT_NO_TEXT",
        "TEXT_REDACTION_MODE_UNSPECIFIED",
    ):
        raise ServiceError(
            Code.UNIMPLEMENTED,
            "config.image: the local service does not inspect pixels; use textRedactionMode REDACT_NO_TEXT",
        )
    common: dict[str, Any] = {"key": key, "text": deidentify_values.transformations(config, key, _REDACTED)}
    if config.get("dicomTagConfig") is not None:
        return _tag_rules(request_fields.json_object(config, "dicomTagConfig"), common)
    if config.get("dicom") is not None:
        return _dicom_rules(request_fields.json_object(config, "dicom"), common)
    return Rules(profile=BASIC_PROFILE, **common)


def _dicom_rules(dicom: Mapping[str, Any], common: dict[str, Any]) -> Rules:
    """Return the rules of a ``DicomConfig``."""
    chosen = [name for name in ("filterProfile", "keepList", "removeList") if dicom.get(name)]
    if len(chosen) > 1:
        raise invalid_argument(f"config.dicom: give only one of {' and '.join(chosen)}")
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
        redact_ids=not request_fields.flag(dicom, "skipIdRedaction"),
        **common,
    )


def _tag_rules(config: Mapping[str, Any], common: dict[str, Any]) -> Rules:
    """Return the rules of a ``DicomTagConfig`` (v1beta1)."""
    profile = _profile(config.get("profileType"), "config.dicomTagConfig.profileType", default=BASIC_PROFILE)
    options = request_fields.json_object(config, "options")
    actions = []
    for number, item in enumerate(request_fields.json_objects(config, "actions")):
        where = f"config.dicomTagConfig.actions[{number}]"
        names = [name for name in _ACTIONS if name in item]
        if "cleanImageTag" in item or "cleanImage" in options:
            raise ServiceError(Code.UNIMPLEMENTED, f"{where}: the local service does not inspect pixels")
        if len(names) != 1:
            raise invalid_argument(f"{where}: expected one of {', '.join(_ACTIONS)}")
        actions.append(
            (
                frozenset(_query(text, where) for text in request_fields.texts(item, "queries")),
                _ACTIONS[names[0]],
            )
        )
    return Rules(
        profile=profile, actions=tuple(actions), redact_ids=options.get("primaryIds") != "KEEP", **common
    )


def _profile(name: object, where: str, *, default: str) -> str:
    if name in (None, "TAG_FILTER_PROFILE_UNSPECIFIED", "PROFILE_TYPE_UNSPECIFIED"):
        return default
    if name not in PROFILES:
        raise invalid_argument(f"{where}: expected one of {', '.join(PROFILES)}")
    return str(name)


def _tags(tag_list: object, where: str) -> list[int]:
    tags = (
        [_query(text, where) for text in request_fields.texts(tag_list, "tags")]
        if isinstance(tag_list, dict)
        else []
    )
    if not tags or not all(isinstance(tag, int) for tag in tags):
        raise invalid_argument(f'{where}: expected {{"tags": ["PatientID", "00100010"]}}')
    return [tag for tag in tags if isinstance(tag, int)]


def _query(text: str, where: str) -> int | str:
    """Return the tag that a keyword or eight hexadecimal digits name, or a value representation."""
    if len(text) == 2 and text.isupper():  # noqa: PLR2004 - such as PN
        return text
    tag = dicom_file.pydicom().datadict.tag_for_keyword(text)
    if tag is not None:
        return int(tag)
    if _TAG.fullmatch(text):
        return int(text, 16)
    raise invalid_argument(f"{where}: expected keywords such as PatientID, or tags such as 00100020")
