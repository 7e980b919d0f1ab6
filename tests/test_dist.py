"""What `make dist` lets pass; the build and the installation themselves take minutes and run there."""

from __future__ import annotations

import io
import tarfile
import zipfile
from email.message import Message
from typing import TYPE_CHECKING

import pytest

from scripts import check_dist

if TYPE_CHECKING:
    from pathlib import Path

NEW = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"
OUT = (
    "# Changelog\n\n## [Unreleased]\n\n"
    "## [0.2.0] - 2027-01-31\n\n- A thing.\n\n## [0.1.0] - 2026-12-01\n\n- Two.\n"
)


@pytest.mark.parametrize(
    ("text", "version", "release", "problem"),
    [
        (NEW, "0.1.0", False, None),
        (NEW, "0.1.0", True, "no section '## [0.1.0] - YYYY-MM-DD'"),
        (OUT, "0.2.0", True, None),
        (OUT, "0.1.0", True, "a later version than 0.1.0: 0.2.0"),
        (OUT, "0.3.0", False, "no section '## [0.3.0] - YYYY-MM-DD'"),
        (OUT.replace("- A thing.", ""), "0.2.0", False, "says nothing of 0.2.0"),
    ],
)
def test_the_changelog_must_know_the_version(
    text: str, version: str, *, release: bool, problem: str | None
) -> None:
    found = list(check_dist.changelog_problems(text, version, release=release))
    assert len(found) == (problem is not None)
    assert problem is None or problem in found[0]


def test_a_wheel_is_small_and_holds_the_package_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.whl"
    files = dict.fromkeys(check_dist.NEEDED, "")
    files["lro_notebook-1.dist-info/METADATA"] = "Metadata-Version: 2.4\nVersion: 1.2\n"
    files["lro_notebook-1.dist-info/entry_points.txt"] = "[pytest11]\n"

    def problems(**more: str) -> list[str]:
        with zipfile.ZipFile(path, "w") as wheel:
            for name, content in {**files, **more}.items():
                wheel.writestr(name, content)
        return list(check_dist.wheel_problems(path))

    assert problems() == []
    metadata = check_dist.metadata_of(path)
    assert metadata["Version"] == "1.2"
    assert list(check_dist.metadata_problems(metadata, release=False)) == []
    assert "set address" in next(check_dist.metadata_problems(metadata, release=True))
    metadata["Project-URL"] = "Source, https://example.org/a/b"
    assert list(check_dist.metadata_problems(metadata, release=True)) == []
    assert problems(**{"tests/test_x.py": ""}) == ["tests/test_x.py is in the wheel"]
    del files["lro_notebook/py.typed"]
    assert problems() == ["lro_notebook/py.typed is not in the wheel"]
    files["lro_notebook-1.dist-info/entry_points.txt"] = ""
    assert "the pytest plugin is not registered" in problems()
    monkeypatch.setattr(check_dist, "LARGEST_WHEEL", 100)
    assert "less than 100 are wanted" in problems()[0]


def test_an_sdist_holds_what_is_committed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for name in ("x-1/PKG-INFO", "x-1/README.md", "x-1/notes.txt"):
            sdist.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert list(check_dist.sdist_problems(path, ["README.md", "Makefile"])) == [
        "Makefile is not in the sdist",
        "notes.txt is in the sdist and not in the repository: commit or remove it",
    ]


def test_the_first_lines_of_the_readme_are_those_that_are_run() -> None:
    lines = check_dist.first_lines((check_dist.ROOT / "README.md").read_text(encoding="utf-8"))
    assert lines.startswith("import lro_notebook as lro\n")
    assert 'patients = op.load()["Patient"]' in lines
    with pytest.raises(SystemExit, match="no Python"):
        check_dist.first_lines("# lro_notebook\n")


def test_what_extras_need_is_no_direct_dependency() -> None:
    metadata = Message()
    for needed in ("pandas>=2.2", "gcsfs; extra == 'gcs'", "old; python_version < '3'", "x[y]"):
        metadata["Requires-Dist"] = needed
    assert check_dist.direct(metadata) == ["pandas", "x"]
