"""Text to times: every form that sources write, on every path to a frame or file."""

from __future__ import annotations

import json
import pickle
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lro_notebook.errors import LroWarning, UnparsedDatesWarning
from lro_notebook.results.arrow.dates import FULL, INSTANT, PARTIAL, Times
from lro_notebook.results.arrow.unify import Columns, stack
from lro_notebook.results.load_place import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lro_notebook.results.results import Results

MOST = datetime.max.replace(tzinfo=UTC)
#: Text -> the instant that it means; None where it is none.
FORMS = {
    "2024-03-01T10:20:30.1234567+00:00": datetime(2024, 3, 1, 10, 20, 30, 123456, UTC),
    "2024-03-01T10:20:30.123456789012345678Z": datetime(2024, 3, 1, 10, 20, 30, 123456, UTC),
    "2024-03-01T11:20:30.1+01:00": datetime(2024, 3, 1, 10, 20, 30, 100000, UTC),
    "2024-03-01T11:20:30,5+01:00": datetime(2024, 3, 1, 10, 20, 30, 500000, UTC),
    "2024-03-01T11:20:30+0130": datetime(2024, 3, 1, 9, 50, 30, 0, UTC),
    "2024-03-01T11:20:30-05": datetime(2024, 3, 1, 16, 20, 30, 0, UTC),
    "2024-03-01T11:20:30-00:00": datetime(2024, 3, 1, 11, 20, 30, 0, UTC),
    "2024-03-01T11:20:30z": datetime(2024, 3, 1, 11, 20, 30, 0, UTC),
    "2024-03-01 11:20:30 UTC": datetime(2024, 3, 1, 11, 20, 30, 0, UTC),
    "2024-03-01T11:20:30": datetime(2024, 3, 1, 11, 20, 30, 0, UTC),
    "2024-03-01T11:20": datetime(2024, 3, 1, 11, 20, 0, 0, UTC),
    "2024-03-01T11:20+02:00": datetime(2024, 3, 1, 9, 20, 0, 0, UTC),
    "2024-02-29T24:00": datetime(2024, 3, 1, 0, 0, 0, 0, UTC),
    "2023-12-31T24:00:00.000+01:00": datetime(2023, 12, 31, 23, 0, 0, 0, UTC),
    "2016-12-31T23:59:60Z": datetime(2017, 1, 1, 0, 0, 0, 0, UTC),
    "2024-03-01": datetime(2024, 3, 1, 0, 0, 0, 0, UTC),
    "0001-01-01": datetime(1, 1, 1, 0, 0, 0, 0, UTC),
    "0001-01-01T00:00:00-14:00": datetime(1, 1, 1, 14, 0, 0, 0, UTC),
    "9999-12-31": datetime(9999, 12, 31, 0, 0, 0, 0, UTC),
    "9999-12-31T23:59:59.9999999Z": MOST,
    "9999-12-31T24:00": None,
    "9999-12-31T23:59:59-00:01": None,
    "0001-01-01T00:00:00+00:01": None,
    "0000-01-01": None,
    "2023-02-29": None,
    "2024-13-01": None,
    "2024-00-01": None,
    "2024-01-00": None,
    "2024-03-01T24:00:01": None,
    "2024-03-01T25:00": None,
    "2024-03-01T10:60": None,
    "2024-03-01T10:20:61Z": None,
    "2024-03-01T10:20:30+24:00": None,
    "2024-03-01T10:20:30+01:60": None,
    "2024-03-01T10:20:30.Z": None,
    "2024-03-01T": None,
    "2024-03-01\n": None,
    " 2024-03-01": None,
    "20240301": None,
    "२०२४-०३-०१": None,
    "": None,
    "unknown": None,
}
IN_SIX = [text for text, time in FORMS.items() if time]


def column(values: Sequence[str | None], *, chunks: int = 1) -> pa.ChunkedArray:
    size = -(-len(values) // chunks) or 1
    parts = [pa.array(values[at : at + size], pa.string()) for at in range(0, len(values), size)]
    return pa.chunked_array(parts, pa.string())


@pytest.mark.parametrize("text", FORMS)
def test_every_form_means_its_instant_and_what_is_none_is_none(text: str) -> None:
    for form in (FULL, PARTIAL):
        assert form(column([text])).to_pylist() == [FORMS[text]]


@given(st.lists(st.sampled_from([None, *FORMS]), max_size=12), st.integers(1, 4))
def test_the_values_beside_it_change_nothing(values: list[str | None], chunks: int) -> None:
    found = PARTIAL(column(values, chunks=chunks))
    assert found.type == INSTANT
    assert found.to_pylist() == [None if text is None else FORMS[text] for text in values]


@pytest.mark.parametrize(("text", "start"), [("1970-03", "1970-03-01"), ("1970", "1970-01-01")])
def test_a_part_of_a_date_is_its_start_where_dates_are_expected(text: str, start: str) -> None:
    assert PARTIAL(column([text])).to_pylist() == [datetime.fromisoformat(start).replace(tzinfo=UTC)]
    assert FULL(column([text])).to_pylist() == [None]


ZONES = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(
    lambda delta: timezone(timedelta(minutes=delta // timedelta(minutes=1)))
)
TIMES = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001 - given


@given(st.lists(TIMES, min_size=1, max_size=8), st.sampled_from(["T", " "]))
def test_what_python_writes_is_read_back_equal(times: list[datetime], divider: str) -> None:
    found = FULL(column([time.isoformat(divider) for time in times])).to_pylist()
    assert found == [time.astimezone(UTC) for time in times]


def loaded(folder: Path, *files: list[dict[str, Any]], **options: Any) -> Results:
    for number, rows in enumerate(files):
        text = "\n".join(map(json.dumps, rows))
        (folder / f"Observation-{number:05d}-of-{len(files):05d}.ndjson").write_text(text)
    return read(folder, parse_dates=True, **options)


SEVEN = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"lastUpdated": "2024-03-01T10:20:30.1234567+00:00"},
    "issued": "2024-03-01T11:20:30.1234567+01:00",
}
NOW = datetime(2024, 3, 1, 10, 20, 30, 123456, UTC)


def test_seven_digits_of_a_second_are_an_instant_everywhere(tmp_path: Path) -> None:
    results = loaded(tmp_path, [SEVEN])
    assert results["Observation"]["issued"].tolist() == [NOW]
    assert results["Observation"]["meta.lastUpdated"].tolist() == [NOW]
    assert results.dask("Observation").compute()["issued"].tolist() == [NOW]
    results.to_parquet(tmp_path / "pq")
    assert pq.read_table(tmp_path / "pq" / "Observation")["issued"].to_pylist() == [NOW]
    view = {
        "resource": "Observation",
        "select": [{"column": [{"name": "at", "path": "issued", "type": "instant"}]}],
    }
    assert results.view(view)["at"].tolist() == [NOW]
    assert results.unparsed_dates.empty


def test_columns_that_fhir_does_not_know_are_times_where_all_values_are(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"event_ts": "2024-03-01 10:20:30 UTC", "day": "2024-03-01", "note": "2024-03-01", "year": "2024"},
        {"event_ts": None, "day": None, "note": "seen", "year": "2025"},
    ]
    results = loaded(tmp_path, rows)
    table = results.arrow("Observation")
    assert table["event_ts"].to_pylist() == [datetime(2024, 3, 1, 10, 20, 30, 0, UTC), None]
    assert table["day"].type == INSTANT
    assert (table["note"].to_pylist(), table["year"].to_pylist()) == (
        ["2024-03-01", "seen"],
        ["2024", "2025"],
    )


def test_a_later_file_makes_a_column_text_again(tmp_path: Path) -> None:
    days = [[{"day": "2024-03-01"}], [{"day": "2024-03-02"}, {"day": "2024-03-03"}], [{"day": "soon"}]]
    results = loaded(tmp_path, *days)
    with pytest.warns(
        UnparsedDatesWarning, match=r"the first one Observation\.day, of which 1 value is no date"
    ):
        table = results.arrow("Observation")
    assert table["day"].to_pylist() == ["2024-03-01", "2024-03-02", "2024-03-03", "soon"]
    assert results.unparsed_dates.to_numpy().tolist() == [["Observation.day", 1]]


@pytest.mark.parametrize("way", ["frame", "parquet", "dask", "too large"])
def test_columns_that_stay_text_are_told(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    results = loaded(tmp_path, [{"birthDate": "2023-02-30"}, {"birthDate": "2023-02-03", "id": "x"}])
    if way == "too large":
        monkeypatch.setattr("lro_notebook.results.tables.fits", lambda _: False)
    with pytest.warns(UnparsedDatesWarning, match="stay text") as caught:
        if way == "parquet":
            results.to_parquet(tmp_path / "pq")
        elif way == "dask":
            results.dask("Observation")
        assert results.unparsed_dates.to_numpy().tolist() == [["Observation.birthDate", 1]]
    assert len(caught) == 1
    assert "2023-02-30" not in str(caught[0].message)


def test_without_parse_dates_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "Patient.ndjson").write_text('{"birthDate": "unknown"}')
    assert read(tmp_path).unparsed_dates.empty


PIECES = st.lists(st.lists(st.sampled_from([None, "2024-03-01", "2024", "x"]), max_size=4), max_size=4)


@given(PIECES, st.sampled_from(["birthDate", "other"]))
def test_no_value_is_lost_whatever_the_pieces_are(pieces: list[list[str | None]], name: str) -> None:
    tables = [pa.table({name: pa.array(values, pa.string())}) for values in pieces]
    columns = Columns(times=Times())
    for table in tables:
        columns.add(table)
    columns = pickle.loads(pickle.dumps(columns))  # noqa: S301 - as Dask's workers do
    whole = stack(tables, columns)
    values = [value for piece in pieces for value in piece]
    there = [value for value in values if value is not None]
    if not pieces:
        return
    if whole[name].type == INSTANT:
        assert there
        assert "x" not in there
        assert [value is None for value in whole[name].to_pylist()] == [value is None for value in values]
    else:
        assert whole[name].to_pylist() == values
        assert not there or "x" in there or (name == "other" and "2024" in there)


def test_native_timestamps_of_several_units_keep_their_values() -> None:
    tables = [pa.table({"at": pa.array([1], pa.timestamp(unit))}) for unit in ("ms", "us")]
    assert [time.microsecond for time in stack(tables)["at"].to_pylist()] == [1000, 1]


def test_warnings_are_silenced_with_the_others(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LroWarning)
        assert loaded(tmp_path, [{"date": "?"}])["Observation"]["date"].tolist() == ["?"]


def test_a_view_tells_which_of_its_dates_stay_text(tmp_path: Path) -> None:
    rows = [{"resourceType": "Observation", "issued": text} for text in ("2024-03-01T24:00Z", "soon")]
    column = {"name": "at", "path": "issued", "type": "instant"}
    results = loaded(tmp_path, rows)
    with pytest.warns(UnparsedDatesWarning, match="view Observation that stay text: 1, the first one at, "):
        frame = results.view({"resource": "Observation", "select": [{"column": [column]}]})
    assert frame["at"].tolist() == ["2024-03-01T24:00Z", "soon"]
