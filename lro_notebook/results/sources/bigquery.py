"""BigQuery (``bq://``) as a source: the tables of a dataset, named as the files of an export would be.

Reads whole tables through google-cloud-bigquery, over its Storage API where google-cloud-bigquery-storage
is installed, else over REST. ``BIGQUERY_EMULATOR_HOST`` points the library elsewhere.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lro_notebook.errors import AuthError, ConfigError, ResultError
from lro_notebook.http import auth
from lro_notebook.results.arrow.batch import Batch
from lro_notebook.results.arrow.flatten import flatten
from lro_notebook.results.load_report import no_table
from lro_notebook.results.shards import Shard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lro_notebook.results.arrow.batch import Advance, Options
    from lro_notebook.results.formats.format import Format
    from lro_notebook.results.location import Location

#: How its places begin.
PREFIX = "bq://"
_EMULATOR = "BIGQUERY_EMULATOR_HOST"
_PART = re.compile(r"[^/?#%*\\\x00-\x1f]+")  # the library puts them into a path as they are


@dataclass(frozen=True, slots=True)
class Warehouse:
    """BigQuery, as one project pays for it. Its tables come as Arrow, in no format of files.

    Attributes
    ----------
    project : str
        Its id.
    credentials : google.auth.credentials.Credentials or None
        Application-default credentials if None.
    """

    project: str
    credentials: Any = None

    def batches(self, shards: Sequence[Shard], options: Options, advance: Advance) -> Iterator[Batch]:
        """Yield the rows of tables; see `Source.batches`."""
        client, fast = self.client(), self.fast_client()
        for shard in shards:
            asked = options.columns_of(shard.table, shards[0].table)
            with _read_errors(shard.uri):
                table = client.get_table(shard.path)
                fields = list(table.schema)
                if asked is not None and options.lists != "explode":
                    heads = {name.partition(".")[0] for name in asked}
                    fields = [field for field in fields if field.name in heads] or fields
                rows = client.list_rows(table, selected_fields=fields)
                place = 0
                for part in _batches(rows, fast):
                    yield _batch(shard, part, options, place)
                    place += part.num_rows
                    advance(part.nbytes)

    def beside(self, uri: str) -> Location | None:
        """Return None: there are no files beside tables."""
        del uri
        return None

    def client(self) -> Any:
        """Return a client of google-cloud-bigquery.

        Raises
        ------
        ConfigError
            It is not installed.
        AuthError
            There are no credentials.
        """
        try:
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import DefaultCredentialsError
            from google.cloud import bigquery
        except ImportError as error:
            raise ConfigError(
                "bq:// needs google-cloud-bigquery, which is not installed: "
                'pip install "google-cloud-bigquery[bqstorage]"'
            ) from error
        credentials = self.credentials
        if _EMULATOR in os.environ and not (credentials and auth.may_go_where(_EMULATOR, credentials)):
            credentials = AnonymousCredentials()
        try:
            return bigquery.Client(
                project=self.project, credentials=credentials, client_options=self._universe()
            )
        except DefaultCredentialsError as error:
            raise AuthError(
                "BigQuery needs credentials: run gcloud auth application-default login, or pass credentials="
            ) from error

    def fast_client(self) -> Any:
        """Return a client of the Storage API, None where it is not installed or not there."""
        if _EMULATOR in os.environ:
            return None
        try:
            from google.cloud.bigquery_storage import BigQueryReadClient
        except ImportError:
            return None
        return BigQueryReadClient(credentials=self.credentials, client_options=self._universe())

    def _universe(self) -> dict[str, str] | None:
        """Return the options that keep the credentials in their universe; None where it is the usual one."""
        universe = auth.DEFAULT_UNIVERSE if self.credentials is None else auth.universe_of(self.credentials)
        return None if universe == auth.DEFAULT_UNIVERSE else {"universe_domain": universe}


def find_tables(
    uri: str,
    *,
    tables: Iterable[str] | None = None,
    every: bool = True,
    credentials: Any = None,
    only: Format | None = None,
) -> tuple[Warehouse, list[Shard]]:
    """Return where the tables at ``bq://project.dataset`` are, and them.

    ``bq://project.dataset.table`` is one of them; ``bq://project.dataset.prefix_*`` those that begin so.

    Parameters
    ----------
    uri : str
        What an export named as its destination.
    tables : iterable of str, optional
        Only these.
    every : bool
        Whether it is an error if one of `tables` is not there, or there is none at all.
    credentials : google.auth.credentials.Credentials, optional
        Application-default credentials if None.
    only : Format, optional
        What the files of such an export would be in. A table is called as that format calls its own, whatever
        its id is.

    Raises
    ------
    ConfigError
        The URI names no dataset, or the library is not installed.
    ResultError
        It cannot be read, or has no such table.
    """
    parts = uri.removeprefix(PREFIX).split(".")
    names = [*parts[:2], *("x" if part == "*" else part.removesuffix("*") for part in parts[2:])]
    if len(parts) not in (2, 3) or not all(map(_PART.fullmatch, names)):
        raise ConfigError(f"{uri!r} is no place in BigQuery, such as bq://project.dataset")
    warehouse = Warehouse(parts[0], credentials)
    client = warehouse.client()
    prefix = "" if len(parts) == 2 else parts[2].removesuffix("*")  # noqa: PLR2004 - a dataset
    with _read_errors(uri):
        if parts[2:] == [prefix]:
            places = [".".join(parts)]
        else:
            listed = client.list_tables(".".join(parts[:2]))
            places = [item.reference for item in listed if item.table_id.startswith(prefix)]
        shards = [_shard(client.get_table(place), only) for place in places]
    if tables is not None:
        wanted = {tables} if isinstance(tables, str) else set(tables)
        there = {shard.table for shard in shards}
        if every and (missing := sorted(wanted - there)):
            raise ResultError(no_table(missing, there, at=f" at {uri}"))
        shards = [shard for shard in shards if shard.table in wanted]
    if not shards and (every or tables is None):
        raise ResultError(f"no tables at {uri}; give the dataset that the operation wrote to")
    return warehouse, shards


def _shard(table: Any, only: Format | None) -> Shard:
    place = f"{table.project}.{table.dataset_id}.{table.table_id}"
    name = (only.table if only else "") or table.table_id
    return Shard(f"{PREFIX}{place}", place, name, int(table.num_bytes or 0))


def _batches(rows: Any, fast: Any) -> Iterator[pa.Table]:
    """Yield the rows as Arrow tables; one without rows where there are none."""
    if not rows.total_rows:
        yield rows.to_arrow(create_bqstorage_client=False)
        return
    for batch in rows.to_arrow_iterable(bqstorage_client=fast):
        yield pa.Table.from_batches([batch])


def _batch(shard: Shard, part: pa.Table, options: Options, place: int) -> Batch:
    flat = flatten(part, lists=options.lists, offset=place)
    name = shard.table
    tables = {name: flat.table, **{f"{name}.{path}": child for path, child in flat.children.items()}}
    truncated = {f"{name}.{path}": count for path, count in flat.truncated.items()}
    return Batch(tables, (), truncated, files=[(shard, part.num_rows)])


@contextmanager
def _read_errors(uri: str) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPICallError

    try:
        yield
    except GoogleAPICallError as error:
        raise ResultError(f"{uri} cannot be read: {error.code} {error.message}") from error
