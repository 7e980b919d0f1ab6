"""``gs://`` addresses as folders: one folder per bucket, objects are the files in it.

Nothing outside the buckets folder is ever read or written, and a bucket is never made silently.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.globs import Glob
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import invalid, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

#: Bucket that the service fills with synthetic data.
SAMPLE_BUCKET = "lro-sample"
#: Bucket that is there to be written to.
OUTPUT_BUCKET = "demo-out"
#: Folder, beside the buckets, of files that are being written.
PARTIAL = ".partial"

_URI = re.compile(r"gs://([^/]*)(?:/(.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", re.ASCII)
_WILDCARD = re.compile(r"[*?]")
#: Bytes of an object's name, and of each part of it: the limits of Cloud Storage and of file systems.
_NAME_MAX, _PART_MAX = 1024, 255
#: Left-out files that are remembered, so that each is logged once.
_TOLD_MAX = 10_000
_DEEP = re.compile(r"(?:[^*?]*/)?[^*?/]*\*\*(?:\.[^*?/]+)?")


class Location(NamedTuple):
    """A parsed ``gs://`` address: `path` is the object name, a prefix or a pattern, no slash at its ends."""

    bucket: str
    path: str

    @property
    def uri(self) -> str:
        """The address as text."""
        return f"gs://{self.bucket}/{self.path}"


class Found(NamedTuple):
    """What a pattern names, sorted: ``(uri, file)`` of the objects, ``(uri, why)`` of what is none."""

    objects: list[tuple[str, Path]]
    left_out: list[tuple[str, str]]


def parse(uri: object, *, field: str) -> Location:
    """Return the parts of a ``gs://`` address; `field` is what the request calls it."""
    match = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if match is None:
        raise invalid(f"{field}: expected an address such as gs://bucket/folder")
    bucket, path = match.group(1), match.group(2) or ""
    if _BUCKET.fullmatch(bucket) is None:
        raise invalid(
            f"{field}: {bucket[:80]!r} is no bucket name; use 3 to 63 small letters, digits, '.', '_' or '-'"
        )
    path = path.rstrip("/")
    if path and any(_is_unsafe(segment) for segment in path.split("/")):
        raise invalid(
            f"{field}: the path {path[:200]!r} has an empty, '.' or '..' part, or a control character"
        )
    lengths = [len(part.encode(errors="replace")) for part in path.split("/")]
    if sum(lengths) + len(lengths) - 1 > _NAME_MAX or max(lengths) > _PART_MAX:
        raise invalid(
            f"{field}: {path[:80]!r}… is too long; a name has at most {_NAME_MAX} bytes, "
            f"each part between slashes at most {_PART_MAX}"
        )
    return Location(bucket, path)


def parse_pattern(uri: object, *, field: str) -> Location:
    """Return the parts of a ``gs://`` address that may hold wildcards in its path."""
    location = parse(uri, field=field)
    if not location.path:
        raise invalid(f"{field}: name objects in the bucket, such as gs://{location.bucket}/**")
    if "**" in location.path and _DEEP.fullmatch(location.path) is None:
        raise invalid(
            f"{field}: '**' stands at the end of the path, or before a file extension as in '**.ndjson', "
            "and is then the only wildcard"
        )
    return location


class Buckets:
    """The folder of all buckets.

    Parameters
    ----------
    root : Path
        Made where it does not exist, with the two buckets that are there from the start.

    Attributes
    ----------
    sample_ready : threading.Event
        Set once the sample bucket has its final content.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.partial = self.root / PARTIAL
        self.sample_ready = threading.Event()
        self._told: set[str] = set()
        self.make()

    def make(self) -> None:
        """Make the buckets that are there from the start, where they are missing."""
        for name in (SAMPLE_BUCKET, OUTPUT_BUCKET, PARTIAL):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def check(self, location: Location, *, field: str) -> None:
        """Refuse an address whose folder leads out of the buckets folder through a link."""
        literal = _WILDCARD.split(location.path, maxsplit=1)[0]
        if not self._holds(self.root / location.bucket / literal):
            raise invalid(f"{field}: {location.uri} leads out of the buckets folder")

    def folder(self, bucket: str) -> Path:
        """Return the folder of a bucket that must exist."""
        folder = self.root / bucket
        if not folder.is_dir():
            raise missing(f"bucket {bucket} does not exist; create the folder {folder}")
        return folder

    def names(self) -> list[str]:
        """Return the names of the buckets, sorted."""
        return sorted(
            item.name for item in self.root.iterdir() if item.is_dir() and _BUCKET.fullmatch(item.name)
        )

    def objects(self, bucket: str, prefix: str) -> list[tuple[str, Path]]:
        """Return name and file of the objects of a bucket whose names start with `prefix`, sorted."""
        folder = self.folder(bucket)
        if any(_is_unsafe(part) for part in prefix.rstrip("/").split("/") if prefix):
            return []
        names = self._walk(folder, prefix.rpartition("/")[0], [])
        found = self._sorted_out(bucket, [name for name in names if name.startswith(prefix)], [])
        return [(uri.removeprefix(f"gs://{bucket}/"), path) for uri, path in found.objects]

    def match(self, location: Location) -> list[tuple[str, Path]]:
        """Return ``(uri, file)`` of the objects that a pattern names, sorted; the rest is logged."""
        return self.survey(location).objects

    def survey(self, location: Location) -> Found:
        """Return the objects that a pattern names, and what it names that is none.

        Files and folders whose name starts with a dot are found only by their full name, since file
        managers and editors leave such files behind.
        """
        bucket = self.folder(location.bucket)
        unread: list[OSError] = []
        if _WILDCARD.search(location.path):
            glob = Glob(location.path)
            names = self._objects(bucket, location.path, unread)
            found = [name for name in names if glob.matches(name)]
        else:
            found = [location.path] if os.path.lexists(bucket / location.path) else []
        sorted_out = self._sorted_out(location.bucket, found, unread)
        self._tell(sorted_out.left_out)
        if not sorted_out.objects:
            raise missing(
                f"no object matches {location.uri}; the bucket is the folder {bucket}, "
                f"gs://{location.bucket}/** names all that is in it{_left_out(sorted_out.left_out)}"
            )
        return sorted_out

    def _sorted_out(self, bucket: str, names: list[str], unread: list[OSError]) -> Found:
        """Tell objects from what is none."""
        folder, found = self.root / bucket, Found([], [])
        for error in unread:
            place = os.path.relpath(os.fsdecode(error.filename or folder), folder)
            uri = f"gs://{bucket}/{objects.shown(place)}/"
            found.left_out.append((uri, f"the folder cannot be listed: {error.strerror}"))
        for name in sorted(names):
            parse_error = objects.flaw_of(str(folder / name), str(self.root))
            if parse_error is None:
                found.objects.append((f"gs://{bucket}/{name}", folder / name))
            else:
                found.left_out.append((f"gs://{bucket}/{objects.shown(name)}", parse_error))
        return found

    def _tell(self, left_out: list[tuple[str, str]]) -> None:
        """Log what an operation has left out, each file once."""
        for uri, why in left_out:
            if uri not in self._told and len(self._told) < _TOLD_MAX:
                self._told.add(uri)
                logger.warning("%s is left out: %s", uri, why)

    def _objects(self, bucket: Path, pattern: str, unread: list[OSError]) -> Iterator[str]:
        """Yield the names of the files under the fixed folders of `pattern`."""
        return self._walk(bucket, _WILDCARD.split(pattern, maxsplit=1)[0].rpartition("/")[0], unread)

    def _walk(self, bucket: Path, fixed: str, unread: list[OSError]) -> Iterator[str]:
        """Yield the names of the files under a folder of a bucket; note folders that cannot be listed."""
        for folder, folders, files in os.walk(bucket / fixed, onerror=unread.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = bucket.joinpath(folder)
            for name in files:
                if not name.startswith("."):
                    yield (base / name).relative_to(bucket).as_posix()

    def _holds(self, path: Path) -> bool:
        return objects.is_below(str(path), str(self.root))


def _left_out(left_out: list[tuple[str, str]]) -> str:
    """Return what a message says of the files that a pattern names and that are no objects."""
    if not left_out:
        return ""
    (uri, why), more = left_out[0], len(left_out) - 1
    return f"; {uri[:300]} is none: {why}" + (f" (and {more} more)" if more else "")


def _is_unsafe(segment: str) -> bool:
    return (
        segment in {"", ".", ".."}
        or "\\" in segment
        or any(ord(character) < ord(" ") for character in segment)
    )
