"""FHIR stores: the operations that change the data, or who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lro_notebook.healthcare import requests
from lro_notebook.healthcare.store import Store
from lro_notebook.http import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from lro_notebook.operations.operation import Operation

_CHANGES = ("ALL", "CREATE", "UPDATE", "DELETE")
_VERSIONS = ("ALL", "CURRENT_ONLY", "HISTORY_ONLY")


class FhirChanges(Store):
    """Rollback, bulk deletion, de-identification, consents, search and cohorts."""

    _fhir_version: str | None = None  # where it is known

    def rollback(
        self,
        time: str | datetime,
        result_bucket: str,
        *,
        types: str | Iterable[str] | None = None,
        change_type: str | None = None,
        operation_ids: Iterable[str] = (),
        metadata_filter: str | None = None,
        input_object: str | None = None,
        exclude_rollbacks: bool = False,
        dry_run: bool = True,
        everything: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start a rollback of the resources to an earlier time, and return the operation at once.

        Calls ``POST {store}:rollback`` (v1, v1beta1); needs ``healthcare.fhirStores.rollback``. The
        counter counts resources. The response is a RollbackFhirResourcesResponse with ``fhirStore``. The
        names of the resources concerned are written to ``rollback_resources/{operation}/`` of the bucket.

        Parameters
        ----------
        time : str or datetime
            Time to go back to (RFC 3339, or a datetime with a time zone).
        result_bucket : str
            Bucket for the list of what was, or would be, rolled back.
        types : str or iterable of str, optional
            Only resources of these types.
        change_type : str, optional
            Only changes of this type: CREATE, UPDATE or DELETE; ALL by default.
        operation_ids : iterable of str
            Only changes by the operations with these ids.
        metadata_filter : str, optional
            Only resources whose ``meta`` this filter matches.
        input_object : str, optional
            ``gs://…`` object of ``{type}/{id}`` lines: only these resources.
        exclude_rollbacks : bool
            Leave out what earlier rollbacks changed.
        dry_run : bool
            Only list what would be rolled back; False makes the changes (``force``).
        everything : bool
            Required to make the changes without any filter but the time.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid, or the call would affect the whole store; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        names, ids = requests.type_names(types, self._fhir_version), list(operation_ids)
        change = None if change_type is None else requests.one_of(change_type, _CHANGES, "change_type")
        limited = [names, ids, metadata_filter, input_object, dry_run]
        requests.confirm_all("rollback", everything=everything, filters=any(limited))
        since = requests.timestamp(time, "time")
        body = requests.given(
            rollbackTime=since,
            resultGcsBucket=requests.gcs_bucket(result_bucket, "result_bucket"),
            type=list(names),
            changeType=change,
            filteringFields=requests.given(operationIds=ids, metadataFilter=metadata_filter),
            inputGcsObject=input_object and requests.gcs_uri(input_object, "input_object"),
            excludeRollbacks=exclude_rollbacks,
            force=not dry_run,
        )
        return self._start(
            "rollback",
            body,
            source=input_object,
            destination=self.name,
            types=names,
            since=since,
            show=show,
        )

    def bulk_delete(
        self,
        *,
        types: str | Iterable[str] | None = None,
        until: str | datetime | None = None,
        source: str | None = None,
        version_config: str | None = None,
        result_uri: str | None = None,
        dry_run: bool = False,
        everything: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start a deletion of many resources, and return the operation at once.

        Calls ``POST {store}:bulkDelete`` (v1, v1beta1); needs ``healthcare.fhirStores.bulkDelete``. The
        counter counts current versions as ``success`` and historical versions as ``secondarySuccess``. The
        type of the response is not documented.

        Parameters
        ----------
        types : str or iterable of str, optional
            Only resources of these types.
        until : str or datetime, optional
            Only what was updated at or before this time.
        source : str, optional
            ``gs://…`` objects of ``{type}/{id}`` lines: only these resources.
        version_config : str, optional
            ALL, CURRENT_ONLY or HISTORY_ONLY.
        result_uri : str, optional
            ``gs://bucket/folder`` for the list of what was, or would be, deleted.
        dry_run : bool
            Only list what would be deleted (``validateOnly``).
        everything : bool
            Required to delete without any filter.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid, or the call would affect the whole store; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        names, before = requests.type_names(types, self._fhir_version), requests.timestamp(until, "until")
        limited = any([names, before, source, dry_run])
        requests.confirm_all("bulk_delete", everything=everything, filters=limited)
        body = requests.given(
            type=",".join(names),
            until=before,
            versionConfig=version_config and requests.one_of(version_config, _VERSIONS, "version_config"),
            gcsSource=source and {"uri": requests.gcs_uri(source, "source")},
            gcsDestination=result_uri and {"uriPrefix": requests.gcs_uri(result_uri, "result_uri")},
            validateOnly=dry_run,
        )
        return self._start("bulkDelete", body, source=source, destination=self.name, types=names, show=show)

    def deidentify(
        self,
        destination: Store | str,
        *,
        config: Mapping[str, Any] | None = None,
        gcs_config_uri: str | None = None,
        resources: Iterable[str] = (),
        skip_modified: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start a de-identified copy into another FHIR store, and return the operation at once.

        Calls ``POST {store}:deidentify`` (v1, v1beta1); needs ``healthcare.fhirStores.deidentify``, and
        ``healthcare.fhirResources.update`` on the destination. The counter counts resources. The response
        is an empty DeidentifyFhirStoreSummary; failures do not fail the operation.

        Parameters
        ----------
        destination : FhirStore or str
            A store that exists, at the same location: itself, its full name, or its id in this dataset.
        config : mapping, optional
            A DeidentifyConfig; ``{}`` for the defaults. It may contain keys, so it is not stored anywhere.
        gcs_config_uri : str, optional
            ``gs://…`` object with a DeidentifyConfig, instead of `config`.
        resources : iterable of str
            Only these, as ``Patient/1234``; all by default.
        skip_modified : bool
            Leave out resources that are changed after the operation was created.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        name = self._named(destination)
        chosen = list(resources)
        body = {
            "destinationStore": name,
            **requests.deidentification(config, gcs_config_uri),
            **requests.given(
                resourceFilter=chosen and {"resources": {"resources": chosen}},
                skipModifiedResources=skip_modified,
            ),
        }
        return self._start("deidentify", body, source=self.name, destination=name, show=show)

    def apply_consents(
        self,
        *,
        patients: Iterable[str] = (),
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        validate_only: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start the application of the patients' Consent resources, and return the operation at once.

        Calls ``POST {store}:applyConsents`` (v1, v1beta1); needs ``healthcare.fhirStores.applyConsents``.
        The counter counts consents as ``success`` and reindexed resources as ``secondarySuccess``. The
        response is an ApplyConsentsResponse.

        Parameters
        ----------
        patients : iterable of str
            Ids of at most 10,000 patients; all by default. Not together with `start` and `end`.
        start, end : str or datetime, optional
            Only patients whose latest consent change lies between.
        validate_only : bool
            Only check whether the consents are supported.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        ids = list(patients)
        body = requests.given(
            patientScope=ids and {"patientIds": ids},
            timeRange=requests.given(
                start=requests.timestamp(start, "start"), end=requests.timestamp(end, "end")
            ),
            validateOnly=validate_only,
        )
        return self._start("applyConsents", body, destination=self.name, show=show)

    def apply_admin_consents(
        self, consents: Iterable[str], *, validate_only: bool = False, show: bool | None = None
    ) -> Operation:
        """Start the application of a new list of admin consents, and return the operation at once.

        Calls ``POST {store}:applyAdminConsents`` (v1, v1beta1); needs
        ``healthcare.fhirStores.applyConsents``. The counter counts consents as ``success`` and reindexed
        resources as ``secondarySuccess``. The response is an ApplyAdminConsentsResponse; an error carries
        an ApplyAdminConsentsErrorDetail.

        Parameters
        ----------
        consents : iterable of str
            Versions of Consent resources, as ``Consent/{id}/_history/{version}`` or with their full
            names. They replace the list that is in force; an empty list ends it.
        validate_only : bool
            Only check whether the consents are supported.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            A consent has another kind of name; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        names = [addresses.fhir_version(name, self.name) for name in consents]
        body = {"newConsentsList": {"names": names}, **requests.given(validateOnly=validate_only)}
        return self._start("applyAdminConsents", body, destination=self.name, show=show)

    def configure_search(
        self, canonical_urls: Iterable[str], *, validate_only: bool = False, show: bool | None = None
    ) -> Operation:
        """Start a change of the store's search parameters, and return the operation at once.

        Calls ``POST {store}:configureSearch`` (v1beta1 only, whatever the dataset uses); needs
        ``healthcare.fhirStores.configureSearch``. The counter counts reindexed resources. The type of
        the response is not documented.

        Parameters
        ----------
        canonical_urls : iterable of str
            Canonical URLs of all SearchParameter resources in the store that it is to use.
        validate_only : bool
            Only check them.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        body = {"canonicalUrls": list(canonical_urls), **requests.given(validateOnly=validate_only)}
        return self._start("configureSearch", body, version="v1beta1", destination=self.name, show=show)

    def execute_cohort(
        self,
        uri: str,
        expressions: str | Iterable[str] | Mapping[str, str],
        *,
        at: str | datetime | None = None,
        engine_version: str | None = None,
        validate_only: bool = False,
        show: bool | None = None,
    ) -> Operation:
        """Start a FHIRPath query over the store, and return the operation at once.

        Calls ``POST {store}:executeCohort`` (v1beta1 only, whatever the dataset uses); needs
        ``healthcare.fhirStores.export``. The counter counts resources. The response is an
        ExecuteCohortResponse with ``fhirStore``.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder`` for the matching resources.
        expressions : str, iterable of str, or mapping
            FHIRPath expressions, such as ``Patient.where(gender = 'female')``; or label -> expression,
            where the results of each label go to their own folder. An expression starts with a
            resource type; it gives true or false, or resources (``Encounter.subject.resolve()``).
        at : str or datetime, optional
            Query the store as it was at this time.
        engine_version : str, optional
            Version of the FHIRPath engine.
        validate_only : bool
            Only check the request.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        moment = requests.timestamp(at, "at")
        query = requests.given(expressions=_expressions(expressions), engineVersion=engine_version)
        body = {
            "fhirpathQuery": query,
            "gcsDestination": {"uriPrefix": requests.gcs_uri(uri, "destination")},
            **requests.given(_at=moment, validateOnly=validate_only),
        }
        return self._start(
            "executeCohort", body, version="v1beta1", source=self.name, destination=uri, show=show
        )


def _expressions(value: str | Iterable[str] | Mapping[str, str]) -> list[dict[str, str]]:
    if isinstance(value, Mapping):
        return [{"fhirpathExpression": text, "label": label} for label, text in value.items()]
    return [{"fhirpathExpression": text} for text in ([value] if isinstance(value, str) else value)]
