"""What a result of a search shows: the attributes of studies, series and instances. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lro_notebook.local.dicom.dicom_file import INSTANCE, SERIES, STUDY, first

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lro_notebook.local.dicom.dicom_file import Metadata

Level = Literal["studies", "series", "instances"]

#: Level -> the UIDs that name one.
UIDS: Mapping[Level, Sequence[str]] = {
    "studies": (STUDY,),
    "series": (STUDY, SERIES),
    "instances": (STUDY, SERIES, INSTANCE),
}
_MODALITY, _MODALITIES = "00080060", "00080061"
#: Attributes that PS3.18 (10.6.3) requires of a result.
_SHOWN: Mapping[Level, str] = {
    "studies": "00080020 00080030 00080050 00080090 00081030 00100010 00100020 00100030 00100040 00200010",
    "series": "00080060 0008103E 00200011 00400244 00400245",
    "instances": "00080016 00200013 00280008 00280010 00280011 00280100",
}


def _tags(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Further attributes of the study and of the series; those of group 0010 are of the patient.
_OF_STUDY = _tags(
    "00080005 00080020 00080030 00080050 00080090 00080201 00081030 00081032 00081048 00081060 "
    "00200010 00321032 00321060 00380010 "
)
_OF_SERIES = _tags(
    "00080021 00080031 00080060 00080070 00080080 00080081 0008103E 0008103F 00081010 00081040 "
    "00081050 00081070 00081072 00081090 00081111 00180015 00181000 00181020 00181030 00185100 "
    "00200011 00200052 00200060 00201040 00400244 00400245 00400250 00400251 00400253 00400254 "
    "00400260 00400275 "
)
_SERIES_OF_STUDY, _INSTANCES_OF_STUDY, _INSTANCES_OF_SERIES = "00201206", "00201208", "00201209"


def shown(level: Level, items: Sequence[Metadata], fields: Collection[str], *, everything: bool) -> Metadata:
    """Return the result for a study, a series or an instance.

    Parameters
    ----------
    items : sequence
        The metadata of its instances.
    fields : collection of str
        Tags of further attributes; one that differs between the instances is not one of their series.
    everything : bool
        Whether to show all attributes of the level.
    """
    head = items[0]
    if everything and level == "instances":
        return head
    tags = {*_SHOWN[level].split(), *UIDS[level], *fields}
    if everything:
        tags.update(tag for tag in head if _is_of(level, tag))
    result = {
        tag: head[tag]
        for tag in sorted(tags)
        if tag in head and (tag not in fields or all(item.get(tag) == head[tag] for item in items))
    }
    return {**result, **_counts(level, items)}


def _is_of(level: Level, tag: str) -> bool:
    is_of_study = tag.startswith("0010") or tag in _OF_STUDY
    return is_of_study or (level == "series" and tag in _OF_SERIES)


def _counts(level: Level, items: Sequence[Metadata]) -> Metadata:
    if level == "series":
        return {_INSTANCES_OF_SERIES: _count(len(items))}
    if level == "instances":
        return {}
    modalities = sorted({str(first(item, _MODALITY)) for item in items if first(item, _MODALITY)})
    return {
        _MODALITIES: {"vr": "CS", "Value": modalities},
        _SERIES_OF_STUDY: _count(len({first(item, SERIES) for item in items})),
        _INSTANCES_OF_STUDY: _count(len(items)),
    }


def _count(number: int) -> dict[str, Any]:
    return {"vr": "IS", "Value": [number]}
