from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lro_notebook.local.core import buckets
from lro_notebook.local.core.buckets import Buckets
from lro_notebook.local.core.service_errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

_OBJECTS = ["a.ndjson", "in/b.ndjson", "in/c1.ndjson", "in/deep/d.ndjson", "in/deep/e.json", "in/.hidden"]


@pytest.fixture
def folders(tmp_path: Path) -> Buckets:
    found = Buckets(tmp_path / "buckets")
    for name in _OBJECTS:
        path = found.root / "demo-out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return found


def _match(folders: Buckets, uri: str) -> list[str]:
    location = buckets.parse_pattern(uri, field="uri")
    folders.check(location, field="uri")
    return [found.removeprefix("gs://demo-out/") for found, _ in folders.match(location)]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("gs://demo-out/a.ndjson", ["a.ndjson"]),
        ("gs://demo-out/*", ["a.ndjson"]),
        (
            "gs://demo-out/**",
            ["a.ndjson", "in/b.ndjson", "in/c1.ndjson", "in/deep/d.ndjson", "in/deep/e.json"],
        ),
        ("gs://demo-out/in/*.ndjson", ["in/b.ndjson", "in/c1.ndjson"]),
        ("gs://demo-out/in/**.ndjson", ["in/b.ndjson", "in/c1.ndjson", "in/deep/d.ndjson"]),
        ("gs://demo-out/in/?.ndjson", ["in/b.ndjson"]),
        ("gs://demo-out/in/c?.*", ["in/c1.ndjson"]),
        ("gs://demo-out/*/*/d.ndjson", ["in/deep/d.ndjson"]),
        ("gs://demo-out/in/.hidden", ["in/.hidden"]),
    ],
)
def test_wildcards_name_objects(folders: Buckets, uri: str, expected: list[str]) -> None:
    assert _match(folders, uri) == expected


@pytest.mark.parametrize("uri", ["gs://demo-out/in", "gs://demo-out/nothing*", "gs://no-such-bucket/**"])
def test_what_does_not_exist_is_not_found_and_named(folders: Buckets, uri: str) -> None:
    with pytest.raises(ServiceError) as caught:
        _match(folders, uri)
    assert caught.value.status == 404
    assert uri.split("/")[2] in caught.value.message


@pytest.mark.parametrize(
    "uri",
    [
        None,
        7,
        "",
        "demo-out/a",
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://demo-out/a",
        "gs://",
        "gs:///a",
        "gs://demo-out",
        "gs://demo-out/",
        "gs://demo-out/../token",
        "gs://demo-out/in/../../token",
        "gs://demo-out//etc/passwd",
        "gs://demo-out/./a",
        "gs://demo-out/a\0b",
        "gs://demo-out/a\\b",
        "gs://../token",
        "gs://.partial/a",
        "gs://demo*/a",
        "gs://demo-out/**/a.ndjson",
        "gs://demo-out/*/**",
        "gs://demo-out/**.*",
        "gs://demo-out/***",
    ],
)
def test_an_address_that_cannot_be_is_refused(folders: Buckets, uri: object) -> None:
    with pytest.raises(ServiceError) as caught:
        _match(folders, uri)  # type: ignore[arg-type]  # what a request may hold
    assert caught.value.status == 400


def test_a_bucket_that_is_not_there_is_told_with_those_that_are(folders: Buckets) -> None:
    with pytest.raises(ServiceError, match=r"no-such does not exist \(there are: .*demo-out.*\)\. To make"):
        folders.folder("no-such")
    with pytest.raises(ServiceError, match=r"; did you mean gs://demo-out\? .*make_bucket\('demo-oot'\)"):
        folders.folder("demo-oot")


def test_a_folder_in_the_place_of_an_object_is_told_with_what_is_in_it(folders: Buckets) -> None:
    with pytest.raises(ServiceError, match=r"gs://demo-out/in/\*\* matches all that is in it"):
        _match(folders, "gs://demo-out/in/")


def test_a_link_out_of_the_buckets_is_not_followed(folders: Buckets, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.ndjson").write_text("{}")
    (folders.root / "demo-out" / "link").symlink_to(tmp_path / "outside")
    (folders.root / "demo-out" / "in" / "secret.ndjson").symlink_to(tmp_path / "outside" / "secret.ndjson")
    for uri in ("gs://demo-out/link/secret.ndjson", "gs://demo-out/link/*", "gs://demo-out/in/secret.ndjson"):
        with pytest.raises(ServiceError, match="leads out") as caught:
            _match(folders, uri)
        assert caught.value.status == 400
    assert "in/secret.ndjson" not in _match(folders, "gs://demo-out/in/*")


def test_a_pattern_may_hold_characters_of_regular_expressions(folders: Buckets) -> None:
    (folders.root / "demo-out" / "x[1]+(a).json").write_text("{}")
    assert _match(folders, "gs://demo-out/x[1]+(a).*") == ["x[1]+(a).json"]
