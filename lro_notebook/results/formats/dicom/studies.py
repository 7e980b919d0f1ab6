"""The studies and series that instances are of, a row for each, under the names of DICOM's queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lro_notebook.results.table_stream import Stream

_LIST = pd.ArrowDtype(pa.list_(pa.string()))
STUDY, SERIES, INSTANCE = "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"
_OF_STUDIES = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("StudyDescription", "AccessionNumber", "StudyID", "ReferringPhysicianName", "InstitutionName"),
)
_OF_SERIES = (
    *("PatientID", "Modality", "SeriesNumber", "SeriesDate", "SeriesTime", "SeriesDescription"),
    *("BodyPartExamined", "ProtocolName", "Manufacturer", "ManufacturerModelName"),
)


def studies(instances: Stream) -> pd.DataFrame:
    """Return a row for each study: what its instances say first, their modalities, and how many there are."""
    frame = _read(instances, [STUDY, SERIES, INSTANCE, "Modality", *_OF_STUDIES])
    groups = frame.groupby(STUDY, sort=False)
    found = groups[list(_OF_STUDIES)].first()
    modalities = [sorted(set(values.dropna())) for _, values in groups["Modality"]]  # in the order of `found`
    found["ModalitiesInStudy"] = pd.Series(
        pa.array(modalities, pa.list_(pa.string())), index=found.index, dtype=_LIST
    )
    found["NumberOfStudyRelatedSeries"] = groups[SERIES].nunique().astype("int64[pyarrow]")
    found["NumberOfStudyRelatedInstances"] = groups[INSTANCE].nunique().astype("int64[pyarrow]")
    return found.reset_index()


def series(instances: Stream) -> pd.DataFrame:
    """Return a row for each series: what its instances say first, and how many there are."""
    frame = _read(instances, [STUDY, SERIES, INSTANCE, *_OF_SERIES])
    groups = frame.groupby([STUDY, SERIES], sort=False, dropna=False)
    found = groups[list(_OF_SERIES)].first()
    found["NumberOfSeriesRelatedInstances"] = groups[INSTANCE].nunique().astype("int64[pyarrow]")
    return found.reset_index()


def _read(instances: Stream, wanted: Iterable[str]) -> pd.DataFrame:
    """Return some columns of all instances; those that none has are text without values."""
    names = list(dict.fromkeys(wanted))
    there = [name for name in names if name in instances.schema.names]
    kept = pa.schema([instances.schema.field(name) for name in there])
    table = pa.concat_tables([kept.empty_table(), *(piece.select(there) for piece in instances.pieces())])
    for name in names:
        if name not in there:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    frame: pd.DataFrame = table.select(names).to_pandas(types_mapper=pd.ArrowDtype)
    return frame
