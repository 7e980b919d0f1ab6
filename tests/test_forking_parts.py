"""What a forked child has afresh, part by part, and what shares nothing to begin with."""

from __future__ import annotations

import ast
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes import Renewable
from test_forking import forks, in_child

import lro_notebook as lro
from lro_notebook import auth, terminal
from lro_notebook.following import Follower
from lro_notebook.foreign import ApiCoreSource
from lro_notebook.jupyter import pump

if TYPE_CHECKING:
    from lro_notebook.healthcare.dataset import Dataset

pytestmark = [
    forks,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]
ROOT = Path(lro.__file__).parent
#: What holds threads or locks for the length of a call only, or in the service, which is a process of its own.
OF_A_CALL = {
    "frames/dicom.py",
    "frames/ahead.py",
    "jupyter/pump.py",
    "terminal.py",
    "waiting.py",
    "forking.py",
}


@pytest.mark.parametrize(
    "path", sorted(path for path in ROOT.rglob("*.py") if ROOT / "local" not in path.parents), ids=str
)
def test_what_keeps_a_lock_or_a_thread_hears_of_forks(path: Path) -> None:
    kept = {"Lock", "RLock", "Condition", "Event", "Semaphore", "Thread", "SimpleQueue", "ThreadPoolExecutor"}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        names = {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls_in(node)}
        if names & kept and path.relative_to(ROOT).as_posix() not in OF_A_CALL:
            assert isinstance(node, ast.ClassDef), f"{path}: line {node.lineno}"
            methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
            assert "after_fork_in_child" in methods, f"{path}: {node.name}"


def calls_in(node: ast.AST) -> list[ast.Call]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Call)]


@pytest.mark.service
def test_the_embedded_service_is_used_in_children_as_in_the_parent(dataset: Dataset) -> None:
    store = dataset.fhir_store("demo").create(exist_ok=True)
    op = store.import_from("gs://lro-sample/fhir/*.ndjson")

    def use() -> None:
        assert op.wait(60).state == "SUCCEEDED"
        assert dataset.operation(op.id).wait(60).name == op.name
        mine = store.export_to(f"gs://demo-out/child-{os.getpid()}")
        assert len(mine.load()["Patient"]) > 0
        assert lro.started().iloc[-1]["name"] == mine.name

    in_child(use)
    in_child(use)
    assert op.wait(60).state == "SUCCEEDED"


def test_application_default_credentials_are_looked_up_again_in_a_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import google.auth  # noqa: PLC0415 - only here
    import httpx  # noqa: PLC0415 - only here

    monkeypatch.setattr(google.auth, "default", lambda scopes: (Renewable(), None))  # noqa: ARG005 - as google-auth's
    signs = auth.for_endpoint(None, httpx.URL("https://healthcare.googleapis.com"))
    assert isinstance(signs, auth.ApplicationDefault)
    parents = signs.credentials
    signs._lock.acquire()  # as a thread that refreshes them holds it

    def ask() -> None:
        assert signs.credentials is not parents
        request = httpx.Request("GET", "https://healthcare.googleapis.com/v1/x")
        assert signs.sign(request)
        assert request.headers["Authorization"] == "Bearer t1"

    in_child(ask)
    signs._lock.release()
    assert signs.credentials is parents


class _Theirs:
    """As much of an operation of google-api-core as its source needs."""

    class operation:  # noqa: N801 - as it is called there
        name = "operations/theirs"

    def __init__(self) -> None:
        self.asked = 0

    def done(self) -> bool:
        self.asked += 1
        return False

    cancel = done


def test_an_operation_of_another_library_is_not_asked_over_its_parents_connections() -> None:
    theirs = _Theirs()
    source = ApiCoreSource(theirs)
    op = lro.Operation(Follower(source, lro.OperationResource("operations/theirs")))

    def ask() -> None:
        with pytest.raises(lro.ConfigError, match=r"operations/theirs .* Make its client here"):
            op.result(10)
        with pytest.raises(lro.ConfigError, match="spawn"):
            op.cancel()
        assert theirs.asked == 0

    in_child(ask)


def test_a_follower_that_was_being_changed_is_whole_in_a_child() -> None:
    ended = lro.OperationResource.from_dict({"name": "operations/1", "done": True, "response": {}})
    follower = Follower(_never(), lro.OperationResource("operations/1"))
    follower.resource = ended  # as far as another thread has come, which holds the lock
    follower._lock.acquire()

    def ask() -> None:
        op = lro.Operation(follower)
        assert op.wait(5).done()
        assert list(op.samples) == []

    in_child(ask)
    follower._lock.release()


def _never() -> Any:  # noqa: ANN401 - a source that is not asked
    return None


def test_a_bar_is_drawn_although_another_thread_was_drawing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tqdm import tqdm  # noqa: PLC0415 - only here

    monkeypatch.setenv(terminal.SWITCH, "1")
    ended = lro.OperationResource.from_dict({"name": "operations/1", "done": True, "response": {}})
    op = lro.Operation(Follower(_never(), ended))
    held, over = threading.Event(), threading.Event()

    def draw() -> None:
        with tqdm.get_lock():
            held.set()
            over.wait(30)

    thread = threading.Thread(target=draw)
    thread.start()
    held.wait(10)

    def show() -> None:
        with terminal.watching([op]):
            pass

    in_child(show)
    over.set()
    thread.join()
    assert "succeeded" in capfd.readouterr().err


def test_a_child_of_a_kernel_does_not_read_its_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython  # noqa: PLC0415 - only here
    from ipykernel.kernelbase import Kernel  # noqa: PLC0415
    from jupyter_client.session import Session  # noqa: PLC0415

    kernel = Kernel()
    kernel.session = Session()
    shell = type("Shell", (), {"kernel": kernel})()
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert pump.running_kernel() is kernel

    def look() -> None:
        assert pump.running_kernel() is None

    in_child(look)
