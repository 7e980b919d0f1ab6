"""`Dataset`: the way into one dataset of the Cloud Healthcare API and its operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.errors import LroWarning, warn_caller
from lro_notebook.healthcare import reprs, requests
from lro_notebook.healthcare.consent import ConsentStore
from lro_notebook.healthcare.dicom import DicomStore
from lro_notebook.healthcare.fhir import FhirStore
from lro_notebook.healthcare.hl7v2 import Hl7v2Store
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate
from lro_notebook.jupyter.operation_list import Operations
from lro_notebook.suggestions import named_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lro_notebook.healthcare.reprs import Stores
    from lro_notebook.healthcare.store import Store
    from lro_notebook.operations.client import Client
    from lro_notebook.operations.operation import Operation
    from lro_notebook.results.results import Results

_STORE_TYPES: tuple[type[Store], ...] = (FhirStore, DicomStore, Hl7v2Store, ConsentStore)


@named_in
class Dataset:
    """A dataset. Creating this object sends no request.

    Parameters
    ----------
    client : Client
        Carries the requests.
    name : str
        ``projects/{project}/locations/{location}/datasets/{dataset}``.
    api_version : str
        Minimum API version.

    Attributes
    ----------
    name, id : str
        Full resource name, and its last segment.
    client : Client
        Carries the requests.

    Examples
    --------
    >>> ds.fhir_store("demo").exists()
    True
    >>> len(ds.operations()) > 0
    True
    """

    def __init__(self, client: Client, name: str, *, api_version: str = "v1") -> None:
        self._parent, self.id = addresses.dataset(name)
        self.name, self.client = name, client
        self._version = requests.one_of(api_version, ("v1", "v1beta1"), "api_version")

    def __repr__(self) -> str:
        return f"<Dataset {self.name}{' (local, synthetic)' if self.client.is_local else ''}>"

    def _repr_html_(self) -> str:
        return reprs.dataset_html(self.name, "local, synthetic" * self.client.is_local)

    def create(self, *, time_zone: str | None = None, show: bool | None = None) -> Operation:
        """Start the creation of the dataset, and return the operation at once.

        Calls ``POST {location}/datasets`` (v1, v1beta1); needs ``healthcare.datasets.create``. There is
        mostly no counter. The response is the Dataset.

        Parameters
        ----------
        time_zone : str, optional
            IANA name of the time zone for times that have none; UTC by default.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        path = addresses.join(self._version, self._parent, "datasets")
        params, body = {"datasetId": self.id}, requests.given(timeZone=time_zone)
        return self.client.start(
            "POST", path, body, params=params, title="datasets.create", destination=self.name, show=show
        )

    def deidentify(
        self,
        destination: str,
        *,
        config: Mapping[str, Any] | None = None,
        gcs_config_uri: str | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a de-identified copy into a new dataset, and return the operation at once.

        Calls ``POST {dataset}:deidentify`` (v1, v1beta1); needs ``healthcare.datasets.deidentify``, and
        ``healthcare.datasets.create`` in the project of the destination. The counter counts resources and
        instances. The response is an empty DeidentifySummary; failures of instances do not fail the
        operation.

        Parameters
        ----------
        destination : str
            Full name of a dataset that does not exist yet, at the same location; or its id alone.
        config : mapping, optional
            A DeidentifyConfig; ``{}`` for the defaults. It may contain keys, so it is not stored anywhere.
        gcs_config_uri : str, optional
            ``gs://…`` object with a DeidentifyConfig, instead of `config`.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        if "/" in str(destination):
            addresses.dataset(destination)
            name = destination
        else:
            identifier = addresses.segment(destination, "dataset", what="destination")
            name = addresses.join(self._parent, "datasets", identifier)
        body = {"destinationDataset": name, **requests.deidentification(config, gcs_config_uri)}
        path = addresses.join(self._version, self.name, verb="deidentify")
        missing = f"lro.connect({self.name!r}).create() makes the dataset."
        return self.client.start(
            "POST",
            path,
            body,
            title="datasets.deidentify",
            source=self.name,
            destination=name,
            not_found_hint=missing,
            show=show,
        )

    def exists(self) -> bool:
        """Tell whether the dataset exists. Calls ``GET {dataset}``; needs ``healthcare.datasets.get``."""
        return self.client.session.exists(addresses.join(self._version, self.name))

    def delete(self) -> None:
        """Delete the dataset and all that is in it.

        Calls ``DELETE {dataset}``; needs ``healthcare.datasets.delete``.
        """
        self._call("DELETE", self.name)

    def fhir_store(self, store_id: str) -> FhirStore:
        """Return the FHIR store `store_id`; it need not exist yet."""
        return FhirStore(self.client, self.name, store_id, api_version=self._version)

    def dicom_store(self, store_id: str) -> DicomStore:
        """Return the DICOM store `store_id`; it need not exist yet."""
        return DicomStore(self.client, self.name, store_id, api_version=self._version)

    def hl7v2_store(self, store_id: str) -> Hl7v2Store:
        """Return the HL7v2 store `store_id`; it need not exist yet."""
        return Hl7v2Store(self.client, self.name, store_id, api_version=self._version)

    def consent_store(self, store_id: str) -> ConsentStore:
        """Return the consent store `store_id`; it need not exist yet."""
        return ConsentStore(self.client, self.name, store_id, api_version=self._version)

    def stores(self) -> Stores:
        """Return the stores of the dataset: FHIR, DICOM, HL7v2, then consent; a list that shows as a table.

        Calls ``GET {dataset}/{collection}`` for each of the four collections, every page; needs
        ``healthcare.{collection}.list``.
        """
        return reprs.Stores(
            store_type(self.client, self.name, identifier, api_version=self._version)
            for store_type in _STORE_TYPES
            for store in self._pages(store_type.collection)
            if (identifier := _addressable(str(store.get("name"))))
        )

    def operation(self, name_or_id: str) -> Operation:
        """Return the handle of an operation of this dataset, as it is now.

        This is how to get back to an operation after a restart of the kernel. If this machine started it,
        the handle knows its destination. Calls ``GET {dataset}/operations/{id}``; needs
        ``healthcare.operations.get``.

        Raises
        ------
        ApiError
            There is no such operation.
        """
        name = addresses.child(self.name, "operations", name_or_id, "operation")
        missing = "ds.operations() lists those there are; records are kept for about 30 days after the end."
        return self.client.get(addresses.join(self._version, name), not_found_hint=missing)

    def operations(self, *, filter: str | None = None, page_size: int | None = None) -> Operations:  # noqa: A002
        """Return the handles of all operations of this dataset, a list that shows as a live table.

        Calls ``GET {dataset}/operations``, every page; needs ``healthcare.operations.list``.

        Parameters
        ----------
        filter : str, optional
            Passed on; the grammar is the service's, and Healthcare does not document its own.
        page_size : int, optional
            Operations per request.
        """
        path = addresses.join(self._version, self.name)
        return Operations(self.client.list(path, filter=filter, page_size=page_size))

    def read_results(
        self,
        uri: str,
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
        storage_options: Mapping[str, Any] | None = None,
    ) -> Results:
        """Return files as DataFrames, read with this dataset's credentials and file system.

        See `lro_notebook.read_results`.
        """
        from lro_notebook.results.load_operation import read_for

        return read_for(
            self.client,
            uri,
            tables=tables,
            columns=columns,
            decimals=decimals,
            parse_dates=parse_dates,
            lists=lists,
            errors=errors,
            source_file=source_file,
            encoding=encoding,
            limits=limits,
            streams=streams,
            operation=operation,
            storage_options=storage_options,
        )

    def _call(self, method: str, path: str, params: dict[str, str | int] | None = None) -> dict[str, Any]:
        missing = f"lro.connect({self.name!r}).create() makes the dataset."
        return self.client.session.call(
            method, addresses.join(self._version, path), role="read", params=params, not_found_hint=missing
        )

    def _pages(self, collection: str) -> Iterator[dict[str, Any]]:
        path = addresses.join(self.name, collection)

        def fetch(token: str | None) -> dict[str, Any]:
            return self._call("GET", path, {"pageToken": token} if token else None)

        for page in paginate(fetch, collection, where=path):
            yield from page


def _addressable(name: str) -> str | None:
    """Return the id in the name of a store; None, with a warning, where no address can be made of it."""
    identifier = name.rpartition("/")[2]
    if addresses.GRAMMARS["store"].allows(identifier):
        return identifier
    warn_caller(
        f"store {addresses.shown(name)} was left out of the list: its id cannot be part of an address; "
        "see it in the Google Cloud console",
        LroWarning,
    )
    return None
