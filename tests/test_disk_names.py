"""Names of objects on disks that fold case or reserve names: a file for each, and the way back exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.disk_names import Disk, disk_of, folded, read, written

if TYPE_CHECKING:
    from pathlib import Path

#: Letters that differ by case or accents alone, what Windows reserves, and what looks like an escape.
PARTS = st.text(
    st.sampled_from('aAeEkK\u212a\u00e9\u0301\u00e8sS\u00df\u0131I%0143:.<>"|?*~ -_COMNUcon1'),
    min_size=1,
    max_size=8,
).filter(lambda text: text not in (".", ".."))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Patient.ndjson", "Patient.ndjson"),
        ("1.2.840.113619.2.55", "1.2.840.113619.2.55"),
        ("100%.txt", "100%.txt"),
        ("ü.txt", "ü.txt"),
        ("run:1", "run%3A1"),
        ("a.", "a%2E"),
        ("a ", "a%20"),
        ("a%3Ab", "a%253Ab"),
        ("CON", "%43%4F%4E"),
        ("con.txt", "%63on.txt"),
        ("com7", "%63om7"),
        ("com77", "com77"),
        ("console", "console"),
        ("LPT\u00b9", "%4C%50%54%C2%B9"),
    ],
)
def test_a_name_is_itself_unless_windows_reserves_it(name: str, file: str) -> None:
    assert written(name) == file
    assert read(file) == name


@pytest.mark.parametrize("file", ["a%20b", "%70atient%", "%FF", "100%", "%zz", "%7", "a%3ab"])
def test_what_people_named_so_is_no_escape(file: str) -> None:
    assert read(file) == file


@given(PARTS)
def test_the_way_back_is_exact_and_windows_takes_the_names(name: str) -> None:
    for file in (written(name), folded(name)):
        assert read(file) == name
        assert not set('<>:"|?*\\') & set(file)
        assert not file.endswith((".", " "))
        assert file.partition(".")[0].rstrip().casefold() not in ("con", "com1", "nul")


@given(PARTS, PARTS)
def test_no_two_names_are_one_file_when_case_is_folded(first: str, second: str) -> None:
    if first != second:
        assert folded(first).casefold() != folded(second).casefold()
        assert folded(first).casefold() != written(second).casefold()


def test_where_case_counts_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / ".partial").mkdir()
    disk = disk_of(tmp_path)
    if disk.folds:
        pytest.skip("this disk folds case")
    assert disk.path(tmp_path, "a:/CON/x%41.") == tmp_path / "a:/CON/x%41."
    assert disk.name("a%3A/b") == "a%3A/b"


@pytest.fixture
def folding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose file system folds case, as far as `disk_names` asks it."""

    def exists(path: Path) -> bool:
        if not path.parent.is_dir():
            return False
        return path.name.casefold() in {item.name.casefold() for item in path.parent.iterdir()}

    monkeypatch.setattr("os.path.lexists", exists)
    return tmp_path


def test_names_that_differ_by_case_are_files_of_their_own_and_are_found_again(folding: Path) -> None:
    disk, names = Disk(folds=True), ["Run/Patient", "Run/patient", "run/PATIENT", "Run/a:b", "nul", "NUL"]
    for name in names:
        path = disk.path(folding, name)
        path.parent.mkdir(exist_ok=True)
        assert not path.exists()
        path.write_text(name, encoding="utf-8")
    assert (folding / "Run" / "Patient").is_file()
    assert [disk.path(folding, name).read_text(encoding="utf-8") for name in names] == names
    files = [file.relative_to(folding).as_posix() for file in folding.rglob("*") if file.is_file()]
    assert sorted(map(disk.name, files)) == sorted(names)
    assert len({file.casefold() for file in files}) == len(names)
    assert not disk.path(folding, "RUN/Patient").exists()


@pytest.mark.parametrize("file", ["a%20b", "100%", "x%3Ay", "x%3ay"])
def test_files_that_people_put_there_are_found_by_the_names_that_are_listed(folding: Path, file: str) -> None:
    (folding / file).touch()
    disk = Disk(folds=True)
    assert disk.path(folding, disk.name(file)) == folding / file
