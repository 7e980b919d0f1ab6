"""Random requests on every address of the service's own description: none may be its mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

if TYPE_CHECKING:
    from local.conftest import Program

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under schemathesis
_MISTAKE = 500
_BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_no_request_is_answered_with_a_mistake(service: Program) -> None:
    headers = {"Authorization": f"Bearer {service.token}"}
    schema = schemathesis.openapi.from_url(f"{service.endpoint}/openapi.json", headers=headers)
    seen = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith("/v1/"):
            continue  # v1beta1 has all routes that v1 has

        @_BOUNDED
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:  # noqa: ANN401 - schemathesis makes its classes at run time
            nonlocal seen
            seen += 1
            answer = case.call(headers=headers, timeout=10)
            assert answer.status_code != _MISTAKE, case.as_curl_command()

        check()
    assert seen > 400
