"""HL7v2 stores as a `StoreKind`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.local.hl7v2 import exports, imports, parser_config, rollback, routes, rows
from lro_notebook.local.http.store_kind import StoreKind

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(body: Mapping[str, Any]) -> None:
    """Raise on invalid fields of an HL7v2 store."""
    parser_config.parser_of(body, {})


KIND = StoreKind(
    collection="hl7V2Stores",
    label="hl7v2",
    tables=rows.TABLES,
    check=check,
    methods={"import": imports.METHOD, "export": exports.METHOD, "rollback": rollback.METHOD},
    routes=routes.ROUTES,
)
