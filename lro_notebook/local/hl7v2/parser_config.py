"""How a store reads its messages: its checked ``parserConfig``. Pure."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.hl7v2 import message_schema
from lro_notebook.local.hl7v2.message_parser import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

VERSIONS = ("V1", "V2", "V3")


def parser_of(store: Mapping[str, Any], dataset: Mapping[str, Any]) -> Parser:
    """Return the parser for the ``parserConfig`` of a store, or raise."""
    config = store.get("parserConfig") or {}
    if not isinstance(config, dict):
        raise invalid_argument("parserConfig: expected an object")
    version = config.get("version", "V1")
    if version == "PARSER_VERSION_UNSPECIFIED":
        version = "V1"
    if version not in VERSIONS:
        raise invalid_argument(f"parserConfig.version: expected one of {', '.join(VERSIONS)}")
    null_header = config.get("allowNullHeader", False)
    if not isinstance(null_header, bool):
        raise invalid_argument("parserConfig.allowNullHeader: expected true or false")
    schema = message_schema.schema_of(config["schema"]) if config.get("schema") else None
    terminator = _terminator(config.get("segmentTerminator"))
    return Parser(version, terminator, null_header, _zone(dataset), schema)


def _terminator(text: object) -> bytes:
    if text is None:
        return Parser().terminator
    try:
        terminator = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        terminator = b""
    if not terminator:
        raise invalid_argument(
            "parserConfig.segmentTerminator: expected at least one byte in base64, such as Cg=="
        )
    return terminator


def _zone(dataset: Mapping[str, Any]) -> tzinfo:
    """Return the time zone of a dataset, which applies to HL7 times without one."""
    try:
        return ZoneInfo(dataset.get("timeZone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
