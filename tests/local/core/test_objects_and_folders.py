"""Objects whose names are those of folders: placed there by requests and operations at once, none is lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lro_notebook.local.core import buckets, objects
from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.operations import output_files
from lro_notebook.local.storage import object_resource
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from pathlib import Path

_BUCKET = buckets.OUTPUT_BUCKET


def _place(there: Buckets, name: str, content: str) -> Path:
    draft = there.partial / name.replace("/", "-")
    draft.write_text(content)
    return objects.place(draft, there.path(buckets.Location(_BUCKET, name)))


def _found(there: Buckets) -> dict[str, str]:
    return {name: path.read_text() for name, path in there.objects(_BUCKET, "")}


def test_an_object_is_placed_within_the_folder_of_its_name(tmp_path: Path) -> None:
    there = Buckets(tmp_path)
    for number, name in enumerate(("a/b/c", "a/b", "a", "a/b", "a/b/c/d")):
        assert _place(there, name, f"{number}").read_text() == f"{number}"
    assert _found(there) == {"a": "2", "a/b": "3", "a/b/c": "0", "a/b/c/d": "4"}


def test_files_that_could_not_all_be_published_go_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Buckets(tmp_path)
    _place(there, "out/table-00000-of-00002.ndjson/other", "kept")
    with output_files.Shards(there.partial, "table", 2, suffix=".ndjson") as shards:
        shards.write([b"1", b"2"])
    place = objects.place

    def full(draft: Path, target: Path) -> Path:
        if "00001" in target.name:
            raise OSError(28, "no space left")
        return place(draft, target)

    monkeypatch.setattr(objects, "place", full)
    with pytest.raises(OSError, match="no space left"):
        shards.publish(there.root / _BUCKET / "out")
    assert _found(there) == {"out/table-00000-of-00002.ndjson/other": "kept"}


def test_a_link_to_a_file_does_not_move_into_a_folder(tmp_path: Path) -> None:
    """It may lead elsewhere from there."""
    there = Buckets(tmp_path)
    _place(there, "a", "content")
    (there.root / _BUCKET / "link").symlink_to("a")
    with pytest.raises(OSError, match=r"exists|directory"):
        _place(there, "link/b", "other")
    assert _found(there) == {"a": "content", "link": "content"}


def test_no_object_is_lost_where_many_are_placed_at_once(tmp_path: Path) -> None:
    there = Buckets(tmp_path)
    names = ["a/" * depth + name for depth in range(6) for name in ("a", "b", "c")]

    def write(name: str) -> None:
        for number in range(5):
            _place(there, name, f"{name.replace('/', '-')}-{number}")
            object_resource.remove_empty(there.root / _BUCKET / "empty")

    (there.root / _BUCKET / "empty" / "folder").mkdir(parents=True)
    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(write, names))
    assert _found(there) == {name: f"{name.replace('/', '-')}-4" for name in names}
    assert not [name for _, _, files in os.walk(there.root) for name in files if name.startswith(".partial")]


@pytest.mark.filterwarnings("ignore::lro_notebook.LeftOutWarning")
@pytest.mark.parametrize(
    ("place", "ids"),
    [
        ("r", ["1", "3"]),
        ("r/*.ndjson", ["1", "3"]),
        ("r/a", ["1"]),
        ("r/a.ndjson", ["1", "2"]),
        ("r/**", ["1", "2", "3"]),
    ],
)
def test_results_are_read_of_an_object_beside_a_folder(tmp_path: Path, place: str, ids: list[str]) -> None:
    there = Buckets(tmp_path)
    for number, name in enumerate(("r/a.ndjson", "r/a.ndjson/b.ndjson", "r/c.ndjson"), 1):
        _place(there, name, f'{{"resourceType":"Patient","id":"{number}"}}\n')
    results = read(f"gs://{_BUCKET}/{place}", buckets=str(there.root), source_file=True)
    patients = results["Patient"]
    assert sorted(patients["id"]) == ids
    assert set(patients["source_file"]) <= {
        f"gs://{_BUCKET}/r/{name}" for name in ("a.ndjson", "a.ndjson/b.ndjson", "c.ndjson")
    }
