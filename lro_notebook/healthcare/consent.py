"""Consent stores: the start helper of ``projects.locations.datasets.consentStores``, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lro_notebook.healthcare import requests
from lro_notebook.healthcare.store import Store
from lro_notebook.http import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lro_notebook.operations.operation import Operation

CATEGORIES = ("RESOURCE", "REQUEST")


class ConsentStore(Store):
    """A consent store of a dataset.

    Examples
    --------
    >>> consents = ds.consent_store("consents").create(exist_ok=True)
    >>> op = consents.query_accessible_data("gs://demo-out/consented")
    >>> op.wait().state
    'SUCCEEDED'
    """

    collection = "consentStores"
    maker = "consent_store"

    def create(self, *, settings: Mapping[str, Any] | None = None, exist_ok: bool = False) -> Self:
        """Create the store, and return it.

        Calls ``POST {dataset}/consentStores`` (v1, v1beta1); needs ``healthcare.consentStores.create``.

        Parameters
        ----------
        settings : mapping, optional
            Fields of a ConsentStore, such as ``{"defaultConsentTtl": "31536000s"}``.
        exist_ok : bool
            Leave a store that already exists as it is, instead of raising an error.
        """
        return self._create(dict(settings or {}), exist_ok=exist_ok)

    def query_accessible_data(
        self,
        uri: str,
        *,
        request_attributes: Mapping[str, str] | None = None,
        resource_attributes: Mapping[str, str] | None = None,
        show: bool | None = None,
    ) -> Operation:
        """Start a query of all data that is consented for a use, and return the operation at once.

        Calls ``POST {store}:queryAccessibleData`` (v1, v1beta1); needs
        ``healthcare.consentStores.queryAccessibleData``. The counter counts user data mappings. The
        response is a QueryAccessibleDataResponse: ``gcsUris`` names the files, each with one data id on
        a line.

        Parameters
        ----------
        uri : str
            ``gs://bucket/folder``.
        request_attributes : mapping, optional
            What the data is to be used for, such as ``{"role": "clinician"}``.
        resource_attributes : mapping, optional
            Only data with these attributes; all data by default.
        show : bool, optional
            See `Client.start`.

        Raises
        ------
        ConfigError
            An argument is not valid; nothing was sent.
        ApiError, AuthError, StartUnknown
            As `Client.start`.
        """
        body = {
            "gcsDestination": {"uriPrefix": requests.gcs_uri(uri, "destination")},
            **_attributes(request_attributes, resource_attributes),
        }
        return self._start("queryAccessibleData", body, source=self.name, destination=uri, show=show)

    def check_data_access(self, data_id: str, *, request_attributes: Mapping[str, str] | None = None) -> bool:
        """Tell whether one piece of data is consented for a use.

        Calls ``POST {store}:checkDataAccess`` (v1, v1beta1); needs
        ``healthcare.consentStores.checkDataAccess``.
        """
        body = {"dataId": data_id, **_attributes(request_attributes, None)}
        return bool(
            self._write(addresses.join(self.name, verb="checkDataAccess"), body).get("consented", False)
        )

    def define_attribute(self, name: str, *, category: str, allowed_values: Iterable[str]) -> dict[str, Any]:
        """Define an attribute of resources or of requests, and return the AttributeDefinition.

        Calls ``POST {store}/attributeDefinitions`` (v1, v1beta1); needs
        ``healthcare.attributeDefinitions.create``.
        """
        body = {
            "category": requests.one_of(category, CATEGORIES, "category"),
            "allowedValues": list(allowed_values),
        }
        identifier = addresses.segment(name, "attribute definition")
        path = addresses.join(self.name, "attributeDefinitions")
        return self._write(path, body, params={"attributeDefinitionId": identifier})

    def add_consent(
        self, user_id: str, rule: str, *, resource_attributes: Mapping[str, Iterable[str]] | None = None
    ) -> dict[str, Any]:
        """Record that a user consents, and return the Consent, which is active.

        Calls ``POST {store}/consentArtifacts`` for its artifact, then ``POST {store}/consents`` (v1,
        v1beta1); needs ``healthcare.consentArtifacts.create`` and ``healthcare.consents.create``.

        Parameters
        ----------
        user_id : str
            The user who consents.
        rule : str
            What a request must hold, in the Common Expression Language: ``role == 'clinician'``.
        resource_attributes : mapping, optional
            Attributes of the resources that it is for, each with its values; all of the user's by default.
        """
        artifact = self._write(addresses.join(self.name, "consentArtifacts"), {"userId": user_id})
        policy = {
            "authorizationRule": {"expression": rule},
            "resourceAttributes": [
                {"attributeDefinitionId": name, "values": list(values)}
                for name, values in (resource_attributes or {}).items()
            ],
        }
        body = {
            "userId": user_id,
            "consentArtifact": artifact["name"],
            "policies": [policy],
            "state": "ACTIVE",
        }
        return self._write(addresses.join(self.name, "consents"), body)

    def map_data(
        self, user_id: str, data_id: str, *, resource_attributes: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Record whose data a resource is, and return the UserDataMapping.

        Calls ``POST {store}/userDataMappings`` (v1, v1beta1); needs
        ``healthcare.userDataMappings.create``.
        """
        attributes = [
            {"attributeDefinitionId": name, "values": [value]}
            for name, value in (resource_attributes or {}).items()
        ]
        body = {"userId": user_id, "dataId": data_id, "resourceAttributes": attributes}
        return self._write(addresses.join(self.name, "userDataMappings"), body)


def _attributes(request: Mapping[str, str] | None, resource: Mapping[str, str] | None) -> dict[str, Any]:
    return requests.given(requestAttributes=dict(request or {}), resourceAttributes=dict(resource or {}))
