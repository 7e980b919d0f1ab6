"""DICOMweb search: studies, series and instances, from the metadata of instances. Pure.

Results have the attributes that PS3.18 (10.6.3) requires; ``includefield=all`` gives instances with all of
theirs.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.dicom_file import INSTANCE, SERIES, STUDY, first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lro_notebook.local.dicom.dicom_file import Metadata

Level = Literal["studies", "series", "instances"]

_MODALITY, _MODALITIES = "00080060", "00080061"
_STUDY_TAGS = (
    "00080020 00080030 00080050 00080090 00081030 00100010 00100020 00100030 00100040 00200010".split()  # noqa: SIM905 - reads better
)
_SERIES_TAGS = "00080060 0008103E 00200011 00400244 00400245".split()  # noqa: SIM905
_INSTANCE_TAGS = "00080016 00200013 00280008 00280010 00280011 00280100".split()  # noqa: SIM905
#: Tags of the counts of series and instances.
_SERIES_OF_STUDY, _INSTANCES_OF_STUDY, _INSTANCES_OF_SERIES = "00201206", "00201208", "00201209"
_CONTROLS = frozenset({"limit", "offset", "includefield", "fuzzymatching"})
#: Default and maximum number of results.
_LIMITS: Mapping[Level, tuple[int, int]] = {
    "studies": (100, 5_000),
    "series": (100, 5_000),
    "instances": (1_000, 50_000),
}


class Search(NamedTuple):
    """A checked search: tags with the values that they must have, and which part of the results to return."""

    wanted: tuple[tuple[str, str], ...]
    everything: bool
    limit: int
    offset: int


def search_of(level: Level, parameters: Iterable[tuple[str, str]]) -> Search:
    """Return the search in the query of a request, or raise."""
    default, most = _LIMITS[level]
    wanted, controls = [], {"limit": str(default), "offset": "0"}
    for name, value in parameters:
        if name in _CONTROLS:
            controls[name] = value
        elif name not in ("alt", "key", "fields", "prettyPrint", "quotaUser"):  # Google's clients add these
            wanted.append((_tag(name), value))
    limit, offset = (_number(name, controls[name]) for name in ("limit", "offset"))
    everything = controls.get("includefield", "").lower() == "all"
    return Search(tuple(wanted), everything, min(limit, most), offset)


def results(level: Level, instances: Iterable[Metadata], search: Search) -> list[Metadata]:
    """Return the matches of a level; `instances` must be sorted by their UIDs."""
    tags = {"studies": [STUDY], "series": [STUDY, SERIES], "instances": [STUDY, SERIES, INSTANCE]}[level]
    show = {"studies": _study, "series": _series, "instances": _instance}[level]
    matches = []
    for _, group in groupby(instances, lambda item: [first(item, tag) for tag in tags]):
        items = list(group)
        shown = show(items)
        # A study can be searched by more attributes than a result has.
        if _matches({**items[0], **shown}, search.wanted):
            matches.append(items[0] if level == "instances" and search.everything else shown)
    return matches[search.offset : search.offset + search.limit]


def _study(items: list[Metadata]) -> Metadata:
    modalities = sorted({str(first(item, _MODALITY)) for item in items if first(item, _MODALITY)})
    series = {first(item, SERIES) for item in items}
    return {
        **_pick(items[0], [*_STUDY_TAGS, STUDY]),
        _MODALITIES: {"vr": "CS", "Value": modalities},
        _SERIES_OF_STUDY: _count(len(series)),
        _INSTANCES_OF_STUDY: _count(len(items)),
    }


def _series(items: list[Metadata]) -> Metadata:
    return {**_pick(items[0], [*_SERIES_TAGS, STUDY, SERIES]), _INSTANCES_OF_SERIES: _count(len(items))}


def _instance(items: list[Metadata]) -> Metadata:
    return _pick(items[0], [*_INSTANCE_TAGS, STUDY, SERIES, INSTANCE])


def _pick(item: Metadata, tags: list[str]) -> Metadata:
    return {tag: item[tag] for tag in tags if tag in item}


def _count(number: int) -> dict[str, Any]:
    return {"vr": "IS", "Value": [number]}


def _matches(item: Metadata, wanted: Iterable[tuple[str, str]]) -> bool:
    return all(text in _texts(item.get(tag, {})) for tag, text in wanted)


def _texts(element: Mapping[str, Any]) -> list[str]:
    """Return the values of an attribute as text; a name in its alphabetic form."""
    values = element.get("Value", ())
    return [str(value.get("Alphabetic", "") if isinstance(value, dict) else value) for value in values]


def _tag(name: str) -> str:
    """Return the tag that a keyword such as PatientID, or eight hexadecimal digits, name."""
    tag = dicom_file.pydicom().datadict.tag_for_keyword(name)
    if tag is not None:
        return f"{tag:08X}"
    try:
        return f"{int(name, 16):08X}" if len(name) == 8 else _no_tag(name)  # noqa: PLR2004 - group and element
    except ValueError:
        return _no_tag(name)


def _no_tag(name: str) -> str:
    raise invalid_argument(
        f"{name[:80]!r} is not a DICOM attribute; search with keywords such as PatientID=123"
    )


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - fits any list
        raise invalid_argument(f"{name}: expected a number")
    return int(text)
