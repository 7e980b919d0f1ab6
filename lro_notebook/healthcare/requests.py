"""Arguments of the start helpers, checked and turned into the JSON values of the Healthcare API."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.healthcare import fhir_types
from lro_notebook.operations.resource import format_timestamp, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

_GCS = re.compile(r"gs://[a-z0-9][a-z0-9._-]*(/.*)?")
_WRITTEN = ("destination", "result_uri")
_BIGQUERY = re.compile(r"bq://[^./]+\.[^./]+")


def gcs_uri(value: object, what: str) -> str:
    """Return `value` if it is a Cloud Storage URI."""
    if isinstance(value, list | tuple | set):
        raise ConfigError(f"{what}: give one URI, or a pattern such as gs://bucket/folder/*.ndjson")
    if not isinstance(value, str) or not _GCS.fullmatch(value):
        raise ConfigError(
            f"{what} {value!r} is not a Cloud Storage URI such as gs://bucket/path{_meant(value, what)}"
        )
    return value


def _meant(value: object, what: str) -> str:
    """Return what may be meant by what is no URI: one without its beginning, else a path on this machine."""
    path = isinstance(value, str) and os.path.lexists(re.split(r"[*?]", value, maxsplit=1)[0] or value)
    own = ". The service reads and writes buckets, not this machine's files; "
    if not path and isinstance(value, str) and "." not in value[:1] and _GCS.fullmatch(f"gs://{value}"):
        meant = f"; did you mean 'gs://{value}'?"
        if what not in _WRITTEN or "/" in value:
            return meant
        own = meant + own.removeprefix(".")  # out: a bucket, or a folder of this machine
    if what in _WRITTEN:
        return f"{own}lro.local.get('gs://bucket/path', folder) copies out of those of the local service"
    return f"{own}lro.local.put(path, 'gs://bucket/path') copies files into those of the local service"


def is_bigquery(value: object) -> bool:
    """Tell whether `value` is a BigQuery URI; one that only starts like one is an error."""
    if not isinstance(value, str) or not value.startswith("bq://"):
        return False
    if not _BIGQUERY.fullmatch(value):
        raise ConfigError(f"{value!r} is not a BigQuery dataset such as bq://project.dataset")
    return True


def gcs_bucket(value: object, what: str) -> str:
    """Return `value` if it names a Cloud Storage bucket alone, with or without ``gs://``."""
    if not isinstance(value, str) or not _GCS.fullmatch(f"gs://{value.removeprefix('gs://')}"):
        raise ConfigError(f"{what} {value!r} is not a Cloud Storage bucket such as 'my-bucket'")
    return value


def confirm_all(what: str, *, everything: bool, filters: object) -> None:
    """Refuse a call that destroys data without a filter, unless the caller has confirmed it."""
    if not filters and not everything:
        raise ConfigError(
            f"{what} without a filter affects the whole store; add a filter, or pass everything=True"
        )


def deidentification(config: Mapping[str, Any] | None, gcs_config_uri: str | None) -> dict[str, Any]:
    """Return the fields of a request that say how to de-identify."""
    if config is None and gcs_config_uri is None:
        raise ConfigError(
            "say how to de-identify: pass config= (a DeidentifyConfig as a dict, {} for the defaults) "
            "or gcs_config_uri="
        )
    body: dict[str, Any] = {} if config is None else {"config": dict(config)}
    if gcs_config_uri is not None:
        body["gcsConfigUri"] = gcs_uri(gcs_config_uri, "gcs_config_uri")
    return body


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: not None, False or empty."""
    return {name: value for name, value in fields.items() if value}


def one_of(value: str, allowed: tuple[str, ...], what: str) -> str:
    """Return `value` if it is one of the `allowed` words."""
    if value not in allowed:
        raise ConfigError(f"{what} {value!r} is not one of {', '.join(allowed)}")
    return value


def type_names(value: str | Iterable[str] | None, version: str | None = None) -> tuple[str, ...]:
    """Return FHIR resource types as a tuple; a string may hold several with commas between them.

    They are those of `version`, of any version of FHIR if that is not known.
    """
    if not isinstance(value, Iterable | None):
        raise ConfigError(f"types: {value!r} is no list of resource types such as ['Patient', 'Observation']")
    names: list[object] = [*(value.split(",") if isinstance(value, str) else value or ())]
    checked = []
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(f"types: {name!r} is not a resource type such as 'Patient'")
        checked.append(fhir_types.checked(name.strip(), version))
    return tuple(checked)


def timestamp(value: str | datetime | None, what: str) -> str | None:
    """Return a point in time as RFC 3339 text; a datetime needs a time zone."""
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ConfigError(
                f"{what}: {value.isoformat()} has no time zone; use datetime.now(UTC) or the like"
            )
        return format_timestamp(value)
    if parse_timestamp(value) is None:
        raise ConfigError(f"{what} {value!r} is not an RFC 3339 time such as '2026-03-04T09:00:00Z'")
    return value
