"""Documents of Google's APIs that are known by their fields: what their rows and their tables are.

Each follows the message that the API writes, in the form that protobuf gives JSON. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lro_notebook.results.arrow.encodings import utf8_of
from lro_notebook.results.arrow.json_structure import BLANKS, marks
from lro_notebook.results.formats.json.members import members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lro_notebook.results.formats.json.members import Member

_TYPE = re.compile(rb'"[A-Z][A-Za-z]{1,63}"')


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of documents.

    Attributes
    ----------
    name : str
        What its table is called.
    lists : frozenset of str
        The list whose elements are the rows, under any of its names; none where a document is a row.
    fields : frozenset of str
        The other fields; a document that has more is of another kind.
    parts : frozenset of str
        An element of the list, or of the first list of objects in the document, has at least one of these.
    sure : frozenset of str
        Fields that tell the kind where there is no element.
    """

    name: str
    lists: frozenset[str]
    fields: frozenset[str]
    parts: frozenset[str]
    sure: frozenset[str]

    def fits(self, found: Sequence[Member]) -> bool:
        """Tell whether an object with these fields, of which there may be more, is of this kind."""
        keys = {member.key for member in found}
        if not keys <= self.fields | self.lists:
            return False
        first = next(
            (m for m in found if m.holds_objects and (not self.lists or m.key in self.lists)),
            None,
        )
        if first is not None:
            inner = members(first.text[1:].lstrip(BLANKS)) or ()
            return any(part.key in self.parts for part in inner) or bool(keys & self.sure - self.lists)
        return bool(keys & self.sure)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KINDS = (
    # BatchAnnotateImagesResponse and AnnotateFileResponse of Cloud Vision: output-1-to-2.json
    # https://cloud.google.com/vision/docs/reference/rest/v1/AnnotateFileResponse
    Kind(
        "annotations",
        _words("responses"),
        _words("inputConfig totalPages"),
        _words(
            "faceAnnotations landmarkAnnotations logoAnnotations labelAnnotations localizedObjectAnnotations"
            " textAnnotations fullTextAnnotation safeSearchAnnotation imagePropertiesAnnotation"
            " cropHintsAnnotation productSearchResults webDetection error context"
        ),
        _words("responses"),
    ),
    # AnnotateVideoResponse of Video Intelligence; written to outputUri with names of either style
    # https://cloud.google.com/video-intelligence/docs/reference/rest/v1/AnnotateVideoResponse
    Kind(
        "annotations",
        _words("annotationResults annotation_results"),
        frozenset(),
        _words(
            "inputUri segment segmentLabelAnnotations segmentPresenceLabelAnnotations shotLabelAnnotations"
            " shotPresenceLabelAnnotations frameLabelAnnotations faceDetectionAnnotations shotAnnotations"
            " personDetectionAnnotations explicitAnnotation speechTranscriptions textAnnotations"
            " objectAnnotations logoRecognitionAnnotations error input_uri segment_label_annotations"
            " segment_presence_label_annotations shot_label_annotations shot_presence_label_annotations"
            " frame_label_annotations face_detection_annotations shot_annotations"
            " person_detection_annotations explicit_annotation speech_transcriptions text_annotations"
            " object_annotations logo_recognition_annotations"
        ),
        _words("annotationResults annotation_results"),
    ),
    # LongRunningRecognizeResponse of Speech-to-Text v1, BatchRecognizeResults of v2
    # https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/longrunningrecognize
    # https://cloud.google.com/speech-to-text/v2/docs/reference/rest/v2/BatchRecognizeResults
    Kind(
        "transcripts",
        _words("results"),
        _words(
            "totalBilledTime outputConfig outputError speechAdaptationInfo requestId usingLegacyModels"
            " metadata"
        ),
        _words("alternatives channelTag resultEndTime resultEndOffset languageCode"),
        _words("totalBilledTime speechAdaptationInfo"),
    ),
    # Document of Document AI: a shard of a document, of which some fields may be left out by a field mask
    # https://cloud.google.com/document-ai/docs/reference/rest/v1/Document
    Kind(
        "documents",
        frozenset(),
        _words(
            "docid uri content mimeType text textStyles pages entities entityRelations textChanges shardInfo"
            " error revisions documentLayout chunkedDocument blobAssets entityValidationOutput"
            " entitiesRevisions entitiesRevisionId"
        ),
        _words(
            "pageNumber image transforms dimension layout detectedLanguages blocks paragraphs lines tokens"
            " visualElements tables formFields symbols detectedBarcodes imageQualityScores provenance"
            " textAnchor type mentionText mentionId confidence pageAnchor normalizedValue properties redacted"
        ),
        _words("shardInfo mimeType documentLayout chunkedDocument entityRelations textChanges"),
    ),
)


def kind_of(start: bytes) -> Kind | None:
    """Return the kind of the document that begins so, None where it is of none that is known."""
    found = members(utf8_of(start).lstrip(BLANKS)) or ()
    return next((kind for kind in KINDS if found and kind.fits(found)), None)


def name_hint(start: bytes) -> str | None:
    """Return what a table of documents that begin so is called; None where that is not known."""
    kind = kind_of(start)
    return kind.name if kind else None


def is_manifest(name: str, start: bytes) -> bool:
    """Tell whether a JSON text says which files a job wrote, as the manifest of an export does."""
    if name.lower() == "manifest.json":
        return True
    keys = {member.key for member in members(utf8_of(start).lstrip(BLANKS)) or ()}
    return "transactionTime" in keys and not keys.isdisjoint(("output", "request"))


def is_fhir(start: bytes) -> bool:
    """Tell whether a JSON text begins with a FHIR resource: alone, in lines, in a list, or in a Bundle."""
    return resource_type(start) is not None


def resource_type(start: bytes) -> str | None:
    """Return the type of the FHIR resource with which a JSON text begins; None if that is none.

    A file whose first type is ``Bundle`` may hold the resources in ``entry[].resource``.
    """
    text = utf8_of(start).lstrip(BLANKS).removeprefix(b"[").lstrip(BLANKS)
    found = members(text, marks(text)) or ()
    for member in found:
        if member.key == "resourceType":
            return member.text[1:-1].decode() if _TYPE.fullmatch(member.text) else None
    return "Bundle" if any(map(_has_resources, found)) else None


def _has_resources(member: Member) -> bool:
    """Tell whether a field that is cut off has the entries of a Bundle, which says its type behind them."""
    if member.whole or member.key != "entry" or not member.holds_objects:
        return False
    entry = members(member.text[1:].lstrip(BLANKS)) or ()
    return any(part.key == "resource" and resource_type(part.text) is not None for part in entry)
