"""Random requests on every address of the service's own description: none may be its mistake."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from patience import GIVE_UP

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = [
    pytest.mark.service,
    pytest.mark.spread,
    pytest.mark.filterwarnings("ignore"),  # of libraries under schemathesis
]
_MISTAKE = 500
_BOUNDED = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
#: Two of three requests go to what exists, with fields that the API has, one of them without a query. Which
#: is not drawn: what hypothesis draws also depends on the modules that other tests import.
_EXISTING = {
    "project": "local",
    "location": "local",
    "dataset": "demo",
    "store": "fuzz",
    "bucket": "demo-out",
}
_FIELDS = (
    "config text fhir gcsSource gcsDestination uri uriPrefix type until rollbackTime resultGcsBucket force "
    "filteringFields operationIds contentStructure maxErrorCount destinationStore destinationDataset "
    "patientScope patientIds timeRange newConsentsList names canonicalUrls validateOnly versionConfig "
    "resourceFilter resources _type _since maxResourceVersions resourceNames filter pageToken inputGcsObject"
)
_VALUES = st.sampled_from(["gs://demo-out/fuzz", "demo-out", "2026-01-01T00:00:00Z", "Patient", "1", "\x00"])


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(_FIELDS.split()), values, max_size=5)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | _VALUES,
    lambda inner: st.lists(inner, max_size=3) | _objects(inner),
    max_leaves=6,
)


#: Parts of the addresses; each has more answers than these, and more of them are a success.
_PARTS = {
    "fhirStores": (60, 3),
    "hl7V2Stores": (60, 5),
    "dicomStores": (100, 8),
    "consentStores": (100, 6),
    "": (60, 10),
}


def _part_of(path: str) -> str:
    return next((part for part in _PARTS if part and part in path), "")


@pytest.mark.parametrize("part", _PARTS, ids=lambda part: part or "the rest")
def test_no_request_is_answered_with_a_mistake(service: Program, part: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    headers = {"Authorization": f"Bearer {service.token}"}
    schema = schemathesis.openapi.from_url(f"{service.endpoint}/openapi.json", headers=headers)
    for collection in set(_PARTS) - {""}:
        fields = {"version": "R4"} if collection == "fhirStores" else {}
        service.client.post(collection, params={f"{collection[:-1]}Id": "fuzz"}, json=fields)
    answered = Counter[int]()
    kinds = cycle(("existing", "random", "plain"))
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith("/v1/"):
            continue  # v1beta1 has all routes that v1 has
        if _part_of(operation.path) != part:
            continue

        @_BOUNDED
        @given(case=operation.as_strategy(), body=_objects(_JSON))
        def check(case: Any, body: dict[str, Any]) -> None:
            kind = next(kinds)
            if kind != "random" and case.path_parameters and case.method != "DELETE":
                case.path_parameters.update({k: v for k, v in _EXISTING.items() if k in case.path_parameters})
                case.body = body if case.method in ("POST", "PATCH") else case.body
                case.query = {} if kind == "plain" else case.query
            answer = case.call(headers=headers, timeout=GIVE_UP)
            answered[answer.status_code] += 1
            assert answer.status_code != _MISTAKE, case.as_curl_command()

        check()
    enough, successes = _PARTS[part]
    assert answered.total() > enough
    assert answered[200] > successes  # what is valid was among it
