"""What the names of fields do not tell: the few kinds of metadata whose fields mean something else.

Each is told by its ``@type``, or where that is missing by its fields, and is rewritten into names that say
what they mean. Pure. A new entry needs the page of the API's reference that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lro_notebook.resource import parse_int64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Fields = dict[str, Any]  # a JSON object


class Quirk(NamedTuple):
    """One kind of metadata: its ``@type``, its fields where that is missing, and what they mean."""

    type_part: str
    has_fields: Callable[[Fields], bool]
    rename: Mapping[str, str]
    scale: float = 1.0

    def renamed(self, name: str, value: object) -> tuple[str, object]:
        """Return a field as it should be called."""
        if name not in self.rename:
            return name, value
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return self.rename[name], value * self.scale if is_number else value  # type: ignore[operator]  # a number


def _all_processed(fields: Fields) -> bool:
    """Tell whether ``totalCount`` is the sum of what succeeded and failed, in metadata that has no state."""
    success, failure = (parse_int64(fields.get(name)) for name in ("successCount", "failureCount"))
    total = parse_int64(fields.get("totalCount"))
    stateless = not any(name in fields for name in ("state", "endTime", "stateDescription"))
    return stateless and total is not None and total == (success or 0) + (failure or 0)


QUIRKS = (
    # earthengine/reference/rest/v1/projects.operations: progress is "a fraction in the range [0.0, 1.0]"
    Quirk(
        "google.earthengine.",
        lambda fields: "destinationUris" in fields or "batchEecuUsageSeconds" in fields,
        {"progress": "progressPercent"},
        scale=100.0,
    ),
    # generative-ai-app-builder, ImportDocumentsMetadata: "total count of entries that were processed"
    Quirk("google.cloud.discoveryengine.", _all_processed, {"totalCount": "processedCount"}),
    # speech-to-text, LongRunningRecognizeMetadata: startTime is "time when the request was received"
    Quirk("google.cloud.speech.", lambda fields: "lastUpdateTime" in fields, {"startTime": "requestTime"}),
    # spanner, CreateInstanceMetadata: startTime is "the time at which the request was received"
    Quirk(
        "google.spanner.admin.instance.",
        lambda fields: any(
            name in fields for name in ("instance", "instancePartition", "expectedFulfillmentPeriod")
        ),
        {"startTime": "requestTime"},
    ),
)


def plain(metadata: Fields) -> Fields:
    """Return the metadata with fields that say what they mean; the same object where they do."""
    kind = metadata.get("@type")
    for quirk in QUIRKS:
        if not quirk.rename.keys() & metadata.keys():
            continue
        if quirk.type_part in kind if isinstance(kind, str) else quirk.has_fields(metadata):
            return dict(quirk.renamed(name, value) for name, value in metadata.items())
    return metadata
