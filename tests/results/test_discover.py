"""Finding the result files: names, places, operations, gaps."""

from __future__ import annotations

import gzip
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.errors import ConfigError, ResultError
from lro_notebook.results.discovery import classify, discover
from lro_notebook.results.discovery.sniff import TEXT, parse_name
from lro_notebook.results.formats.dicom.reader import DICOM
from lro_notebook.results.formats.fhir.json import FHIR_JSON
from lro_notebook.results.formats.hl7v2.reader import HL7V2
from lro_notebook.results.formats.id_lists import ID_LISTS
from lro_notebook.results.location import locate
from lro_notebook.results.remote.first_bytes import starts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lro_notebook.results.location import Location
    from lro_notebook.results.shards import Shard


def find(location: Location, **how: Any) -> list[Shard]:
    shards: list[Shard] = discover.find(location, **how).shards
    return shards


OLD, NEW = "1111", "2222"


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b'{"id":"1"}\n')
    return folder


def names(shards: list[Shard]) -> list[str]:
    return [shard.path.rpartition("/")[2] for shard in shards]


@pytest.mark.parametrize(
    ("name", "table", "operation", "index", "total"),
    [
        ("126_Patient", "Patient", "126", None, None),
        ("126_Patient-0-of-3", "Patient", "126", 0, 3),
        ("126_Patient-2-of-3.ndjson.gz", "Patient", "126", 2, 3),
        ("126_history_Patient", "Patient_history", "126", None, None),
        ("126_history_Patient-1-of-2", "Patient_history", "126", 1, 2),
        ("ab-c_Patient.ndjson", "Patient", "ab-c", None, None),
        ("Patient.000.ndjson", "Patient", None, 0, None),
        ("Patient-1.ndjson", "Patient", None, 1, None),
        ("Patient.ndjson.gz", "Patient", None, None, None),
    ],
)
def test_names_of_results(
    name: str, table: str, operation: str | None, index: int | None, total: int | None
) -> None:
    found = parse_name(name)
    assert found is not None
    assert (found["table"], found["operation"], found["index"], found["total"]) == (
        table,
        operation,
        index,
        total,
    )


@pytest.mark.parametrize("name", ["manifest.json", "_SUCCESS", "Patient", "run_log.txt", "126_Patient.csv"])
def test_names_that_are_no_results(name: str) -> None:
    assert parse_name(name) is None


def test_a_folder_is_sorted_by_table_and_number_and_the_rest_is_told(tmp_path: Path) -> None:
    put(tmp_path, *(f"1_Patient-{n}-of-11" for n in range(11)), "1_Claim")
    (tmp_path / "notes.txt").write_text("nothing of a table")
    (tmp_path / "_SUCCESS").touch()
    found = discover.find(locate(tmp_path))
    assert names(found.shards) == ["1_Claim", *(f"1_Patient-{n}-of-11" for n in range(11))]
    assert [(each.reason, each.quiet) for each in found.skipped] == [
        ("its name says that it is no result", True),
        (TEXT, False),
    ]


def test_a_file_a_prefix_and_a_glob(tmp_path: Path) -> None:
    put(tmp_path / "out", "run1_Patient", "run1_Claim", "run2_Patient", "my data.json")
    place = tmp_path / "out"
    assert names(find(locate(place / "run1"))) == ["run1_Claim", "run1_Patient"]
    assert names(find(locate(f"{place}/run1_*"))) == ["run1_Claim", "run1_Patient"]
    assert [shard.table for shard in find(locate(place / "run2_Patient"))] == ["Patient"]
    assert [shard.table for shard in find(locate(place / "my data.json"))] == ["my data"]


def test_a_folder_wins_over_a_name_prefix(tmp_path: Path) -> None:
    put(tmp_path / "run", "1_Patient")
    put(tmp_path, "run_Claim")
    assert [shard.table for shard in find(locate(tmp_path / "run"))] == ["Patient"]


def test_two_operations_under_one_prefix_need_a_choice(tmp_path: Path) -> None:
    put(tmp_path, f"{OLD}_Patient", f"{NEW}_Patient", f"{NEW}_Claim")
    with pytest.raises(ConfigError, match=f'{NEW}, {OLD} .newest first.*operation="{NEW}".*op.load'):
        find(locate(tmp_path))
    assert names(find(locate(tmp_path), operation=OLD)) == [f"{OLD}_Patient"]
    full = f"projects/p/locations/l/datasets/d/operations/{NEW}"
    assert names(find(locate(tmp_path), operation=full)) == [f"{NEW}_Claim", f"{NEW}_Patient"]


def test_an_operation_without_files_is_named_with_the_place(tmp_path: Path) -> None:
    put(tmp_path, f"{OLD}_Patient")
    with pytest.raises(ResultError, match=f"operation 9 left no results at .*{tmp_path.name}.*{OLD}"):
        find(locate(tmp_path), operation="9")


@pytest.mark.parametrize("place", ["", "missing", "missing/"])
def test_nothing_there(tmp_path: Path, place: str) -> None:
    with pytest.raises(ResultError, match="no results at"):
        find(locate(f"{tmp_path}/{place}"))


def test_a_missing_shard_is_an_error_unless_partial(tmp_path: Path) -> None:
    put(tmp_path, "1_Patient-0-of-3", "1_Patient-2-of-3", "1_Claim")
    with pytest.raises(ResultError, match=r"Patient is incomplete: 1-of-3 missing.*partial=True"):
        find(locate(tmp_path))
    assert len(find(locate(tmp_path), partial=True)) == 3
    assert len(find(locate(tmp_path), tables=["Claim"])) == 1


def test_an_unknown_table_names_those_there(tmp_path: Path) -> None:
    put(tmp_path, "1_Patient", "1_Claim")
    with pytest.raises(ResultError, match=r"no table Patent .*there are Claim, Patient"):
        find(locate(tmp_path), tables=["Patent"])


def test_gs_is_a_folder_for_the_embedded_service_and_shown_as_gs(tmp_path: Path) -> None:
    put(tmp_path / "buckets" / "b" / "run", "1_Patient")
    for uri in ("gs://b/run", "gs://b/run/", "gs://b/run/1"):
        location = locate(uri, buckets=str(tmp_path / "buckets"))
        (shard,) = find(location)
        assert (location.uri, shard.uri) == (uri, "gs://b/run/1_Patient")


@pytest.mark.parametrize("uri", ["gs://b/../../x", "gs://../x", "gs:///etc", "gs://b/link/x"])
def test_nothing_leaves_the_buckets(tmp_path: Path, uri: str) -> None:
    (tmp_path / "buckets" / "b").mkdir(parents=True)
    (tmp_path / "buckets" / "b" / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="does not stay inside a bucket"):
        locate(uri, buckets=str(tmp_path / "buckets"))


def test_other_places(tmp_path: Path) -> None:
    put(tmp_path, "1_Patient")
    assert find(locate(f"file://{tmp_path}"))[0].uri == f"file://{tmp_path}/1_Patient"
    assert find(locate(tmp_path))[0].uri == f"{tmp_path}/1_Patient"
    memory = locate("memory://a/b")
    memory.fs.pipe_file("/a/b/1_Patient", b"{}\n")
    assert find(memory)[0].uri == "memory://a/b/1_Patient"


def test_places_that_cannot_be_read_say_why() -> None:
    with pytest.raises(ConfigError, match=r"nosuch://"):
        locate("nosuch://a/b")
    with pytest.raises(ConfigError, match="names nothing"):
        locate("gs://")


def test_gs_without_gcsfs_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    monkeypatch.delitem(
        sys.modules["fsspec.registry"]._registry, "gs", raising=False
    )  # another test may use it
    with pytest.raises(ConfigError, match=r"gs://a/b needs gcsfs, which is not installed: pip install gcsfs"):
        locate("gs://a/b")


def test_a_file_system_that_lacks_a_package_of_its_own_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "gcsfs"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "decorator", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "gs", raising=False)
    with pytest.raises(ConfigError, match=r"gs://a/b needs decorator, which is not installed: pip install"):
        locate("gs://a/b")


def test_what_names_do_not_say_the_first_bytes_do(tmp_path: Path) -> None:
    contents = {
        "a": b'{"name":"x","data":"TVNIfF5+XCZ8"}\n',
        "b.txt": b"broken\nMSH|^~\\&|A\r",
        "c.json": b'[{"00080018":{"vr":"UI","Value":["1"]}}]',
        "d": gzip.compress(b'{"parsedData":{}}'),
        "e": b"\0" * 128 + b"DICM",
        "f.txt": b"Patient/1\nPatient/2\n",
        "g.json": b'{"data":"other"}',
        "h.json": b'{"resourceType":"Binary","data":"TVNIfF5+XCZ8"}',
        "i.csv": b"MSH|^~\\&|A\r",
        "j": b"\x1f\x8bbroken",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    formats = {shard.path.rpartition("/")[2]: shard.format for shard in find(locate(tmp_path))}
    messages = dict.fromkeys(("a", "b.txt", "d", "i.csv"), HL7V2)
    known = {**messages, "c.json": DICOM, "e": DICOM, "f.txt": ID_LISTS, "h.json": FHIR_JSON}
    assert {name: formats[name] for name in known} == known
    assert "j" not in formats


def test_of_many_files_of_one_kind_of_name_some_are_opened(tmp_path: Path) -> None:
    """Where those agree, the others are like them; where they do not, each is looked at."""
    put(tmp_path, *(f"note-{number}.ndjson" for number in range(1000)))
    with counted_looks() as looks:
        assert len(find(locate(tmp_path))) == 1000
    assert 100 < sum(looks) < 300
    for number in range(500):
        (tmp_path / f"note-{number}.ndjson").write_text('{"resourceType":"Patient"}\n')
    with counted_looks() as looks:
        assert len({shard.table for shard in find(locate(tmp_path))}) == 2
    assert sum(looks) == 1000


@contextmanager
def counted_looks() -> Iterator[list[int]]:
    """Give how many files were opened, at each turn."""
    looks: list[int] = []

    def counting(location: Location, infos: Sequence[Any], *more: Any) -> Any:
        looks.append(len(infos))
        return starts_of(location, infos, *more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(classify, "starts_of", counting)
        yield looks


def test_the_same_data_twice_is_told_and_not_doubled(tmp_path: Path) -> None:
    line = b'{"resourceType":"Patient","id":"1"}\n'
    for name in ("Patient.ndjson", "x (1).ndjson", "x.ndjson", "y (1).ndjson"):
        (tmp_path / name).write_bytes(line)
    (tmp_path / "Patient.ndjson.gz").write_bytes(gzip.compress(line))
    (tmp_path / "y.ndjson").write_bytes(line * 2)
    found = discover.find(locate(tmp_path))
    assert sorted(names(found.shards)) == ["Patient.ndjson", "x.ndjson", "y (1).ndjson", "y.ndjson"]
    assert {each.reason for each in found.skipped} == {
        "the same as Patient.ndjson, compressed",
        "a copy of x.ndjson",
    }


def test_naming_places_loads_no_data_library() -> None:
    program = (
        "import sys; from lro_notebook.results import location, places; location.locate('/tmp');"
        "assert not {'pandas', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
