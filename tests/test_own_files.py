"""`lro.local.put`: own files into the buckets of the embedded service."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest
from systems import named_pipes

import lro_notebook as lro
from lro_notebook import local

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.service

PATIENT = '{"resourceType":"Patient","id":"p%d"}\n'


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.ndjson").write_text(PATIENT % 1)
    (folder / "deep" / "er" / "b.ndjson").write_text(PATIENT % 2)
    return folder


def bucket(service: Path, name: str) -> Path:
    return local.ensure(service).buckets / name


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_folder_is_copied_with_its_places_and_can_be_imported(
    dataset: lro.Dataset, service: Path, mine: Path
) -> None:
    uri = local.put(mine, "gs://own-folder/x/", data_dir=service)
    assert uri == "gs://own-folder/x"
    assert names(bucket(service, "own-folder")) == ["x/a.ndjson", "x/deep/er/b.ndjson"]
    store = dataset.fhir_store("own").create()
    assert store.import_from(f"{uri}/**.ndjson").wait(60).progress.completed == 2
    assert list((local.ensure(service).buckets / ".partial").glob("put-*")) == []


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("gs://own-file", "a.ndjson"),
        ("gs://own-file/", "a.ndjson"),
        ("gs://own-file/x/", "x/a.ndjson"),
        ("gs://own-file/y/z.ndjson", "y/z.ndjson"),
        ("gs://own-file/there", "there/a.ndjson"),
    ],
)
def test_a_file_gets_the_name_that_it_is_given(service: Path, mine: Path, uri: str, name: str) -> None:
    (bucket(service, "own-file") / "there").mkdir(parents=True, exist_ok=True)
    put = local.put(str(mine / "a.ndjson"), uri, data_dir=service)
    assert put == f"gs://own-file/{name}"
    target = bucket(service, "own-file") / name
    assert target.read_text() == PATIENT % 1
    target.unlink()


def test_what_is_replaced_is_told(service: Path, mine: Path) -> None:
    local.put(mine, "gs://own-twice", data_dir=service)
    (mine / "a.ndjson").write_text(PATIENT % 3)
    (mine / "c.ndjson").write_text(PATIENT % 4)
    with pytest.warns(
        lro.LroWarning, match=r"2 of the 3 files were there before .*gs://own-twice/a.ndjson and"
    ):
        local.put(mine, "gs://own-twice", data_dir=service)
    assert (bucket(service, "own-twice") / "a.ndjson").read_text() == PATIENT % 3


@named_pipes
def test_hidden_things_and_what_is_no_file_are_left_out_and_counted(service: Path, mine: Path) -> None:
    (mine / ".DS_Store").write_text("x")
    (mine / ".git").mkdir()
    (mine / ".git" / "config").write_text("x")
    (mine / "broken").symlink_to(mine / "nowhere")
    os.mkfifo(mine / "pipe")
    (mine / "loop").symlink_to(mine, target_is_directory=True)
    with pytest.warns(lro.LroWarning, match="4 things below .* were left out"):
        local.put(mine, "gs://own-hidden", data_dir=service)
    assert names(bucket(service, "own-hidden")) == ["a.ndjson", "deep/er/b.ndjson"]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("own/x", "gs://bucket/folder"),
        ("gs://NO/x", "not a bucket name"),
        ("gs://own-bad/../../x", "'..'"),
        ("gs://own-bad/a//b", "empty"),
        ("gs://own-bad/*.ndjson", "is a pattern"),
        ("gs://lro-sample/fhir", "choose another bucket"),
        ("gs://own-bad/" + "n" * 300, "too long"),
    ],
)
def test_an_address_that_cannot_be_is_refused(service: Path, mine: Path, uri: str, told: str) -> None:
    with pytest.raises(lro.ConfigError, match=told):
        local.put(mine, uri, data_dir=service)
    assert not bucket(service, "own-bad").exists()


def test_what_is_not_there_is_named(service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(lro.ConfigError, match=f"no file or folder typo; the current folder is {tmp_path}"):
        local.put("typo", "gs://own-none", data_dir=service)
    (tmp_path / "empty").mkdir()
    with pytest.raises(lro.ConfigError, match="no files are in the folder"):
        local.put("empty", "gs://own-none", data_dir=service)
    assert not bucket(service, "own-none").exists()


def test_a_folder_where_a_file_goes_is_refused_before_anything_is_copied(service: Path, mine: Path) -> None:
    (bucket(service, "own-taken") / "deep" / "er" / "b.ndjson").mkdir(parents=True)
    with pytest.raises(lro.ConfigError, match="is a folder already"):
        local.put(mine, "gs://own-taken", data_dir=service)
    assert names(bucket(service, "own-taken")) == []


def test_a_file_where_a_folder_goes_is_refused_before_anything_is_copied(service: Path, mine: Path) -> None:
    bucket(service, "own-taken2").mkdir(parents=True)
    (bucket(service, "own-taken2") / "deep").write_text("a file")
    with pytest.raises(lro.ConfigError, match="deep is a file"):
        local.put(mine, "gs://own-taken2", data_dir=service)
    assert names(bucket(service, "own-taken2")) == ["deep"]


def test_nothing_is_written_through_a_link_out_of_the_buckets(
    service: Path, mine: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    bucket(service, "own-link").mkdir(parents=True)
    (bucket(service, "own-link") / "deep").symlink_to(outside, target_is_directory=True)
    with pytest.raises(lro.ConfigError, match="leads out of the buckets folder"):
        local.put(mine, "gs://own-link", data_dir=service)
    assert list(outside.iterdir()) == []


def test_a_file_that_cannot_be_read_is_told_with_what_was_copied(
    service: Path, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lro_notebook.local.core import objects

    place = objects.place

    def full(draft: Path, target: Path) -> None:
        if target.name == "b.ndjson":
            raise OSError(28, "No space left on device")
        place(draft, target)

    monkeypatch.setattr(objects, "place", full)
    with pytest.raises(lro.LroError, match=r"b.ndjson: No space left on device; 1 of 2 files were copied"):
        local.put(mine, "gs://own-full", data_dir=service)
    assert names(bucket(service, "own-full")) == ["a.ndjson"]
    assert list((local.ensure(service).buckets / ".partial").glob("put-*")) == []


def test_files_come_out_with_their_places_by_folder_prefix_pattern_and_name(
    service: Path, mine: Path, tmp_path: Path
) -> None:
    local.put(mine, "gs://own-out/run/x", data_dir=service)
    wanted = {
        "gs://own-out/run/x": ["a.ndjson", "deep/er/b.ndjson"],
        "gs://own-out": ["run/x/a.ndjson", "run/x/deep/er/b.ndjson"],
        "gs://own-out/run/x/d": ["deep/er/b.ndjson"],
        "gs://own-out/run/**.ndjson": ["x/a.ndjson", "x/deep/er/b.ndjson"],
        "gs://own-out/run/x/?.ndjson": ["a.ndjson"],
    }
    for number, (uri, files) in enumerate(wanted.items()):
        folder = tmp_path / str(number) / "new"
        assert local.get(uri, folder, data_dir=service) == folder
        assert names(folder) == files
        assert (folder / files[0]).read_bytes()
    one = local.get("gs://own-out/run/x/a.ndjson", tmp_path / "one.ndjson", data_dir=service)
    assert one.read_text() == PATIENT % 1
    within = local.get("gs://own-out/run/x/a.ndjson", f"{tmp_path}/into/", data_dir=service)
    assert within == tmp_path / "into" / "a.ndjson"
    assert stat.S_IMODE(within.stat().st_mode) == stat.S_IMODE((mine / "a.ndjson").stat().st_mode)


def test_what_is_there_already_is_replaced_only_where_that_is_said(
    service: Path, mine: Path, tmp_path: Path
) -> None:
    uri = local.put(mine, "gs://own-again/x", data_dir=service)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.ndjson").write_text("mine")
    with pytest.raises(lro.ConfigError, match=r"out/a.ndjson exists already; exist_ok=True replaces"):
        local.get(uri, tmp_path / "out", data_dir=service)
    assert names(tmp_path / "out") == ["a.ndjson"]
    assert (tmp_path / "out" / "a.ndjson").read_text() == "mine"
    local.get(uri, tmp_path / "out", exist_ok=True, data_dir=service)
    assert (tmp_path / "out" / "a.ndjson").read_text() == PATIENT % 1
    assert names(tmp_path / "out") == ["a.ndjson", "deep/er/b.ndjson"]


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("own-none/x", "'own-none/x' is no address such as gs://bucket/folder"),
        ("gs://own-none/x", "there is no bucket own-none; there are .*demo-out"),
        ("gs://demo-out/nobody-wrote-this", "nothing is at gs://demo-out/nobody-wrote-this"),
        ("gs://demo-out/nobody*", "no object matches"),
        ("gs://demo-out/../x", r"has an empty, '\.' or '\.\.' part"),
    ],
)
def test_what_is_not_in_a_bucket_is_told(service: Path, tmp_path: Path, uri: str, told: str) -> None:
    with pytest.raises(lro.ConfigError, match=rf"lro\.local\.get: .*{told}"):
        local.get(uri, tmp_path / "out", data_dir=service)
    assert not (tmp_path / "out").exists()


def test_a_file_where_a_folder_goes_is_refused_on_the_way_out(
    service: Path, mine: Path, tmp_path: Path
) -> None:
    uri = local.put(mine, "gs://own-taken/x", data_dir=service)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "deep").write_text("")
    with pytest.raises(lro.ConfigError, match=r"deep is a file, so .*b.ndjson cannot be written"):
        local.get(uri, tmp_path / "out", data_dir=service)
    (tmp_path / "other" / "a.ndjson").mkdir(parents=True)
    with pytest.raises(lro.ConfigError, match=r"a\.ndjson is a folder"):
        local.get(uri, tmp_path / "other", exist_ok=True, data_dir=service)
    assert names(tmp_path / "out") == ["deep"]


def test_a_bucket_for_results_is_made_once(service: Path) -> None:
    for name in ("own-results", "gs://own-results", "gs://own-results/"):
        assert local.make_bucket(name, data_dir=service) == "gs://own-results"
    assert bucket(service, "own-results").is_dir()
    for name, told in {
        "Own": "'Own' is not a bucket name",
        "own-results/run": "give the bucket's name alone",
        "lro-sample": "gs://lro-sample holds the service's sample",
    }.items():
        with pytest.raises(lro.ConfigError, match=rf"lro\.local\.make_bucket: .*{told}"):
            local.make_bucket(name, data_dir=service)
