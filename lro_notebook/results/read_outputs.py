"""The places that an operation wrote to, as its JSON or its start request say, and what is at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import AuthError, ConfigError, LroError, LroWarning, ResultError, warn_caller
from lro_notebook.operations.resource import project_of
from lro_notebook.results.allowed_places import CLOUD, Near, tell_refused
from lro_notebook.results.discovery.discover import find, missing_of
from lro_notebook.results.load_place import tell
from lro_notebook.results.places import Place, found_in, is_role, places_of
from lro_notebook.results.results import Results
from lro_notebook.results.shards import Found
from lro_notebook.results.sources import bigquery
from lro_notebook.results.sources.files import Files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.discovery.ownership import Span
    from lro_notebook.results.location import Location
    from lro_notebook.results.remote.retried_calls import Fetch
    from lro_notebook.results.shards import Shard, Skipped
    from lro_notebook.results.sources.source import Source

#: Words in the path of a field that repeats what was asked for, which other runs may have asked for too; and
#: the beginning of the last name in it.
_ECHO, _ASKED = ("config", "request"), "destination"


def outputs_of(operation: Operation) -> list[Place]:
    """Return where an operation wrote, as its response, its metadata or its start request say.

    A place that its start helper named is the output where the service names none.
    """
    resource, record = operation.resource, operation.record
    named = record.outputs if record else ()
    asked = [Place(uri, role, field, "request", form) for uri, role, field, form in named if is_role(role)]
    if operation.destination and "://" in operation.destination:
        asked = [Place(operation.destination, "output", "destination", "request"), *asked]
    told = places_of(resource.response, resource.metadata, project=project_of(operation.name))
    roles = {place.role for place in told}
    rest = {place.uri: place for place in reversed(asked) if place.role not in roles}
    return [*told, *reversed(rest.values())]


def holds_more(response: Mapping[str, Any]) -> bool:
    """Tell whether a response holds results beside the places that it names: not only counts and times."""
    told = {place.field.partition(".")[0].partition("[")[0] for place in found_in(response, "response")}
    return any(isinstance(value, dict | list) for key, value in response.items() if key not in told)


def read_outputs(
    operation: Operation,
    places: Iterable[Place],
    locate: Callable[[str], Location],
    *,
    options: Options,
    fetch: Fetch,
    span: Span,
    credentials: Any = None,
    tables: Iterable[str] | None = None,
    partial: bool = False,
) -> Results:
    """Return what is at the `places` that an operation of any API wrote to.

    Of a place that the service has made for it, all files are its; of one that the request named, those that
    name it or, if none does, that were written while it ran, else all with a warning.

    Parameters
    ----------
    operation : Operation
        It has ended.
    places : iterable of Place
        Where it wrote.
    locate : callable
        Returns the location of a URI, as the client of the operation may read it.
    options : Options
        How to load.
    fetch : Fetch
        How remote files are read.
    span : pair of datetime
        When it ran.
    credentials : google.auth.credentials.Credentials, optional
        For BigQuery.
    tables, partial
        As in `discover.find`.

    Raises
    ------
    ResultError
        Nothing is at any of them, a table is not, or shards are missing.
    AuthError, ConfigError
        None of them can be read: credentials or a package are missing.
    """
    parts: list[tuple[Source, Sequence[Shard]]] = []
    skipped: list[Skipped] = []
    missing: list[LroError] = []
    wanted = None if tables is None else {tables} if isinstance(tables, str) else set(tables)
    groups = _groups(_admitted(places, operation.destination, errors=options.errors))
    every = len(groups) == 1
    for uris, echoed in groups:
        try:
            if uris[0].startswith(bigquery.PREFIX):
                parts.append(
                    bigquery.find_tables(uris[0], tables=wanted, every=every, credentials=credentials)
                )
                continue
            location, *others = _places(uris, locate)
            found = find(
                location,
                paths=[location.path, *(other.path for other in others)],
                operation=operation.id if echoed else None,
                tables=wanted,
                every=every,
                partial=partial,
                span=span,
                own=False,
                deep=True,
                fetch=fetch,
            )
        except (AuthError, ConfigError, ResultError) as error:  # of this place: others may be read
            missing.append(error)
            continue
        parts.append((Files(location, fetch), found.shards))
        skipped += found.skipped
        if found.note:
            warn_caller(found.note, LroWarning)
    if missing and not parts:
        raise missing[0]
    if gone := missing_of(wanted or (), (shard for _, shards in parts for shard in shards)):
        why = "".join(f"; {lost}" for lost in missing[:1])
        raise ResultError(
            f"no table {', '.join(gone)} at the places of operation {operation.id}; "
            f"op.load().summary lists those that there are{why}"
        )
    for lost in missing:
        warn_caller(f"{lost}. What is at the other places of {operation.id} is loaded", LroWarning)
    listed = [uri for uris, _ in groups for uri in uris]
    tell(Found([], skipped), listed[0] if len(listed) == 1 else f"the places of operation {operation.id}")
    more = [(source, shards, options) for source, shards in parts]
    return Results(None, (), options, skipped=skipped, more=more)


def _admitted(places: Iterable[Place], asked: str | None, *, errors: str) -> list[Place]:
    """Return the places that may be read: in buckets and in BigQuery, and the one that was asked for."""
    near = Near(f"{CLOUD}://")
    allowed: list[Place] = []
    refused: list[str] = []
    for place in places:
        if place.uri.startswith(bigquery.PREFIX) or place.uri == asked or near.resolve(place.uri):
            allowed.append(place)
        else:
            refused.append(place.uri)
    tell_refused(refused, near, raises=errors == "raise" or not allowed)
    return allowed


def _places(uris: Sequence[str], locate: Callable[[str], Location]) -> list[Location]:
    """Return the places of `uris`, in one file system: one for all, where it takes requests."""
    first = locate(uris[0])
    return [first, *(first.another(uri) if first.is_remote else locate(uri) for uri in uris[1:])]


def _is_echo(place: Place) -> bool:
    field = place.field.lower()
    last = field.rpartition(".")[2]
    return place.told_by == "request" or last.startswith(_ASKED) or any(word in field for word in _ECHO)


def _groups(places: Iterable[Place]) -> list[tuple[list[str], bool]]:
    """Return the places that can be read together, and whether their URIs only repeat the request."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for place in places:
        echoed = _is_echo(place)
        scheme, _, rest = place.uri.partition("://")
        own = place.uri if place.uri.startswith(bigquery.PREFIX) else f"{scheme}://{rest.partition('/')[0]}"
        groups.setdefault((own, echoed), []).append(place.uri)
    return [(uris, echoed) for (_, echoed), uris in groups.items()]
