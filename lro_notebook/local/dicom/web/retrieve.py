"""Routes that retrieve: studies, series and instances as files, their metadata, frames and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from lro_notebook.local.core.service_errors import invalid_argument, not_found
from lro_notebook.local.dicom import dicom_file, rows
from lro_notebook.local.dicom.request_target import data_of, part_not_found, part_of
from lro_notebook.local.dicom.web import accept, frames, rendered, responses
from lro_notebook.local.dicom.web.accept import AS_STORED, DICOM, OCTETS
from lro_notebook.local.http.service import service_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request

    from lro_notebook.local.dicom.rows import Row
    from lro_notebook.local.dicom.web.accept import Media
    from lro_notebook.local.dicom.web.frames import Frames

_WHOLE = (f'multipart/related; type="{DICOM}"', DICOM)
_TAG_LENGTH = 8
_PIXELS = "7FE00010"


def study_or_series(request: Request) -> Response:
    """``retrieveStudy`` and ``retrieveSeries``: a part for each instance."""
    media = next((one for one in _media(request) if one.allows(DICOM) and _is_for_parts(one)), None)
    if media is None:
        raise accept.not_acceptable(request.headers.get("accept"), _WHOLE[:1])
    return responses.parts(DICOM, _files(request, _instances(request), media.syntax))


def instance(request: Request) -> Response:
    """``retrieveInstance``: the file, alone or as the one part of a body."""
    media = next((one for one in _media(request) if one.allows(DICOM)), None)
    if media is None:
        raise accept.not_acceptable(request.headers.get("accept"), _WHOLE)
    pieces = _files(request, _instances(request), media.syntax)
    if media.is_multipart:
        return responses.parts(DICOM, pieces)
    return Response(b"".join(content for _, content in pieces), media_type=DICOM)


def metadata(request: Request) -> Response:
    """``retrieveMetadata`` of a study, a series or an instance."""
    with service_of(request).database.read() as connection:
        part = part_of(request, connection)
        instances = list(rows.metadata(connection, part.store.key, part.scope))
    if not instances:
        raise part_not_found(part)
    return responses.several(request, instances)


def some_frames(request: Request) -> Response:
    """``retrieveFrames``: as they are stored, or decoded."""
    source, numbers = _frames(request)
    for media in _media(request):
        if (
            source.is_compressed
            and media.allows(source.media)
            and media.syntax in ("", AS_STORED, source.syntax)
        ):
            read = frames.stored
            # Whoever takes anything gets what any program reads, as the default of the documents has it.
            if media.kind == accept.ANY and media.syntax == "":
                read = frames.decoded
        elif media.allows(OCTETS) and media.syntax in ("", frames.PLAIN):
            read = frames.decoded
        elif media.allows(OCTETS) and media.syntax in (AS_STORED, source.syntax):
            read = frames.stored
        else:
            continue
        kind = source.media if read is frames.stored else OCTETS
        return _answered(media, kind, (read(source, number) for number in numbers), len(numbers))
    raise accept.not_acceptable(
        request.headers.get("accept"),
        (
            f'multipart/related; type="{OCTETS}"',
            f'multipart/related; type="{source.media}"; transfer-syntax=*',
        ),
    )


def pictures(request: Request) -> Response:
    """``retrieveRendered`` of an instance or of frames: JPEG or PNG."""
    unknown = set(request.query_params) - {"viewport", "accept", "alt", "key", "prettyPrint", "quotaUser"}
    if unknown:
        raise invalid_argument(f"{min(unknown)[:80]}: the local service renders with viewport alone; drop it")
    viewport = rendered.viewport_of(request.query_params.get("viewport"))
    source, numbers = _frames(request)
    for media in _media(request):
        kind = next((one for one in rendered.FORMATS if media.allows(one)), None)
        if kind is not None:
            made = (rendered.picture(source, number, kind, viewport) for number in numbers)
            return _answered(media, kind, made, len(numbers))
    raise accept.not_acceptable(request.headers.get("accept"), tuple(rendered.FORMATS))


def bulk_data(request: Request) -> Response:
    """``retrieveBulkdata``: the bytes of an attribute, named by its tag; those of pixels are decoded."""
    words = request.path_params["path"].strip("/").split("/")
    data = data_of(request)
    try:
        value = _pixels(data) if words == [_PIXELS] else _value_at(dicom_file.open_file(data), words)
    except dicom_file.ParseError as error:
        raise invalid_argument(str(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        message = "the instance has no such bulk data; name it by its tag, such as bulkdata/7FE00010"
        raise not_found(message) from error
    for media in _media(request):
        if media.allows(OCTETS):
            return _answered(media, OCTETS, iter([value]), 1)
    raise accept.not_acceptable(request.headers.get("accept"), (OCTETS,))


def _media(request: Request) -> list[Media]:
    header = request.query_params.get("accept") or request.headers.get("accept")
    return accept.accepted(header)


def _is_for_parts(media: Media) -> bool:
    return media.is_multipart or media.kind in (accept.ANY, DICOM)


def _instances(request: Request) -> list[Row]:
    with service_of(request).database.read() as connection:
        part = part_of(request, connection)
        found = rows.instances(connection, part.store.key, part.scope)
    if not found:
        raise part_not_found(part)
    return found


def _files(request: Request, instances: Sequence[Row], syntax: str) -> Iterator[tuple[str, bytes]]:
    """Return the files of instances in a transfer syntax; the first is made at once."""
    database = service_of(request).database

    def files() -> Iterator[tuple[str, bytes]]:
        for row in instances:
            with database.read() as connection:
                data = rows.data(connection, row.number)
            if data is not None:  # deleted since they were listed
                yield DICOM, _in_syntax(data, syntax)

    made = files()
    first = next(made, None)
    if syntax not in ("", AS_STORED):
        # A body that has begun cannot become an error, so all are made before it.
        return iter([*([first] if first else []), *made])

    def chained() -> Iterator[tuple[str, bytes]]:
        if first is not None:
            yield first
        yield from made

    return chained()


def _in_syntax(data: bytes, syntax: str) -> bytes:
    if syntax in ("", AS_STORED):
        return data
    if syntax == frames.PLAIN and frames.is_compressed(data):
        return frames.decompressed(data)
    try:
        return dicom_file.converted(data, syntax)
    except dicom_file.ParseError as error:
        header = f"transfer-syntax={syntax}"
        raise accept.not_acceptable(header, ("transfer-syntax=*", frames.PLAIN)) from error


def _frames(request: Request) -> tuple[Frames, list[int]]:
    text = request.path_params.get("frames")
    source = frames.open_frames(data_of(request))
    numbers = frames.all_numbers(source) if text is None else frames.numbers_of(text)
    frames.check_numbers(source, numbers)
    return source, numbers


def _answered(media: Media, kind: str, contents: Iterator[bytes], count: int) -> Response:
    """Return contents in parts, or the only one alone where that is accepted."""
    if media.is_multipart or (count > 1 and media.kind == accept.ANY):
        return responses.parts(kind, [(kind, content) for content in contents])
    if count > 1:
        raise accept.not_acceptable(media.kind, (f'multipart/related; type="{kind}"', "one frame at a time"))
    return Response(next(contents), media_type=kind)


def _pixels(data: bytes) -> bytes:
    source = frames.open_frames(data)
    if not source.is_compressed:
        return bytes(source.file.PixelData)
    frames.check_size(source, source.how_many)
    return b"".join(frames.decoded(source, number) for number in frames.all_numbers(source))


def _value_at(dataset: Any, words: Sequence[str]) -> bytes:
    """Return the bytes of an attribute: ``TAG``, or ``TAG/ITEM/…`` with items that count from 1."""
    for tag, item in zip(words[:-1:2], words[1:-1:2], strict=True):
        dataset = dataset[_number(tag)].value[int(item) - 1]
    value = dataset[_number(words[-1])].value
    if not isinstance(value, bytes):
        raise TypeError(words[-1])
    return value


def _number(tag: str) -> int:
    if len(tag) != _TAG_LENGTH:
        raise ValueError(tag)
    return int(tag, 16)
