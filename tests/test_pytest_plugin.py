"""The fixture that other projects test their pipelines with; here it is tested by using it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

import lro_notebook as lro

if TYPE_CHECKING:
    from lro_notebook import FhirStore
    from lro_notebook.testing import LroService

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.service

DOCS = Path(__file__).parents[1] / "docs" / "pytest.md"
IMPORT, EXPORT = "fhirStores.import", "fhirStores.export"


@pytest.fixture
def store(lro_service: LroService) -> FhirStore:
    """A FHIR store, and 40 patients in ``gs://input``."""
    lines = [json.dumps({"resourceType": "Patient", "id": f"p{n}"}) for n in range(40)]
    (lro_service.bucket("input") / "patients.ndjson").write_text("\n".join(lines))
    return lro_service.connect().fhir_store("s").create()


def bearer(service: LroService) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.token}"}


@pytest.mark.parametrize("round_", [1, 2])
def test_each_test_begins_with_nothing_but_the_sample(lro_service: LroService, round_: int) -> None:
    ds = lro_service.connect()
    assert ds.stores() == []
    assert list(ds.operations()) == []
    assert sorted(path.name for path in lro_service.buckets.glob("[!.]*")) == ["demo-out", "lro-sample"]
    assert list((lro_service.buckets / "demo-out").iterdir()) == []
    assert lro.started().empty
    assert lro_service.to_come == []
    lro_service.fail_operation("*", after=round_, times=2)
    assert ds.fhir_store("s").create().import_from("gs://nothing/*").exception(30) is not None
    assert len(lro.started()) == 1
    lro_service.fail_answer("*", 500, times=9)
    lro_service.pace(1)
    (lro_service.bucket("mine") / "left.txt").write_text("")


def test_what_still_runs_at_the_end_of_a_test_does_not_reach_the_next(
    lro_service: LroService, store: FhirStore
) -> None:
    lro_service.hang_operation(IMPORT, times=9)
    hanging = [store.import_from("gs://input/*") for _ in range(7)]  # more than run at once
    lro_service.reset()  # as for the next test
    assert list(lro_service.connect().operations()) == []
    with pytest.raises(lro.ApiError, match="does not exist"):
        hanging[0].refresh()


def test_code_that_connects_by_itself_finds_the_service(lro_service: LroService) -> None:
    ds = lro.connect()
    assert (ds.client.endpoint, ds.name) == (lro_service.endpoint, lro_service.dataset)


def test_the_token_is_in_no_repr(lro_service: LroService) -> None:
    assert lro_service.token
    assert lro_service.token not in repr(lro_service) + repr(lro_service.connect().client)


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # httplib2 uses names of pyparsing that are deprecated
def test_googles_own_client_drives_it(lro_service: LroService) -> None:
    discovery = pytest.importorskip("googleapiclient.discovery")
    api = discovery.build(
        "healthcare",
        "v1",
        credentials=lro_service.credentials,
        client_options=lro_service.client_options,
        static_discovery=True,
    )
    datasets = api.projects().locations().datasets()
    assert datasets.get(name=lro_service.dataset).execute()["name"] == lro_service.dataset
    lro_service.fail_answer("datasets.get", 403)
    with pytest.raises(discovery.HttpError, match="scripted") as caught:
        datasets.get(name=lro_service.dataset).execute()
    assert caught.value.status_code == 403
    api.close()


def test_an_operation_fails_as_scripted_and_the_next_does_not(
    lro_service: LroService, store: FhirStore
) -> None:
    lro_service.fail_operation(IMPORT, "RESOURCE_EXHAUSTED", "no room", after=25)
    op = store.import_from("gs://input/*")
    with pytest.raises(lro.OperationFailed, match="no room"):
        op.result(30)
    assert op.error is not None
    assert op.error.code == lro.Code.RESOURCE_EXHAUSTED
    assert op.progress.completed == 25
    assert len(store.export_to("gs://demo-out/x").load().arrow("Patient")) == 25
    assert store.import_from("gs://input/*").wait(30).state == "SUCCEEDED"
    assert lro_service.to_come == []


def test_a_hanging_operation_ends_when_it_is_cancelled(lro_service: LroService, store: FhirStore) -> None:
    lro_service.hang_operation("fhirStores.*", after=10)
    op = store.import_from("gs://input/*")
    while op.refresh().progress.completed != 10:
        assert op.state != "FAILED"
    op.cancel()
    assert op.wait(30).state == "CANCELLED"


def test_units_fail_as_scripted(lro_service: LroService, store: FhirStore) -> None:
    lro_service.fail_units(IMPORT, 3, "NOT_FOUND", "no such reference")
    with pytest.warns(lro.PartialFailureWarning, match="3 of its units failed"):
        op = store.import_from("gs://input/*").wait(30)
    assert (op.progress.completed, op.progress.failed) == (40, 3)
    failures = op.failures()
    assert list(failures["message"]) == ["no such reference"] * 3
    assert set(failures["code"]) == {"NOT_FOUND"}


def test_a_refused_start_is_sent_again_only_where_that_is_safe(
    lro_service: LroService, store: FhirStore
) -> None:
    lro_service.fail_answer(IMPORT, 429)
    assert store.import_from("gs://input/*").wait(30).state == "SUCCEEDED"
    assert lro_service.calls[IMPORT] == 2
    lro_service.fail_answer(EXPORT, 503)
    with pytest.raises(lro.StartUnknown):
        store.export_to("gs://demo-out/x")
    assert lro_service.calls[EXPORT] == 1


def test_an_answer_can_ask_for_patience(lro_service: LroService) -> None:
    lro_service.fail_answer("*", 429, retry_after=7)
    answer = httpx.get(f"{lro_service.endpoint}/v1/{lro_service.dataset}", headers=bearer(lro_service))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["status"] == "RESOURCE_EXHAUSTED"


def test_a_lost_answer_leaves_an_operation_that_runs(lro_service: LroService, store: FhirStore) -> None:
    lro_service.lose_answer(IMPORT)
    with pytest.raises(lro.StartUnknown, match="It was not sent again") as caught:
        store.import_from("gs://input/*")
    (name,) = caught.value.candidates
    assert lro_service.connect().operation(name).wait(30).state == "SUCCEEDED"
    assert lro_service.calls[IMPORT] == 1


def test_a_fault_that_cannot_be_is_refused_with_what_is_expected(lro_service: LroService) -> None:
    with pytest.raises(lro.ConfigError, match="no google"):
        lro_service.fail_operation(IMPORT, "BROKEN")
    with pytest.raises(lro.ConfigError, match="from 1 to 16"):
        lro_service.fail_operation(IMPORT, 0)
    with pytest.raises(lro.ConfigError, match="from 400 to 599"):
        lro_service.fail_answer(IMPORT, 200)
    with pytest.raises(lro.ConfigError, match="times: expected a whole number"):
        lro_service.fail_answer(IMPORT, times=-1)
    with pytest.raises(lro.ConfigError, match="not a bucket name"):
        lro_service.bucket("../elsewhere")
    with pytest.raises(lro.ConfigError, match="resources per second"):
        lro_service.pace(0)


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run pytest as a program, with this plugin alone: others take seconds to load."""
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester.runpytest_subprocess("-q", "-p", "_lro_notebook_pytest", *options)


def test_the_documented_example_passes_as_it_stands(pytester: pytest.Pytester) -> None:
    pipeline, tests = re.findall(
        r"```python\n(# \w+\.py\n.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL
    )
    pytester.makepyfile(pipeline=pipeline, test_pipeline=tests)
    pytester.makeini("[pytest]\nfilterwarnings = error\npythonpath = .")
    run(pytester).assert_outcomes(passed=tests.count("def test_"))


NOTES_PROCESS = """
import json, pathlib

def test_{name}(lro_service):
    about = json.loads((lro_service.buckets.parent / "service.json").read_bytes())
    pathlib.Path("{name}.pid").write_text(str(about["pid"]))
    {then}
"""


def processes(pytester: pytest.Pytester) -> set[int]:
    """Return the processes of the services that a run has had."""
    return {int(path.read_text()) for path in pytester.path.glob("*.pid")}


def test_each_worker_of_xdist_has_a_service_of_its_own(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(
        test_a=NOTES_PROCESS.format(name="a", then=""), test_b=NOTES_PROCESS.format(name="b", then="")
    )
    run(pytester, "-p", "xdist", "-n", "2", "--dist", "loadfile").assert_outcomes(passed=2)
    assert len(processes(pytester)) == 2
    assert not any(map(psutil.pid_exists, processes(pytester)))


def test_an_interrupted_session_leaves_no_service_behind(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=NOTES_PROCESS.format(name="it", then="raise KeyboardInterrupt"))
    assert run(pytester).ret == pytest.ExitCode.INTERRUPTED
    (process,) = processes(pytester)
    assert not psutil.pid_exists(process)


def test_a_session_that_does_not_use_it_imports_nothing_of_the_package() -> None:
    program = "import sys, _lro_notebook_pytest; print([name for name in sys.modules if 'lro' in name])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "['_lro_notebook_pytest']"


def test_what_a_store_would_have_sent_to_pubsub(lro_service: LroService) -> None:
    config = {"pubsubTopic": "projects/p/topics/changes", "sendFullResource": True}
    with pytest.warns(lro.LroWarning, match="fhirStores/s: no message goes to Pub/Sub, it is written to"):
        store = lro_service.connect().fhir_store("s").create(settings={"notificationConfigs": [config]})
    assert lro_service.notifications == []
    address = f"{lro_service.endpoint}/v1/{store.name}/fhir/Patient"
    body = {"resourceType": "Patient", "active": True}
    httpx.post(address, json=body, headers=bearer(lro_service)).raise_for_status()
    (sent,) = lro_service.notifications
    assert sent["topic"] == "projects/p/topics/changes"
    assert sent["message"]["attributes"]["action"] == "CreateResource"
    assert json.loads(base64.b64decode(sent["message"]["data"]))["active"] is True
