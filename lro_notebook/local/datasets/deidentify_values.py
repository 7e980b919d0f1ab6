"""De-identification of single values: redact, shift dates, hash, mask or keep. Pure.

A development stand-in for the DeidentifyConfig of the Healthcare API, not a compliance tool: values
are found by where they stand, nothing is searched for in free text. What each kind of data does with
it (`fhir_deidentify`, `dicom_deidentify`) is a table from places to the info types below, and what
happens to each info type where ``config.text`` does not say it.
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
from lro_notebook.local.core.service_errors import ServiceError, invalid
from lro_notebook.local.operations import arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.core.buckets import Buckets

Action = Literal["redact", "mask", "hash", "shift", "replace", "keep"]

#: Kinds of values, named as the API's info types where it has one.
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
#: Days by which a date is shifted at most, in either direction; as in Google's documentation.
SHIFT_LIMIT = 100
_KEY_BYTES = (16, 24, 32)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Transformation:
    """What happens to values of one info type; `key` is the secret of a hash or a date shift."""

    action: Action
    key: bytes = field(default=b"", repr=False)
    mask: str = "*"

    def apply(self, info_type: str, value: str, *, patient: str) -> str | None:
        """Return what becomes of `value`; None where it is to be left out.

        Parameters
        ----------
        info_type : str
            What it is, one of `INFO_TYPES`.
        value : str
            The value.
        patient : str
            Whom it is about: all dates of a patient are shifted alike.
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
    """Return a key for one operation alone; used where the configuration gives none of its own."""
    return secrets.token_bytes(32)


def transformations(
    config: Mapping[str, Any], key: bytes, profile: Mapping[str, Action]
) -> dict[str, Transformation]:
    """Return what ``config.text`` does with each info type, or refuse what cannot be.

    A transformation that names an info type goes before one that names none and so is for all; of several
    for one info type the first counts.

    Parameters
    ----------
    config : mapping
        A DeidentifyConfig.
    key : bytes
        The key of the operation.
    profile : mapping
        What happens to each of `INFO_TYPES` where nothing is said of it.
    """
    text = arguments.message(config, "text")
    listed = [
        ([_known(kind) for kind in arguments.texts(item, "infoTypes")], _transformation(item, key))
        for field_ in ("additionalTransformations", "transformations")
        for item in arguments.messages(text, field_)
    ]
    chosen = {kind: Transformation(action, key) for kind, action in profile.items()}
    strongest_first = sorted(listed, key=lambda item: not item[0])
    for kinds, how in reversed(strongest_first):
        chosen.update(dict.fromkeys(kinds or INFO_TYPES, how))
    kept = map(_known, arguments.texts(text, "excludeInfoTypes"))
    return {**chosen, **dict.fromkeys(kept, Transformation("keep"))}


def crypto_hash(value: str, key: bytes) -> str:
    """Return a keyed hash of a text: equal texts stay equal, nothing else is left of them."""
    return base64.b64encode(digest(key, value)).decode()


def digest(key: bytes, text: str) -> bytes:
    """Return the keyed SHA-256 of a text: what hashes, date shifts and new UIDs are made of."""
    return hmac.digest(key, text.encode(), hashlib.sha256)


def shift_days(key: bytes, patient: str) -> int:
    """Return by how many days the dates of a patient are shifted; never 0."""
    number = int.from_bytes(digest(key, patient)[:8])
    days = number % (2 * SHIFT_LIMIT) - SHIFT_LIMIT
    return days if days < 0 else days + 1


def shift_date(value: str, days: int) -> str | None:
    """Shift a date, or the date of a date and time; None where there is no whole date to shift.

    Reads ``2026-01-31``, ``20260131``, and either with a time behind it, which stays.
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
        raise invalid(f"config.text: a transformation has one of {', '.join(_ACTIONS)}")
    options = arguments.message(item, named[0])
    mask = options.get("maskingCharacter") or "*"
    if not isinstance(mask, str) or len(mask) != 1:
        raise invalid("config.text: maskingCharacter: expected one character")
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
        raise invalid("cryptoKey: expected 16, 24 or 32 bytes in base64")
    return key


def _known(info_type: str) -> str:
    if info_type not in INFO_TYPES:
        raise ServiceError(
            Code.UNIMPLEMENTED,
            f"info type {info_type[:60]!r}: the local service knows {', '.join(INFO_TYPES)}",
        )
    return info_type


def config_of(folders: Buckets, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of a start request: `config`, or the object that ``gcsConfigUri`` names."""
    uri = body.get("gcsConfigUri") or None
    if uri is None:
        if "config" not in body:
            raise invalid("config: say how to de-identify; {} is the default profile")
        return arguments.message(body, "config")
    if body.get("config") is not None:
        raise invalid("config: only one of config and gcsConfigUri can be given")
    ((_, path),) = folders.match(arguments.object_(folders, uri, "gcsConfigUri"))
    try:
        config = nesting.loads(objects.read_object(path))
    except nesting.Unreadable as error:
        raise invalid(f"gcsConfigUri: the object cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise invalid("gcsConfigUri: the object holds no JSON object")
    return config
