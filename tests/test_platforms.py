"""What differs between systems: the answers for each, asked on whatever this is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lro_notebook import platforms
from lro_notebook.local import launch
from lro_notebook.local.identity.proof import Identity


class Held:
    """A disk of Windows: a file that is open cannot be replaced, for so many tries."""

    def __init__(self, tries: int) -> None:
        self.tries, self.slept = tries, list[float]()

    def rename(self, source: Path, target: Path) -> None:
        self.tries -= 1
        if self.tries >= 0:
            raise PermissionError(13, "Access is denied", str(target))
        os.replace(source, target)  # noqa: PTH105 - as the code under test


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "new").write_text("new", encoding="utf-8")
    (tmp_path / "old").write_text("old", encoding="utf-8")
    return tmp_path / "new", tmp_path / "old"


@pytest.mark.parametrize("tries", [0, 1, 5])
def test_a_file_that_is_open_elsewhere_is_replaced_once_it_is_closed(
    files: tuple[Path, Path], tries: int
) -> None:
    held = Held(tries)
    platforms.replace(*files, rename=held.rename, windows=True, sleep=held.slept.append)
    assert files[1].read_text(encoding="utf-8") == "new"
    assert len(held.slept) == tries


def test_a_file_that_stays_open_is_given_up_after_some_seconds_and_stays_whole(
    files: tuple[Path, Path],
) -> None:
    held = Held(1000)
    with pytest.raises(PermissionError):
        platforms.replace(*files, rename=held.rename, windows=True, sleep=held.slept.append)
    assert 2 < sum(held.slept) < 3
    assert [file.read_text(encoding="utf-8") for file in files] == ["new", "old"]


def test_elsewhere_a_lack_of_permission_is_one_at_once(files: tuple[Path, Path]) -> None:
    held = Held(1)
    with pytest.raises(PermissionError):
        platforms.replace(*files, rename=held.rename, windows=False, sleep=held.slept.append)
    assert held.slept == []


def test_a_service_starts_where_neither_ctrl_c_nor_the_stop_button_reaches_it() -> None:
    # CREATE_NEW_PROCESS_GROUP and CREATE_NO_WINDOW, as Windows' documents have them
    assert platforms.apart(windows=True) == {"creationflags": 0x00000200 | 0x08000000}
    assert platforms.apart(windows=False) == {"start_new_session": True}


def test_the_launcher_starts_it_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[dict[str, object]] = []

    class Program:
        pid = 0

        def __init__(self, _command: list[str], **arguments: object) -> None:
            started.append(arguments)

    monkeypatch.setattr(launch, "_Program", Program)
    monkeypatch.setattr(launch, "_started", {})
    monkeypatch.setattr(platforms, "apart", lambda: {"creationflags": 5})
    launch._spawn(tmp_path)
    assert started[0]["creationflags"] == 5


def test_on_windows_a_port_is_asked_for_alone() -> None:
    class Socket:
        options: list[tuple[int, int, int]] = []  # noqa: RUF012 - of one test

        def setsockopt(self, *option: int) -> None:
            self.options.append(option)  # type: ignore[arg-type]

    platforms.claim_port(Socket(), windows=True)  # type: ignore[arg-type]
    exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", ~socket.SO_REUSEADDR)
    assert Socket.options == [(socket.SOL_SOCKET, exclusive, 1)]


def test_no_two_programs_share_a_port() -> None:
    with socket.socket() as first, socket.socket() as second:
        for listener in (first, second):
            platforms.claim_port(listener)
        first.bind(("127.0.0.1", 0))
        first.listen()
        with pytest.raises(OSError, match=r".") as caught:
            second.bind(first.getsockname())
    assert caught.value.errno != 0


@pytest.mark.parametrize(
    ("path", "extended"),
    [
        (r"C:\Users\me\x", r"\\?\C:\Users\me\x"),
        ("C:/Users/me/x", r"\\?\C:\Users\me\x"),
        (r"\\server\share\x", r"\\?\UNC\server\share\x"),
        (r"\\?\C:\x", r"\\?\C:\x"),
    ],
)
def test_windows_takes_paths_of_any_length_and_people_see_the_usual_ones(path: str, extended: str) -> None:
    assert platforms.extended(path, windows=True) == extended
    assert platforms.shown(extended) == path.removeprefix("\\\\?\\").replace("/", "\\")
    assert platforms.extended("/home/me", windows=False) == "/home/me"
    assert platforms.shown("/home/me") == "/home/me"


def test_a_service_is_known_by_its_folder_however_that_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a Mac `Data` and `data` are one folder; here a link stands for the other spelling."""
    folder, spelled = tmp_path / "data", tmp_path / "DATA"
    folder.mkdir(mode=0o700)
    spelled.symlink_to(folder)
    said = {"dataDir": str(spelled), "buckets": str(folder), "dataset": "d", "pid": 1}

    class Answer:
        is_success = True

        @staticmethod
        def json() -> dict[str, object]:
            return said

    monkeypatch.setattr(launch, "_identity", lambda _: Identity.new("http://127.0.0.1:1"))
    monkeypatch.setattr(launch, "_ask", lambda *_, **__: Answer)
    found = launch._find(folder)
    assert found is not None
    assert found.data_dir == spelled
    for other in (tmp_path, tmp_path / "gone"):
        said["dataDir"] = str(other)
        assert launch._find(folder) is None


#: What Windows' Python lacks. Libraries may have looked for it here; ours must do without.
_WITHOUT = """
import builtins, os, signal, sys, warnings
import asyncio, subprocess, tempfile, uuid
gone = "chown fork forkpty getegid geteuid getgid getpgid kill killpg listxattr mkfifo setsid"
for name in (*gone.split(), "register_at_fork"):
    vars(os).pop(name, None)  # a Mac has not all of them, and Windows none
for name in "SIGALRM SIGCHLD SIGHUP SIGKILL SIGUSR1".split():
    vars(signal).pop(name, None)
usual = builtins.__import__
def without(name, globals=None, *rest, **more):
    asking = (globals or {}).get("__name__", "")
    if name in ("fcntl", "grp", "pwd", "resource", "termios") and asking.startswith("lro_notebook"):
        raise ImportError(f"Windows has no {name}")
    return usual(name, globals, *rest, **more)
builtins.__import__ = without
warnings.filterwarnings("error", category=EncodingWarning, module="lro_notebook")
"""

_PROGRAM = """
import warnings
import lro_notebook as lro
warnings.filterwarnings("ignore", category=lro.LroWarning)  # the folder is outside of the profile
ds = lro.connect()
store = ds.fhir_store("s").create()
with open("mine.ndjson", "w", encoding="utf-8", newline="\\r\\n") as file:
    for name in ("Zo\\u00eb", "\\u6f22\\u5b57"):
        body = '{"resourceType": "Patient", "id": "%d", "name": [{"family": "%s"}]}\\n'
        file.write(body % (file.tell(), name))
lro.local.put("mine.ndjson", "gs://demo-out/in/")
done = store.import_from("gs://demo-out/in/*.ndjson").wait()
table = store.export_to("gs://demo-out/out").load()["Patient"]
print(ds, store, done, done.progress, lro.to_frame([done]), lro.started(), lro.watch(done), sep="\\n")
assert sorted(table["name.family"]) == ["Zo\\u00eb", "\\u6f22\\u5b57"], table
assert list(lro.read_results("mine.ndjson")["Patient"]["name.family"]) == ["Zo\\u00eb", "\\u6f22\\u5b57"]
print("stopped:", lro.local.stop())
"""


def test_without_what_windows_lacks_the_service_starts_works_and_stops(tmp_path: Path) -> None:
    r"""A simulation: Linux' Python without forks, owners and POSIX signals, with a console in cp1252.

    The user's own file has lines that end with ``\r\n``, as text has there.
    """
    (tmp_path / "sitecustomize.py").write_text(_WITHOUT, encoding="utf-8")
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", ""))),
        "PYTHONIOENCODING": "cp1252:strict",
        "PYTHONUTF8": "0",
        "PYTHONWARNDEFAULTENCODING": "1",
        "LC_ALL": "C",
        "LRO_NOTEBOOK_PROGRESS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], cwd=tmp_path, env=env, capture_output=True, check=False
    )
    said = done.stdout.decode("cp1252").splitlines()
    assert said[-1:] == ["stopped: True"], done.stderr.decode(errors="replace")
    assert not (Path(env["LRO_NOTEBOOK_DATA_DIR"]) / "service.json").exists()


def test_the_package_sends_no_signal() -> None:
    """`os.kill` ends a program at once on Windows, and a number may be that of another program by then."""
    modules = list(Path(platforms.__file__).parent.rglob("*.py"))
    words = ("os.kill", "killpg", "send_signal", ".terminate()")
    assert [path for path in modules if any(word in path.read_text(encoding="utf-8") for word in words)] == []
    assert len(modules) > 200
