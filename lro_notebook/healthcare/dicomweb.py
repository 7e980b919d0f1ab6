"""DICOMweb of a DICOM store: reads, deletions and changes of studies, series and instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError
from lro_notebook.healthcare.store import Store
from lro_notebook.http import addresses
from lro_notebook.http.paging import paginate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.operations.operation import Operation


class DicomWeb(Store):
    """The part of a DICOM store that is addressed by UIDs."""

    def delete_study(self, study: str, *, show: bool | None = None) -> Operation:
        """Start the deletion of a study with all its instances, and return the operation at once.

        Calls ``DELETE {store}/dicomWeb/studies/{study}`` (v1, v1beta1); needs
        ``healthcare.dicomStores.dicomWebDelete``. The counter counts instances. The response is Empty.

        Parameters
        ----------
        study : str
            Its UID.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            The UID is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        path = addresses.join(self.name, web_path(study=study))
        return self._begin("DELETE", path, None, title="studies.delete", show=show)

    def delete_series(self, study: str, series: str, *, show: bool | None = None) -> Operation:
        """Start the deletion of a series with all its instances, and return the operation at once.

        Calls ``DELETE {store}/dicomWeb/studies/{study}/series/{series}`` (v1, v1beta1); needs
        ``healthcare.dicomStores.dicomWebDelete``. Otherwise as `delete_study`.
        """
        path = addresses.join(self.name, web_path(study=study, series=series))
        return self._begin("DELETE", path, None, title="studies.series.delete", show=show)

    def update_metadata(
        self,
        patch: Sequence[Mapping[str, Any]],
        *,
        study: str,
        series: str | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a change of the metadata of all instances of a study or series.

        Calls ``PATCH {store}/dicomWeb/studies/{study}[/series/{series}]/metadata`` (v1beta1, whatever the
        version of the dataset); needs ``healthcare.dicomStores.dicomWebUpdate``. The counter counts
        instances. The response is an empty UpdateStudyMetadataResponse or UpdateSeriesMetadataResponse.

        Parameters
        ----------
        patch : sequence of mapping
            A JSON Patch (RFC 6902) of DICOM JSON, such as
            ``[{"op": "replace", "path": "/00100020/Value/0", "value": "anonymous"}]``.
        study, series : str
            UIDs; without `series`, the whole study is changed.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        steps = [dict(step) for step in patch]
        if not steps:
            raise ConfigError("patch is empty; give at least one operation of a JSON Patch")
        path = addresses.join(self.name, web_path(study=study, series=series), "metadata")
        title = f"studies.{'' if series is None else 'series.'}updateMetadata"
        return self._begin("PATCH", path, steps, title=title, version="v1beta1", show=show)

    def studies(self, *, limit: int | None = None, **attributes: str) -> list[dict[str, Any]]:
        """Search for studies, and return their attributes as DICOM JSON.

        Calls ``GET {store}/dicomWeb/studies``; needs ``healthcare.dicomStores.dicomWebRead``.

        Parameters
        ----------
        limit : int, optional
            Maximum number to return. By default the service decides; the local one returns 100.
        **attributes
            Values to search for, such as ``PatientID="123"``.
        """
        return self._search("dicomWeb/studies", limit, attributes)

    def instances(
        self,
        *,
        study: str | None = None,
        series: str | None = None,
        limit: int | None = None,
        **attributes: str,
    ) -> list[dict[str, Any]]:
        """Search for instances, and return their attributes as DICOM JSON.

        Calls ``GET {store}/dicomWeb[/studies/{study}[/series/{series}]]/instances``; needs
        ``healthcare.dicomStores.dicomWebRead``. Otherwise as `studies`. ``includefield="all"`` asks for
        every attribute. Without a `limit` the local service returns 1,000; ``offset="1000"`` asks for what
        follows.
        """
        if study is None and series is not None:
            raise ConfigError("a series is named with its study; give study too")
        web = "dicomWeb" if study is None else web_path(study=study, series=series)
        return self._search(addresses.join(web, "instances"), limit, attributes)

    def metadata(
        self, *, study: str, series: str | None = None, instance: str | None = None
    ) -> list[dict[str, Any]]:
        """Return all attributes of the instances of a study, a series or of one, as DICOM JSON.

        Calls ``GET {store}/dicomWeb/studies/{study}[/series/{series}[/instances/{instance}]]/metadata``;
        needs ``healthcare.dicomStores.dicomWebRead``. Binary attributes, such as pixels, are left out.
        """
        path = addresses.join(self.name, web_path(study=study, series=series, instance=instance), "metadata")
        return _objects(self._call("GET", path))

    def _search(self, path: str, limit: int | None, attributes: dict[str, str]) -> list[dict[str, Any]]:
        params: dict[str, str | int] = {**attributes}
        if limit is not None:
            params["limit"] = limit
        return _objects(self._call("GET", addresses.join(self.name, path), params=params))

    def _begin(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        title: str,
        version: str | None = None,
        show: bool | None,
    ) -> Operation:
        """Start an operation that is not a custom method of the store itself."""
        return self._client.start(
            method,
            addresses.join(version or self._version, path),
            body,
            title=f"{self.collection}.{title}",
            destination=self.name,
            not_found_hint="store.studies() lists the studies there are.",
            show=show,
        )


def _objects(response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the objects in a response of DICOMweb, which is a list of them."""
    return next(paginate(lambda _: response, "items", where="dicomWeb"))


def web_path(*, study: str, series: str | None = None, instance: str | None = None) -> str:
    """Return the DICOMweb path of a study, a series or an instance."""
    if instance is not None and series is None:
        raise ConfigError("an instance is named with its series; give series too")
    parts = ["dicomWeb", "studies", addresses.segment(study, "study")]
    if series is not None:
        parts += ["series", addresses.segment(series, "series")]
    if instance is not None:
        parts += ["instances", addresses.segment(instance, "instance")]
    return addresses.join(*parts)
