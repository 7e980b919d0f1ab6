"""What all stores of a Healthcare dataset have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lro_notebook.errors import ApiError, Code, LroError, LroWarning, warn_caller
from lro_notebook.healthcare import reprs, since_last_export
from lro_notebook.http import addresses
from lro_notebook.http.responses import ResponseLost
from lro_notebook.suggestions import named_in

if TYPE_CHECKING:
    from lro_notebook.operations.client import Client
    from lro_notebook.operations.operation import Operation


class Store:
    """A store in a dataset. Creating this object sends no request.

    Attributes
    ----------
    name : str
        Full resource name.
    id : str
        Its last segment.
    """

    #: The collection in the resource name, such as ``fhirStores``.
    collection: ClassVar[str]
    #: The method of `Dataset` that returns such a store.
    maker: ClassVar[str]

    def __init__(self, client: Client, dataset: str, store_id: str, *, api_version: str = "v1") -> None:
        self.id = addresses.segment(store_id, "store")
        self.name = addresses.join(dataset, self.collection, self.id)
        self._client, self._dataset, self._version = client, dataset, api_version

    def __init_subclass__(cls) -> None:
        named_in(cls)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of {self._dataset}>"

    def _repr_html_(self) -> str:
        return reprs.store_html(self, "local, synthetic" * self._client.is_local)

    def exists(self) -> bool:
        """Tell whether the store exists. Calls ``GET {store}``; needs ``healthcare.{collection}.get``."""
        return self._client.session.exists(addresses.join(self._version, self.name))

    def delete(self) -> None:
        """Delete the store and all that is in it.

        Calls ``DELETE {store}``; needs ``healthcare.{collection}.delete``.
        """
        self._call("DELETE", self.name)

    def _create(self, body: dict[str, Any], *, exist_ok: bool) -> Self:
        path = addresses.join(self._version, self._dataset, self.collection)
        params = {f"{self.collection[:-1]}Id": self.id}
        hint = "ds.create() makes the dataset."
        try:
            answer = self._client.session.exchange(
                "POST", path, role="write", json=body, params=params, not_found_hint=hint
            )
        except ResponseLost as lost:
            raise LroError(
                f"creating {self.name} was sent, but {lost}; call create(exist_ok=True) to make sure"
            ) from lost
        except ApiError as error:
            if error.code is not Code.ALREADY_EXISTS:
                raise
            if not exist_ok:
                hint = "create(exist_ok=True) takes the store that is there, as it is."
                raise _with_hint(error, hint) from None  # the traceback of the request says nothing more
        else:
            _warn_of_settings(self.name, answer.headers.get("warning", ""))
        return self

    def _call(self, method: str, path: str, *, params: dict[str, str | int] | None = None) -> dict[str, Any]:
        return self._client.session.call(
            method,
            addresses.join(self._version, path),
            role="read",
            params=params,
            not_found_hint=self._missing,
        )

    def _ask(self, verb: str) -> dict[str, Any]:
        """Call a custom method of the store that only reads."""
        return self._call("GET", addresses.join(self.name, verb=verb))

    def _write(
        self, path: str, body: dict[str, Any], *, params: dict[str, str | int] | None = None
    ) -> dict[str, Any]:
        """Send a POST request that creates something small, or only asks."""
        return self._client.session.call(
            "POST",
            addresses.join(self._version, path),
            role="write",
            json=body,
            params=params,
            not_found_hint=self._missing,
        )

    def _start(
        self,
        verb: str,
        body: dict[str, Any],
        *,
        version: str | None = None,
        **recorded: Any,
    ) -> Operation:
        """Start a custom method of the store; `version` where only that API version has it."""
        path = addresses.join(version or self._version, self.name, verb=verb)
        title = f"{self.collection}.{verb}"
        if verb.startswith("export"):
            since_last_export.warn_of_imports(self._client, self.name)
        try:
            return self._client.start(
                "POST", path, body, title=title, not_found_hint=self._missing, **recorded
            )
        except ApiError as error:
            if self._lacks_dataset(error):
                hint = "ds.create().wait() makes the dataset, ds.exists() tells whether it is there."
                raise _with_hint(error, hint) from None
            other = self._destination_in(error, recorded.get("destination"))
            if other is None:
                raise
            ds = "ds" if other._dataset == self._dataset else f"lro.connect({other._dataset!r})"  # noqa: SLF001
            raise _with_hint(error, other._missing_in(ds)) from None  # noqa: SLF001 - of this class

    def _lacks_dataset(self, error: ApiError) -> bool:
        """Tell whether an error names the dataset itself as what is not there, and no store in it."""
        named = re.search(rf"{re.escape(self._dataset)}(?![\w/-]|\.\w)", error.message)
        return error.code is Code.NOT_FOUND and named is not None

    def _destination_in(self, error: ApiError, destination: object) -> Store | None:
        """Return the store that is written to, if it is the one that an error says is not there."""
        if error.code is not Code.NOT_FOUND or not isinstance(destination, str):
            return None
        dataset, _, identifier = destination.rpartition(f"/{self.collection}/")
        said = re.search(rf"{re.escape(destination)}(?![\w-]|\.\w)", error.message)
        if destination == self.name or not dataset or said is None:
            return None
        return type(self)(self._client, dataset, identifier, api_version=self._version)

    def _named(self, store: Store | str) -> str:
        """Return the full name of a store: itself, its full name, or its id in this dataset."""
        if isinstance(store, Store):
            return store.name
        if "/" in str(store):
            return addresses.store(store, self.collection)
        identifier = addresses.segment(store, "store", what="destination")
        return addresses.join(self._dataset, self.collection, identifier)

    @property
    def _missing(self) -> str:
        return self._missing_in("ds")

    def _missing_in(self, ds: str) -> str:
        """Return what to do where the store is not there; `ds` is how its dataset is written."""
        return (
            f"{ds}.{self.maker}({self.id!r}).create() makes the store; {ds}.stores() lists those there are."
        )


def _warn_of_settings(name: str, header: str) -> None:
    """Give the warning of the local service that some settings do less there than in production."""
    code, _, text = header.partition('"')
    if code.startswith("299 "):
        said = text.removesuffix('"')
        warn_caller(f"{name}: {said}", LroWarning)


def _with_hint(error: ApiError, hint: str) -> ApiError:
    """Return what the service said, with another hint what to do."""
    return ApiError(
        error.message,
        status=error.status,
        code=error.code,
        url=error.url,
        details=error.details,
        hint=hint,
    )
