"""IAM policies of datasets and stores: kept and given back, and never enforced.

Whoever has the service's token may do everything, so ``testIamPermissions`` grants what it is asked.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import TYPE_CHECKING, Any

import orjson

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError, invalid_argument

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from lro_notebook.local.datasets.stores import Store

#: What Google gives as the etag of a policy that nobody has set.
_UNSET = "ACAB"
_VERSIONS = (0, 1, 3)
_CONDITIONS = 3
#: What may come before the colon of a member; https://cloud.google.com/iam/docs/principal-identifiers.
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers"
    r"|(?:deleted:)?(?:user|serviceAccount|group|domain|principal|principalSet)"
    r":[^\s:][^\s]{0,1000}"
    r"|project(?:Owner|Editor|Viewer):[^\s]{1,100}"
)
_ROLE = re.compile(r"(?:(?:projects|organizations)/[^/\s]{1,100}/)?roles/[\w.]{1,100}", re.ASCII)
_PERMISSION = re.compile(r"healthcare\.[A-Za-z0-9]{1,60}\.[A-Za-z0-9]{1,60}", re.ASCII)


def get(connection: sqlite3.Connection, resource: str, requested_version: int = 0) -> dict[str, Any]:
    """Return the policy of a dataset or store, which must exist."""
    if requested_version not in _VERSIONS:
        raise invalid_argument("options.requestedPolicyVersion: expected 0, 1 or 3")
    row = connection.execute("SELECT body FROM policies WHERE resource = ?", (resource,)).fetchone()
    policy: dict[str, Any] = {"etag": _UNSET} if row is None else orjson.loads(row[0])
    return policy


def set_policy(
    connection: sqlite3.Connection,
    resource: str,
    policy: Mapping[str, Any],
    *,
    fields: Iterable[str],
    store: Store | None,
) -> dict[str, Any]:
    """Replace the named fields of the policy of a dataset, or of a store in it, and return it.

    Raises
    ------
    ServiceError
        A member or role cannot be one, or the policy has changed since its ``etag`` was read.
    """
    _check(policy)
    before = get(connection, resource)
    if (policy.get("etag") or before["etag"]) != before["etag"]:
        raise ServiceError(
            Code.ABORTED,
            "There were concurrent policy changes. Please retry the whole read-modify-write with "
            "exponential backoff.",
            status=409,
        )
    after = {**before, **{field: policy.get(field) for field in fields}}
    after = {field: value for field, value in after.items() if value}
    after |= {"etag": _etag(), "version": policy.get("version") or before.get("version") or 1}
    is_conditional = any(binding.get("condition") for binding in after.get("bindings", ()))
    if is_conditional and after["version"] < _CONDITIONS:
        raise invalid_argument("policy.version: a policy with conditions needs version 3")
    dataset, key = (resource, None) if store is None else (None, store.key)
    connection.execute(
        "INSERT OR REPLACE INTO policies (resource, dataset, store, body) VALUES (?, ?, ?, ?)",
        (resource, dataset, key, orjson.dumps(after)),
    )
    return after


def granted(permissions: Sequence[str]) -> list[str]:
    """Return the permissions of a request: all of them, if they can be any of the Healthcare API."""
    for permission in permissions:
        if "*" in permission:
            raise invalid_argument("permissions: wildcards are not allowed; name every permission")
        if _PERMISSION.fullmatch(permission) is None:
            raise invalid_argument(
                f"permissions: Permission {permission[:80]} is not valid for this resource; expected one "
                "such as healthcare.fhirStores.get"
            )
    return list(permissions)


def _check(policy: Mapping[str, Any]) -> None:
    if policy.get("version", 0) not in _VERSIONS:
        raise invalid_argument("policy.version: expected 0, 1 or 3")
    for place, binding in enumerate(policy.get("bindings", ())):
        role = binding.get("role", "")
        if _ROLE.fullmatch(role) is None:
            raise invalid_argument(
                f"policy.bindings[{place}].role: Role {role[:80]} is not supported for this resource; "
                "expected one such as roles/healthcare.fhirResourceReader"
            )
        for member in binding.get("members", ()):
            if _MEMBER.fullmatch(member) is None:
                raise invalid_argument(
                    f"policy.bindings[{place}].members: expected members such as user:ann@example.org, "
                    "group:team@example.org or allUsers"
                )


def _etag() -> str:
    return base64.b64encode(secrets.token_bytes(8)).decode()
