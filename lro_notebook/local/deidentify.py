"""De-identification of single values: redact, shift dates, hash, mask or keep. Pure.

A development stand-in for the DeidentifyConfig of the Healthcare API, not a compliance tool: values
are found by where they stand, nothing is searched for in free text. What each kind of data does with
it (`fhir_deidentify` and so on) is a table from places to the info types below.

The default profile, which ``config.text`` changes by info type: names, addresses, phone numbers and
free text are redacted, identifiers are hashed, dates are shifted by the patient's own number of days.
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

import orjson

from lro_notebook.errors import Code
from lro_notebook.local import arguments
from lro_notebook.local.refusal import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lro_notebook.local.buckets import Buckets

#: Kinds of values, named as the API's info types where it has one.
InfoType = Literal[
    "PERSON_NAME", "STREET_ADDRESS", "PHONE_NUMBER", "MEDICAL_RECORD_NUMBER", "DATE", "GENERIC_TEXT"
]
Action = Literal["redact", "mask", "hash", "shift", "replace", "keep"]

#: What happens to a value of each kind, where the configuration says nothing.
DEFAULT_PROFILE: Mapping[str, Action] = {
    "PERSON_NAME": "redact",
    "STREET_ADDRESS": "redact",
    "PHONE_NUMBER": "redact",
    "MEDICAL_RECORD_NUMBER": "hash",
    "DATE": "shift",
    "GENERIC_TEXT": "redact",
}
_CONFIGS: Mapping[str, Action] = {
    "redactConfig": "redact",
    "characterMaskConfig": "mask",
    "cryptoHashConfig": "hash",
    "dateShiftConfig": "shift",
    "replaceWithInfoTypeConfig": "replace",
}
#: Days by which a date is shifted at most, in either direction.
SHIFT_LIMIT = 100
_KEY_BYTES = (16, 24, 32)
_DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Transformation:
    """What happens to values of one kind; `key` is the secret of a hash or a date shift."""

    action: Action
    key: bytes = field(default=b"", repr=False)
    mask: str = "*"


@dataclass(frozen=True, slots=True)
class Config:
    """A checked DeidentifyConfig.

    Attributes
    ----------
    transformations : mapping
        Info type -> what happens to its values.
    fhir, dicom : mapping
        The parts of the configuration that are about one kind of data, as JSON.
    key : bytes
        Made for this operation alone; where the configuration gives no key of its own.
    """

    transformations: Mapping[str, Transformation]
    fhir: Mapping[str, Any]
    dicom: Mapping[str, Any]
    key: bytes = field(repr=False)

    def apply(self, info_type: str, value: str, *, patient: str) -> str | None:
        """Return what becomes of `value`; None where it is to be left out.

        Parameters
        ----------
        info_type : str
            What it is, one of `DEFAULT_PROFILE`.
        value : str
            The value.
        patient : str
            Whom it is about: all dates of a patient are shifted alike.
        """
        how = self.transformations[info_type]
        match how.action:
            case "keep":
                return value
            case "mask":
                return how.mask * len(value)
            case "hash":
                return crypto_hash(value, how.key)
            case "shift":
                return shift_date(value, shift_days(how.key, patient))
            case "replace":
                return f"[{info_type}]"
            case "redact":
                return None


def parse(config: Mapping[str, Any], *, random: bytes | None = None) -> Config:
    """Check a DeidentifyConfig; `random` is the key of the operation, made where it is not given."""
    key = secrets.token_bytes(32) if random is None else random
    text = arguments.message(config, "text")
    profile = {
        kind: Transformation(action, key if action in ("hash", "shift") else b"")
        for kind, action in DEFAULT_PROFILE.items()
    }
    listed = [*(text.get("transformations") or ()), *(text.get("additionalTransformations") or ())]
    for item in listed:
        if not isinstance(item, dict):
            raise invalid("config.text.additionalTransformations: expected objects")
        # One without info types is for all of them.
        for kind in arguments.texts(item, "infoTypes") or list(DEFAULT_PROFILE):
            profile[_known(kind)] = _transformation(item, key)
    for kind in arguments.texts(text, "excludeInfoTypes"):
        profile[_known(kind)] = Transformation("keep")
    fhir, dicom = arguments.message(config, "fhir"), arguments.message(config, "dicom")
    return Config(profile, fhir, dicom, key)


def crypto_hash(value: str, key: bytes) -> str:
    """Return a keyed hash of a text: equal texts stay equal, nothing else is left of them."""
    return base64.b64encode(hmac.digest(key, value.encode(), hashlib.sha256)).decode()


def shift_days(key: bytes, patient: str) -> int:
    """Return by how many days the dates of a patient are shifted; never 0."""
    number = int.from_bytes(hmac.digest(key, patient.encode(), hashlib.sha256)[:8])
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
    named = [name for name in _CONFIGS if name in item]
    if len(named) != 1:
        raise invalid(f"config.text.additionalTransformations: name one of {', '.join(_CONFIGS)} in each")
    options = arguments.message(item, named[0])
    mask = options.get("maskingCharacter", "*")
    if not isinstance(mask, str) or len(mask) != 1:
        raise invalid("config.text: maskingCharacter is one character")
    return Transformation(_CONFIGS[named[0]], _key(options, random), mask)


def _key(options: Mapping[str, Any], random: bytes) -> bytes:
    if "kmsWrapped" in options:
        raise Refusal(
            Code.UNIMPLEMENTED, "kmsWrapped: the local service has no Cloud KMS; use cryptoKey, or no key"
        )
    text = options.get("cryptoKey")
    if text is None:
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
    if info_type not in DEFAULT_PROFILE:
        raise Refusal(
            Code.UNIMPLEMENTED,
            f"info type {info_type[:60]!r}: the local service knows {', '.join(DEFAULT_PROFILE)}",
        )
    return info_type


def config_of(folders: Buckets, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the configuration of a start request: `config`, or the object that ``gcsConfigUri`` names."""
    uri = body.get("gcsConfigUri")
    if uri is None:
        if "config" not in body:
            raise invalid("config: say how to de-identify; {} is the default profile")
        return arguments.message(body, "config")
    ((_, path),) = folders.match(arguments.object_(folders, uri, "gcsConfigUri"))
    try:
        config = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise invalid(f"gcsConfigUri: the object is not valid JSON at character {error.pos}") from error
    if not isinstance(config, dict):
        raise invalid("gcsConfigUri: the object holds no JSON object")
    return config
