"""Any format through real gcsfs, from the buckets of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from results.any_files import FILES, ROWS, columns, put_named, quiet

if TYPE_CHECKING:
    from local.conftest import Program

pytestmark = [pytest.mark.service, pytest.mark.filterwarnings("ignore")]  # of libraries under gcsfs

TWICE = {name: values * 2 for name, values in ROWS.items()}
PLACE = "gs://demo-out/any"


@pytest.fixture
def options(service: Program) -> dict[str, Any]:
    """Return how real gcsfs reaches the buckets of the service, which holds two files of each format."""
    pytest.importorskip("gcsfs.core", reason="gcsfs is not installed")
    credentials = pytest.importorskip("google.oauth2.credentials").Credentials(token=service.token)
    for suffix, content in FILES.items():
        files = {f"rows_{number}.{suffix}": content for number in (1, 2)}
        put_named(service.buckets / "demo-out" / "any" / suffix, dict(files))
    return {"project": "local", "token": credentials, "endpoint_url": service.endpoint}


@pytest.mark.parametrize("suffix", FILES)
def test_each_format_is_read_from_a_folder_a_glob_a_prefix_and_alone(
    options: dict[str, Any], suffix: str
) -> None:
    folder, how = f"{PLACE}/{suffix}", {"storage_options": options}
    for place in (folder, f"{folder}/", f"{folder}/rows_*.{suffix}", f"{folder}/rows_"):
        assert columns(quiet(place, **how)) == {"rows": TWICE}
    assert columns(quiet(f"{folder}/rows_2.{suffix}", **how)) == {"rows": ROWS}
    told = quiet(folder, source_file=True, lists="explode", **how)["rows"]["source_file"]
    assert sorted(set(told)) == [f"{folder}/rows_1.{suffix}", f"{folder}/rows_2.{suffix}"]


def test_all_formats_under_one_prefix_are_read(options: dict[str, Any]) -> None:
    results = quiet(PLACE, deep=True, storage_options=options)
    assert sum(len(results[name]) for name in results) == 4 * len(FILES)
    assert results.bad_lines.empty
    assert results.skipped.empty
