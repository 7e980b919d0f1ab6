"""What happened, in one long table: the dated rows of the ready views, with the same columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lro_notebook.errors import ConfigError, LroWarning, UnknownKey, warn_caller
from lro_notebook.results.arrow.dates import INSTANT, PARTIAL
from lro_notebook.views.course_chart import Course
from lro_notebook.views.export import scan
from lro_notebook.views.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.results.arrow.batch import Options
    from lro_notebook.results.load_table import MainTable


class Ready(NamedTuple):
    """What of a ready view is an event; of several columns, the first one that has a value counts.

    Attributes
    ----------
    times : tuple of str
        When it happened.
    code : str
        What stands before ``code``, ``system``, ``display`` and ``text``; None where there is no code.
    numbers : tuple of str
        Its numbers.
    unit : str
        Their unit.
    words : tuple of str
        Its values that are no numbers.
    text : str
        What is said of it where there is no code.
    once : bool
        Whether only the first row of a resource is an event.
    """

    times: tuple[str, ...]
    code: str | None = ""
    numbers: tuple[str, ...] = ()
    unit: str = ""
    words: tuple[str, ...] = ()
    text: str = ""
    once: bool = False


#: Ready view -> what of it is an event.
READY: dict[str, Ready] = {
    "AllergyIntolerance": Ready(("onset", "recorded_date"), words=("criticality",), once=True),
    "CarePlan": Ready(("start", "created"), "category_", words=("title",)),
    "Claim": Ready(
        ("serviced", "serviced_start", "billable_start", "created"), "product_", ("net",), "currency"
    ),
    "Condition": Ready(("onset", "recorded_date"), words=("clinical_status",)),
    "DiagnosticReport": Ready(("effective", "effective_start", "issued"), words=("conclusion",)),
    "DocumentReference": Ready(("date", "context_start"), "type_", words=("description",), once=True),
    "Encounter": Ready(("start",), "type_", words=("reason_display",)),
    "ExplanationOfBenefit": Ready(
        ("serviced", "serviced_start", "billable_start", "created"), "product_", ("net",), "currency"
    ),
    "Immunization": Ready(("occurrence",), "vaccine_", ("dose",), "dose_unit"),
    "MedicationRequest": Ready(("authored_on",), "medication_", ("dose",), "dose_unit", ("dosage_text",)),
    "Observation": Ready(
        ("effective", "effective_start", "issued"),
        numbers=("value", "value_integer"),
        unit="unit",
        words=("value_display", "value_code", "value_string", "value_boolean", "value_date_time"),
    ),
    "Patient": Ready(("deceased_date_time",), None, text="Death"),
    "Procedure": Ready(("performed", "performed_start"), words=("outcome_display",)),
    "Specimen": Ready(("collected", "collected_start", "received"), "type_", ("quantity",), "unit"),
}

SCHEMA = pa.schema(
    [
        ("time", INSTANT),
        *((name, pa.string()) for name in ("patient", "table", "id", "code", "system", "text")),
        ("value", pa.float64()),
        *((name, pa.string()) for name in ("unit", "value_text")),
    ]
)
_NAMED = 50  # patients that are named in the condition of a view
_PATIENTS = {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}]}
_ID = re.compile(r"(?:Patient/)?([A-Za-z0-9.\-_]{1,128})", re.ASCII)


class Events(pd.DataFrame):
    """A frame of events: ``.plot()`` draws the course of one patient; all else is as of any frame."""

    @property
    def _constructor(self) -> type[Events]:
        return Events

    def _constructor_from_mgr(self, mgr: Any, axes: Any) -> Events:
        # As pandas 2.3 and 3 have it: pandas 2.2 gives the blocks themselves to `_constructor`, and warns.
        return Events(pd.DataFrame._from_mgr(mgr, axes=axes))  # type: ignore[attr-defined]  # noqa: SLF001

    @property
    def plot(self) -> Course:
        """Draw: ``.plot()`` the course of one patient; with arguments, what pandas draws."""
        return Course(self)


def events(
    tables: Mapping[str, MainTable],
    options: Options,
    patient: str | Sequence[str] | None,
    names: Sequence[str] | None,
) -> Events:
    """Return the events in `tables`, of some patients or all, by patient and time."""
    wanted = _wanted(names)
    patients = [patient] if isinstance(patient, str) else patient
    ids = None if patients is None else list(dict.fromkeys(map(_id, patients)))
    plain = options.dated(parse_dates=False)
    parts, undated = [], {}
    seen: set[str] = set()
    for name in wanted:
        frame = scan(_of_patients(View(name), ids), tables, plain).to_pandas()
        if frame.empty:
            continue
        part = _events(name, READY[name], pa.Table.from_pandas(frame, preserve_index=False))
        if ids is not None:
            part = part.filter(pc.is_in(part["patient"], pa.array(ids, pa.string())))
            seen.update(part["patient"].unique().drop_null().to_pylist())
        dated = part.filter(part["time"].is_valid())
        if dated.num_rows < part.num_rows and READY[name].code is not None:
            undated[name] = part.num_rows - dated.num_rows
        parts.append(dated)
    if ids is not None:
        _check_there([one for one in ids if one not in seen], len(ids), tables, plain)
    order = [(name, "ascending") for name in ("patient", "time", "table", "id")]
    table = pa.concat_tables([SCHEMA.empty_table(), *parts]).sort_by(order)
    found = Events(table.to_pandas(types_mapper=pd.ArrowDtype))
    found.attrs["undated"] = undated
    return found


def _wanted(names: Sequence[str] | None) -> Sequence[str]:
    unknown = [name for name in names or () if name not in READY]
    if unknown:
        raise ConfigError(f"there are no events of {unknown[0]!r}; there are those of {', '.join(READY)}")
    return list(READY) if names is None else names


def _id(patient: str) -> str:
    """Return the id of a patient, given as such or as a reference."""
    match = _ID.fullmatch(patient)
    if match is None:
        raise ConfigError("patient= is the id of a patient, or several: letters, digits, hyphens and dots")
    return match[1]


def _path_to_patient(view: View) -> str:
    column = "id" if view.resource == "Patient" else "patient_id"
    return next(part.path for part in view.definition.columns if part.name == column)


def _of_patients(view: View, ids: Sequence[str] | None) -> View:
    """Return the view of the resources of some patients only; of all for many, which a path cannot name."""
    if ids is None or len(ids) > _NAMED:
        return view
    path = _path_to_patient(view)
    told = [f"({path} = '{one}')" for one in ids]
    return View({**view.to_dict(), "where": [{"path": " or ".join(told) or "false"}]})


def _check_there(missing: Sequence[str], asked: int, tables: Mapping[str, MainTable], plain: Options) -> None:
    """Say so where patients that were asked for are not there at all.

    Raises
    ------
    KeyError
        There is a table of patients, and none of those that were asked for is in any table.
    """
    if not missing:
        return
    known = set(scan(_of_patients(View(_PATIENTS), missing), tables, plain).to_pandas()["id"])
    unknown = len({one for one in missing if one not in known})
    if not unknown:
        return
    if "Patient" in tables and unknown == asked:
        raise UnknownKey(
            "none of the patients asked for is in any table; results['Patient']['id'] lists those there are"
        )
    warn_caller(f"{unknown:,} of {asked:,} patients asked for are in no table", LroWarning)


def _events(name: str, ready: Ready, view: pa.Table) -> pa.Table:
    if ready.once:
        view = _first_rows(view)
    code = {part: f"{ready.code}{part}" for part in ("code", "system", "text", "display")}
    columns = {
        "time": _first(view, ready.times, INSTANT),
        "patient": view["patient_id" if "patient_id" in view.column_names else "id"],
        "table": pa.array([name] * view.num_rows, pa.string()),
        "id": view["id"],
        "code": _first(view, (code["code"],), pa.string()),
        "system": _first(view, (code["system"],), pa.string()),
        "text": _first(view, (code["text"], code["display"]), pa.string()),
        "value": _first(view, ready.numbers, pa.float64()),
        "unit": _first(view, (ready.unit,), pa.string()),
        "value_text": _first(view, ready.words, pa.string()),
    }
    if ready.text:
        columns["text"] = pa.array([ready.text] * view.num_rows, pa.string())
    return pa.table(columns).cast(SCHEMA)


def _first_rows(view: pa.Table) -> pa.Table:
    """Return the first row of each resource."""
    rows = pa.table({"id": view["id"], "row": pa.array(range(view.num_rows))})
    return view.take(rows.group_by("id").aggregate([("row", "min")])["row_min"].combine_chunks().sort())


def _first(view: pa.Table, names: Sequence[str], dtype: pa.DataType) -> pa.ChunkedArray:
    """Return the first value of each row in the columns `names`, of those that are there."""
    columns = [_as(view[name], dtype) for name in names if name in view.column_names]
    return pc.coalesce(*columns) if columns else pa.chunked_array([pa.nulls(view.num_rows, dtype)])


def _as(column: pa.ChunkedArray, dtype: pa.DataType) -> pa.ChunkedArray:
    if dtype == INSTANT:
        return pa.chunked_array([PARTIAL(column.cast(pa.string()))])
    return column.cast(dtype)
