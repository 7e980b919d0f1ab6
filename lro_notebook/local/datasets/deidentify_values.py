"""De-identification of single values: redact, shift dates, hash, mask or keep. Pure.

A development stand-in for the DeidentifyConfig of the Healthcare API, not a compliance tool: values are
recognised by their place, and free text is not searched. Each kind of store (`fhir.deidentify_resource`,
`dicom.deidentify_instance`) maps places to the info types below, and has a default for each info type that
``config.text`` does not mention.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting, objects
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument
from lro_notebook.local.operations import request_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Buckets

Action = Literal["redact", "mask", "hash", "shift", "replace", "keep"]

#: Types of values, named as the info types of the API where it has one.
INFO_TYPES = (
    "AGE",
    "DATE",
    "GENERIC_TEXT",
    "LOCATION",
    "MEDICAL_RECORD_NUMBER",
    "ORGANIZATION_NAME",
    "PERSON_NAME",
    "PHONE_NUMBER",
    "STREET_ADDRESS",
)
_ACTIONS: Mapping[str, Action] = {
    "redactConfig": "redact",
    "characterMaskConfig": "mask",
    "cryptoHashConfig": "hash",
    "dateShiftConfig": "shift",
    "replaceWithInfoTypeConfig": "replace",
}
#: A date is shifted by at most so many days in either direction, as Google documents.
SHIFT_LIMIT = 100
_KEY_BYTES = (16, 24, 32)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Transformation:
    """What to do with values of one info type; `key` is the secret of a hash or date shift."""

    action: Action
    key: bytes = field(default=b"", repr=False)
    mask: str = "*"

    def apply(self, info_type: str, value: str, *, patient: str) -> str | None:
        """Return the transformed value; None if it must be removed.

        Parameters
        ----------
        info_type : str
            The type of the value, one of `INFO_TYPES`.
        value : str
            The value.
        patient : str
            The patient it is about; all dates of a patient are shifted by the same number of days.
        """
        match self.action:
            case "keep":
                return value
            case "mask":
                return self.mask * len(value)
            case "hash":
                return crypto_hash(value, self.key)
            case "shift":
                return shift_date(value, shift_days(self.key, patient))
            case "replace":
                return f"[{info_type}]"
            case "redact":
                return None


def new_key() -> bytes:
    """Return a random key for one operation, for configurations without a key."""
    return secrets.token_bytes(32)


def transformations(
    config: Mapping[str, Any], key: bytes, profile: Mapping[str, Action]
) -> dict[str, Transformation]:
    """Return the transformation of each info type according to ``config.text``, or raise.

    A transformation that names an info type wins over one that names none and so applies to all; of several
    for one info type the first wins.

    Parameters
    ----------
    config : mapping
        A DeidentifyConfig.
    key : bytes
        The key of the operation.
    profile : mapping
        The default action of each of `INFO_TYPES`.
    """
    text = request_fields.json_object(config, "text")
    listed = [
        (
            [_known(info_type) for info_type in request_fields.texts(item, "infoTypes")],
            _transformation(item, key),
        )
        for field_ in ("additionalTransformations", "transformations")
        for item in request_fields.json_objects(text, field_)
    ]
    chosen = {info_type: Transformation(action, key) for info_type, action in profile.items()}
    strongest_first = sorted(listed, key=lambda item: not item[0])
    for info_types, transformation in reversed(strongest_first):
        chosen.update(dict.fromkeys(info_types or INFO_TYPES, transformation))
    kept = map(_known, request_fields.texts(text, "excludeInfoTypes"))
    return {**chosen, **dict.fromkeys(kept, Transformation("keep"))}


def crypto_hash(value: str, key: bytes) -> str:
    """Return a keyed hash of a text; equal texts have equal hashes."""
    return base64.b64encode(digest(key, value)).decode()


def digest(key: bytes, text: str) -> bytes:
    """Return the keyed SHA-256 of a text, from which hashes, date shifts and new UIDs are made."""
    return hmac.digest(key, text.encode(), hashlib.sha256)


def shift_days(key: bytes, patient: str) -> int:
    """Return the number of days to shift the dates of a patient by; never 0."""
    number = int.from_bytes(digest(key, patient)[:8])
    days = number % (2 * SHIFT_LIMIT) - SHIFT_LIMIT
    return days if days < 0 else days + 1


def shift_date(value: str, days: int) -> str | None:
    """Shift a date, with or without a time after it; None if it is not a full date.

    Reads ``2026-01-31`` and ``20260131``; a time stays as it is.
    """
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    year, dash, month, day, rest = match.groups()
    try:
        shifted = date(int(year), int(month), int(day)) + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{shifted:%Y}".zfill(4) + f"{dash}{shifted:%m}{dash}{shifted:%d}{rest}"


def _transformation(item: Mapping[str, Any], random: bytes) -> Transformation:
    named = [name for name in _ACTIONS if name in item]
    if len(named) != 1:
        raise invalid_argument(f"config.text: a transformation needs exactly one of {', '.join(_ACTIONS)}")
    options = request_fields.json_object(item, named[0])
    mask = options.get("maskingCharacter") or "*"
    if not isinstance(mask, str) or len(mask) != 1:
        raise invalid_argument("config.text: maskingCharacter: expected one character")
    return Transformation(_ACTIONS[named[0]], _key(options, random), mask)


def _key(options: Mapping[str, Any], random: bytes) -> bytes:
    if options.get("kmsWrapped") is not None:
        raise ServiceError(
            Code.UNIMPLEMENTED, "kmsWrapped: the local service has no Cloud KMS; use cryptoKey, or no key"
        )
    text = options.get("cryptoKey")
    if not text:
        return random
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        key = b""
    if len(key) not in _KEY_BYTES:
        # Without the value: it is a secret.
        raise invalid_argument("cryptoKey: expected 16, 24 or 32 bytes in base64")
    return key


def _known(info_type: str) -> str:
    if info_type not in INFO_TYPES:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            f"info type {info_type[:60]!r}: the local service supports {', '.join(INFO_TYPES)}",
        )
    return info_type


def config_of(folders: Buckets, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of a start request: `config`, or the object that ``gcsConfigUri`` names."""
    uri = body.get("gcsConfigUri") or None
    if uri is None:
        if "config" not in body:
            raise invalid_argument("config: expected how to de-identify; {} is the default profile")
        return request_fields.json_object(body, "config")
    if body.get("config") is not None:
        raise invalid_argument("config: give either config or gcsConfigUri, not both")
    ((_, path),) = folders.match(request_fields.one_object(folders, uri, "gcsConfigUri"))
    try:
        config = nesting.loads(objects.read_object(path))
    except nesting.Unreadable as error:
        raise invalid_argument(f"gcsConfigUri: the object cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise invalid_argument("gcsConfigUri: the object does not hold a JSON object")
    return config
