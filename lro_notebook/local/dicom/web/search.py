"""DICOMweb search: studies, series and instances, from the metadata of instances. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.dicom import dicom_file
from lro_notebook.local.dicom.dicom_file import first
from lro_notebook.local.dicom.web import levels, matching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lro_notebook.local.dicom.dicom_file import Metadata
    from lro_notebook.local.dicom.web.levels import Level
    from lro_notebook.local.dicom.web.matching import Wanted

_CONTROLS = frozenset({"limit", "offset", "includefield", "fuzzymatching"})
_OF_CLIENTS = frozenset({"alt", "key", "fields", "prettyPrint", "quotaUser"})  # Google's clients add these
#: Default and maximum number of results.
_LIMITS: Mapping[Level, tuple[int, int]] = {
    "studies": (100, 5_000),
    "series": (100, 5_000),
    "instances": (1_000, 50_000),
}


class Search(NamedTuple):
    """A checked search: what it wants, which attributes to show, and which part of the results to return."""

    wanted: tuple[Wanted, ...]
    fields: frozenset[str]
    everything: bool
    limit: int
    offset: int


def search_of(level: Level, parameters: Iterable[tuple[str, str]]) -> Search:
    """Return the search in the query of a request, or raise."""
    default, most = _LIMITS[level]
    controls = {"limit": str(default), "offset": "0", "fuzzymatching": "false"}
    asked, included = [], []
    for name, value in parameters:
        if name == "includefield":
            included += [field.strip() for field in value.split(",") if field.strip()]
        elif name in _CONTROLS:
            controls[name] = value
        elif name not in _OF_CLIENTS:
            asked.append((_tag(name), value))
    limit, offset = (_number(name, controls[name]) for name in ("limit", "offset"))
    if controls["fuzzymatching"].lower() not in ("true", "false"):
        raise invalid_argument("fuzzymatching: expected true or false")
    fuzzy = controls["fuzzymatching"].lower() == "true"
    wanted = tuple(matching.wanted(tag, _representation(tag), text, fuzzy=fuzzy) for tag, text in asked)
    everything = "all" in map(str.lower, included)
    fields = frozenset(_tag(field) for field in included if field.lower() != "all")
    return Search(wanted, fields, everything, min(limit, most), offset)


def results(level: Level, instances: Iterable[Metadata], search: Search) -> list[Metadata]:
    """Return the matches of a level; `instances` must be sorted by their UIDs."""
    matches: list[Metadata] = []
    for _, group in groupby(instances, lambda item: [first(item, tag) for tag in levels.UIDS[level]]):
        items = list(group)
        shown = levels.shown(level, items, search.fields, everything=search.everything)
        # A study can be searched by what its instances have, and by its counts.
        if any(all(one.holds({**item, **shown}) for one in search.wanted) for item in items):
            matches.append(shown)
            if len(matches) == search.offset + search.limit:
                break
    return matches[search.offset : search.offset + search.limit]


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


def _representation(tag: str) -> str:
    """Return the value representation of a tag; ``UN`` of a private one."""
    try:
        found: str = dicom_file.pydicom().datadict.dictionary_VR(int(tag, 16))
    except KeyError:
        return "UN"
    return found


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - fits any list
        raise invalid_argument(f"{name}: expected a number")
    return int(text)
