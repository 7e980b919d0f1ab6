"""The public functions, which tie the client, the displays and the loader together."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lro_notebook import forking
from lro_notebook.errors import ConfigError, LroWarning, warn_caller
from lro_notebook.healthcare.dataset import Dataset
from lro_notebook.healthcare.fhir_types import TYPES
from lro_notebook.http import addresses
from lro_notebook.jupyter import auto_display, completion
from lro_notebook.jupyter.operation_list import Operations
from lro_notebook.local import launch
from lro_notebook.operations.client import HEALTHCARE, Client
from lro_notebook.operations.journal import Journal
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.polling_policy import PollPolicy
from lro_notebook.operations.rest_requests import LocalService
from lro_notebook.suggestions import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib.axes import Axes

    from lro_notebook.local.identity.transport import ProvenTransport
    from lro_notebook.results.results import Results

#: Google asks clients of the Healthcare API to poll long operations about every 10 s.
CALM = PollPolicy(long_floor=10.0)
RECENT = 1000  # rows of the journal that `started` shows by default
LOCAL_PROJECT = "projects/local/"


class _Embedded:
    """The client of each data directory that this process is connected to."""

    def __init__(self) -> None:
        self.clients: dict[Path, Client] = {}
        self.lock = threading.Lock()
        forking.bind(self)

    def after_fork_in_child(self) -> None:
        """Have a lock that no thread of the parent holds."""
        self.lock = threading.Lock()


_embedded = _Embedded()


@named
def connect(
    dataset: str | None = None,
    *,
    credentials: Any = None,
    endpoint: str | None = None,
    api_version: str = "v1",
    data_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Return a dataset of the Cloud Healthcare API, on Google Cloud or on the embedded service.

    Parameters
    ----------
    dataset : str, optional
        Full name, ``projects/{project}/locations/{location}/datasets/{dataset}``. None starts the
        embedded service on this machine, or reuses it, and returns its dataset with synthetic data;
        no account is needed.
    credentials : google.auth credentials, str or None
        A credentials object, a bearer token, or None for application-default credentials.
    endpoint : str, optional
        Address of the service, where it is not Google's.
    api_version : str
        Minimum API version: ``v1`` or ``v1beta1``.
    data_dir : path, optional
        The folder of the embedded service; by default one in your user data directory, or
        ``LRO_NOTEBOOK_DATA_DIR``.

    Raises
    ------
    ConfigError
        An argument cannot work, or the embedded service does not start.

    Examples
    --------
    >>> lro.connect()
    <Dataset projects/local/locations/local/datasets/demo (local, synthetic)>
    >>> lro.connect("projects/my-project/locations/us-central1/datasets/my-dataset").id
    'my-dataset'
    """
    if (here := auto_display.kernel()) is not None:
        completion.register(here.shell, {"types": sorted(TYPES["R4"])})
    if dataset is not None:
        addresses.dataset(dataset)  # before anything is started for it
    wants_local = data_dir is not None or dataset is None or dataset.startswith(LOCAL_PROJECT)
    if endpoint is None and wants_local:
        return _connect_local(dataset, data_dir, api_version)
    if data_dir is not None:
        raise ConfigError(
            "data_dir= is for the embedded service, which has no endpoint=; give one of the two"
        )
    if dataset is None:
        raise ConfigError(
            "an endpoint needs a dataset: connect('projects/…/locations/…/datasets/…', endpoint=…)"
        )
    client = Client(endpoint or HEALTHCARE, credentials=credentials, policy=None if endpoint else CALM)
    return Dataset(client, dataset, api_version=api_version)


def _connect_local(dataset: str | None, data_dir: str | os.PathLike[str] | None, api_version: str) -> Dataset:
    from lro_notebook.local.identity.transport import ProvenTransport

    folder = Path(data_dir) if data_dir is not None else None
    running = launch.ensure(folder)
    with _embedded.lock:
        client = _embedded.clients.get(running.data_dir)
        if client is None or client.closed:
            transport = ProvenTransport(running.identity)
            client = Client(
                running.endpoint,
                credentials=running.token,
                transport=transport,
                revive=lambda: _revive(running.data_dir, transport),
                local=LocalService(running.data_dir, running.buckets),
            )
            _embedded.clients[running.data_dir] = client
    return Dataset(client, dataset or running.dataset, api_version=api_version)


def _revive(data_dir: Path, transport: ProvenTransport) -> tuple[str, str]:
    running = launch.ensure(data_dir)
    transport.identity = running.identity
    return running.endpoint, running.token


@named
def watch(x: Any, *, client: Any = None, notify: Callable[[Operation], object] | None = None) -> Any:
    """Follow any operation or job, or several, and show them live: one as a card, many as one table.

    Parameters
    ----------
    x : Operation, str, dict, google operation or job, or an iterable of these
        An operation of this package; a full name, such as ``projects/…/operations/123``; the JSON object
        of an operation or a job; an operation or job of Google's libraries, which is followed with its own
        credentials: of google-api-core (`Operation`, `AsyncOperation`, `ExtendedOperation`), BigQuery,
        Vertex AI, Earth Engine; a message of theirs.
    client : optional
        Reads what is only a name, a message or a JSON object: a `Client`, a service of
        google-api-python-client, a client of Google's libraries, or a ``google.genai.Client``; by default
        the one `Client` that is open.
    notify : callable, optional
        Called with each operation when it has ended, as by `Operation.add_done_callback`.

    Returns
    -------
    Operation or Operations
        As `x` is one or many; `Operations` is a list.

    Raises
    ------
    ConfigError
        `x` is not an operation, or nobody can be asked: the message says what it is and what to give.
    ApiError
        There is no operation of that name; services keep records for a limited time.

    Examples
    --------
    >>> lro.watch(op.name, client=ds.client)
    <Operation ... fhirStores.export SUCCEEDED ...>
    >>> [each.state for each in lro.watch([op, {"name": "operations/1", "done": True}])]
    ['SUCCEEDED', 'SUCCEEDED']
    """
    from lro_notebook.operations.adapters import (  # asyncio: 20 ms for those alone who watch
        journaling,
        registry,
    )

    several = registry.is_many(x)
    operations = Operations(registry.followed(item, client) for item in (x if several else [x]))
    journaling.note(operations)
    for operation in operations:
        operation.poller.follow()
        if notify is not None:
            operation.add_done_callback(notify)
    auto_display.show_all(operations)
    return operations if several else operations[0]


@named
def to_frame(operations: Operation | Iterable[Operation]) -> pd.DataFrame:
    """Return a DataFrame with a row per operation, from their last snapshots; sends no request.

    Returns
    -------
    DataFrame
        ``id``, ``name``, ``method``, ``target``, ``state`` (string), ``done`` (boolean), ``created``,
        ``ended`` (datetime64[us, UTC]), ``elapsed`` (timedelta64[us]), ``completed``, ``total``,
        ``failed`` (Int64), ``fraction`` (Float64), ``cancel_requested`` (boolean), ``error_code``,
        ``error_message``, ``logs_url``, ``created_from``, ``source``, ``destination`` (string); the same for
        no operations.
        ``created_from`` says where ``created`` is from: ``"service"``; ``"work"``, when the work began;
        ``"request"``, when this machine asked for it; ``"seen"``, when it was first seen here.

    Examples
    --------
    >>> lro.to_frame(op)[["method", "state", "failed"]]
                  method      state  failed
    0  fhirStores.export  SUCCEEDED       0
    """
    from lro_notebook.reports.frames import operations_frame

    return operations_frame([operations] if isinstance(operations, Operation) else operations)


@named
def timeline(operations: Operation | Iterable[Operation], *, ax: Axes | None = None) -> Axes:
    """Draw when each operation ran: a bar in the colour of its state, on a UTC axis; sends no request.

    Needs matplotlib, which this package does not install.

    Parameters
    ----------
    operations : Operation or iterable of Operation
        Running ones are drawn up to now; one that had ended when it was first seen, and does not tell when,
        is left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that it drew on.

    Raises
    ------
    ConfigError
        matplotlib is not installed.

    Examples
    --------
    >>> lro.timeline(ds.operations()).get_xlabel()
    'time (UTC)'
    """
    from lro_notebook.reports.timeline import timeline as draw

    return draw([operations] if isinstance(operations, Operation) else operations, ax=ax)


@named
def started(limit: int | None = RECENT) -> pd.DataFrame:
    """Return a DataFrame of the operations that this machine has started or watched, newest last.

    By default it shows the newest 1,000, and warns when there are more. A row whose start request was never
    answered has the state UNKNOWN and no name: look for it with ``ds.operations()``. States are those that
    this machine saw last.

    Parameters
    ----------
    limit : int or None
        How many of the newest; None for all. Rows beyond the newest 100,000 are removed after 400 days.

    Returns
    -------
    DataFrame
        ``id``, ``name``, ``method``, ``target``, ``source``, ``destination``, ``types``, ``since``, ``state``
        (string), ``requested``, ``ended`` (datetime64[us, UTC]), ``service``, ``origin`` (string).
        ``ds.operation(id)`` returns the handle. ``origin`` is ``"started"``, or ``"watched"`` for those that
        somebody else started: these are followed again by their name, ``lro.watch(name)``. ``attrs["more"]``
        counts the older ones that are left out.

    Raises
    ------
    ConfigError
        `limit` is not a number of rows.

    Examples
    --------
    >>> journal = lro.started()
    >>> journal.loc[journal["state"] == "UNKNOWN", ["method", "target", "requested"]]  # never answered
    Empty DataFrame
    Columns: [method, target, requested]
    Index: []
    """
    from lro_notebook.reports.frames import started_frame

    if limit is not None and (type(limit) is not int or limit < 0):
        raise ConfigError(f"limit={limit!r} is no number of rows: give one from 0 on, or None for all")
    journal = Journal()
    frame = started_frame(journal.pages(limit))
    more = 0 if limit is None or len(frame) < limit else max(0, len(journal) - len(frame))
    frame.attrs["more"] = more
    if more and limit == RECENT:
        warn_caller(
            f"these are the newest {limit:,} of {more + limit:,} operations that this machine has started; "
            "lro.started(limit=None) shows all, limit=… says how many",
            LroWarning,
        )
    return frame


@named
def read_results(
    op_or_uri: Operation | str | os.PathLike[str],
    *,
    tables: Iterable[str] | None = None,
    columns: Iterable[str] | Mapping[str, Iterable[str]] | None = None,
    decimals: Literal["float", "exact", "text"] = "float",
    parse_dates: bool = False,
    lists: Literal["first", "nested", "explode"] = "first",
    errors: Literal["report", "raise"] = "report",
    source_file: bool = False,
    encoding: str | None = None,
    limits: Mapping[str, int] | None = None,
    streams: int | None = None,
    operation: str | None = None,
    client: Client | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Results:
    """Return the output of an operation, or the files at a place, as DataFrames.

    Parameters
    ----------
    op_or_uri : Operation, str or path
        An operation (as ``op.load()``), or a folder, file, name prefix or glob: a plain path, ``gs://…``
        or any fsspec URL; or ``bq://project.dataset``.
    tables : iterable of str, optional
        Only these tables.
    columns : iterable of str, or mapping of table to such, optional
        Only these columns, in this order.
    decimals : {"float", "exact", "text"}
        JSON numbers as float64, as exact decimals, or as the text that was there.
    parse_dates : bool
        Dates as UTC instants, times of day as such; by default they stay text, which keeps their precision.
    lists : {"first", "nested", "explode"}
        Lists: their first element, as they are, or in tables of their own.
    errors : {"report", "raise"}
        Bad lines: listed in ``Results.bad_lines`` with a warning, or an error.
    source_file : bool
        Whether each row says its file, in a column ``source_file``.
    encoding : str, optional
        The character set of HL7v2 messages that name none (MSH-18), and of delimited values without a byte
        order mark, such as ``"8859/2"`` or ``"gb18030"``; by default UTF-8, and Windows-1252 for what is not
        in it.
    limits : mapping of str to int, optional
        Upper bounds: ``line`` (bytes), ``depth``, ``columns`` and others; see the page on results.
    streams : int, optional
        Requests to a remote place at once, 16 by default; fewer on a slow line.
    operation : str, optional
        Only the files of this operation; needed where several wrote to one place.
    client : Client, optional
        Whose credentials read ``gs://``; by default the one client that is open.
    storage_options : mapping, optional
        Passed on to fsspec.

    Raises
    ------
    ConfigError
        Several operations wrote there and `operation` is not given, or an option is unknown.
    ResultError
        Nothing is there, or it cannot be read.

    Examples
    --------
    >>> everything = lro.read_results("gs://demo-out/run-1", operation=op.id, client=ds.client)
    >>> list(everything)[:2]
    ['Condition', 'Encounter']
    """
    from lro_notebook.results.load_operation import read_for, reader_of

    options: dict[str, Any] = {
        "tables": tables,
        "columns": columns,
        "decimals": decimals,
        "parse_dates": parse_dates,
        "lists": lists,
        "errors": errors,
        "source_file": source_file,
        "encoding": encoding,
        "limits": limits,
        "streams": streams,
        "storage_options": storage_options,
    }
    if isinstance(op_or_uri, Operation):
        return op_or_uri.load(**options)
    place = os.fspath(op_or_uri)
    reader = client or reader_of(place, given=bool(storage_options))
    return read_for(reader, place, operation=operation, **options)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the magic ``%lro`` to IPython: this is what ``%load_ext lro_notebook`` calls."""
    from lro_notebook.jupyter import magics

    magics.register(shell, to_frame=to_frame, started=started)
    completion.register(shell, {"types": sorted(TYPES["R4"])})
