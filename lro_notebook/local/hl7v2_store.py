"""HL7v2 stores: what the service knows about this kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local import hl7v2, hl7v2_export, hl7v2_import, hl7v2_messages, hl7v2_parser, hl7v2_rollback
from lro_notebook.local.kinds import StoreKind
from lro_notebook.local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(body: Mapping[str, Any]) -> None:
    """Refuse fields of an HL7v2 store that cannot be."""
    hl7v2_parser.parser_of(body, {})
    if not isinstance(body.get("rejectDuplicateMessage", False), bool):
        raise invalid("rejectDuplicateMessage: expected true or false")


KIND = StoreKind(
    collection="hl7V2Stores",
    label="hl7v2",
    tables=hl7v2_messages.TABLES,
    check=check,
    methods={"import": hl7v2_import.KIND, "export": hl7v2_export.KIND, "rollback": hl7v2_rollback.KIND},
    routes=hl7v2.ROUTES,
)
