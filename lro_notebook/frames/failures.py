"""What failed inside an operation, as a DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import Code, ConfigError
from lro_notebook.frames.operations import typed
from lro_notebook.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from lro_notebook.operation import Operation

FAILURE_DTYPES: Mapping[str, str] = {
    "time": "datetime64[us, UTC]",
    "source": "string",
    "resource": "string",
    "code": "string",
    "message": "string",
}


def failures(operation: Operation) -> pd.DataFrame:
    """Return one row per unit that failed; see `Operation.failures`."""
    if operation.client is None or operation.client.local() is None:
        logs = (operation.resource.metadata or {}).get("logsUrl") or "the Logs Explorer of the project"
        raise ConfigError(
            f"only the local service's failures can be read here; those of {operation.id} are in {logs}"
        )
    return typed(_rows(operation), FAILURE_DTYPES)


def _rows(operation: Operation) -> Iterator[dict[str, Any]]:
    params: dict[str, str | int] = {"pageSize": 1000}
    while True:
        page = operation.client.rest.call("GET", f"{operation.name}:failures", role="read", params=params)
        for failure in page.get("failures") or ():
            code = Code.of(failure["code"]).name
            yield {**failure, "code": code, "time": parse_timestamp(failure["timestamp"])}
        if not page.get("nextPageToken"):
            return
        params["pageToken"] = page["nextPageToken"]
