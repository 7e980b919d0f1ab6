"""Every method of both versions is served, or answers 501 with the reason; none answers 404 or 500."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from local.every_method import World, calls, described_methods, error_text, request_of
from local.googles import client, discovery

from lro_notebook.local.discovery.served import NOT_SERVED, states

if TYPE_CHECKING:
    from local.conftest import Program

pytest.importorskip("pydicom", reason="pydicom is not installed")

# httplib2 calls functions of pyparsing under names that pyparsing has deprecated.
pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_every_method(service: Program, version: str) -> None:
    with closing(client(service, "healthcare", version)) as api:
        refused = _refused(World(service, api, version), api)
    assert refused == {name for name, state in states(version).items() if not state.is_served}


def _refused(world: World, api: Any) -> set[str]:
    """Call every method, and return those that answer 501."""
    described, refused = described_methods(world.version), set()
    for method in calls(world.version):
        request = request_of(world, api, method, described[method.id])
        try:
            request.execute()
        except discovery.HttpError as error:
            said, status = error_text(error), error.status_code
            if status == 501 and NOT_SERVED.get(method.id, "?") in said:
                refused.add(method.id)
            else:
                # FHIR and DICOMweb need bodies and headers of their own, which other tests send.
                assert not method.is_proto, (method.id, status, said)
                assert status < 500 or status == 501, (method.id, status, said)
                assert "no method of the local service" not in said, method.id
    return refused
