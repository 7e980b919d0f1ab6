"""``gs://`` addresses as folders: one folder per bucket, objects are the files in it.

Nothing outside the buckets folder is read or written, and no bucket is created implicitly.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook import platforms
from lro_notebook.disk_names import SELF, disk_of
from lro_notebook.globs import Glob
from lro_notebook.local.core import objects
from lro_notebook.local.core.service_errors import invalid_argument, not_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

logger = logging.getLogger(__name__)

#: Bucket that the service fills with synthetic data.
SAMPLE_BUCKET = "lro-sample"
#: Bucket for output.
OUTPUT_BUCKET = "demo-out"
#: Folder, next to the buckets, for unfinished files.
PARTIAL = ".partial"

_URI = re.compile(r"gs://([^/]*)(?:/(.*))?", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", re.ASCII)
_WILDCARD = re.compile(r"[*?]")
#: Bytes in an object name and in each part of it: the limits of Cloud Storage and of file systems.
_NAME_MAX, _PART_MAX = 1024, 255
#: How many buckets a message names.
_NAMED_MAX = 10
#: How many left-out files are remembered, so that each is logged once.
_LOGGED_MAX = 10_000
_DEEP = re.compile(r"(?:[^*?]*/)?[^*?/]*\*\*(?:\.[^*?/]+)?")


class Location(NamedTuple):
    """A parsed ``gs://`` address; `path` is an object name, a prefix or a pattern without outer slashes."""

    bucket: str
    path: str

    @property
    def uri(self) -> str:
        """The address as text."""
        return f"gs://{self.bucket}/{self.path}"

    def below(self, *names: str) -> Location:
        """Return the address of what has these names below this one."""
        return self._replace(path="/".join(filter(None, (self.path, *names))))


class Matches(NamedTuple):
    """What a pattern matches, sorted: ``(uri, file)`` of objects, ``(uri, reason)`` of other files."""

    objects: list[tuple[str, Path]]
    left_out: list[tuple[str, str]]


def parse(uri: object, *, field: str) -> Location:
    """Return the parts of a ``gs://`` address; `field` is what the request calls it."""
    match = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if match is None:
        raise invalid_argument(f"{field}: {str(uri)[:200]!r} is no address such as gs://bucket/folder")
    bucket, path = match.group(1), match.group(2) or ""
    if _BUCKET.fullmatch(bucket) is None:
        raise invalid_argument(
            f"{field}: {bucket[:80]!r} is not a bucket name; use 3 to 63 lower-case letters, digits, '.', "
            "'_' or '-'"
        )
    path = path.rstrip("/")
    if path and any(_is_unsafe(segment) for segment in path.split("/")):
        raise invalid_argument(
            f"{field}: the path {path[:200]!r} has an empty, '.' or '..' part, or a control character"
        )
    lengths = [len(part.encode(errors="replace")) for part in path.split("/")]
    if sum(lengths) + len(lengths) - 1 > _NAME_MAX or max(lengths) > _PART_MAX:
        raise invalid_argument(
            f"{field}: {path[:80]!r}… is too long; a name has at most {_NAME_MAX} bytes, "
            f"each part between slashes at most {_PART_MAX}"
        )
    return Location(bucket, path)


def parse_pattern(uri: object, *, field: str) -> Location:
    """Return the parts of a ``gs://`` address whose path may have wildcards."""
    location = parse(uri, field=field)
    if not location.path:
        raise invalid_argument(f"{field}: name objects in the bucket, such as gs://{location.bucket}/**")
    if "**" in location.path and _DEEP.fullmatch(location.path) is None:
        raise invalid_argument(
            f"{field}: '**' goes at the end of the path or before a file extension, as in '**.ndjson', "
            "and must be the only wildcard"
        )
    return location


class Buckets:
    """The folder of all buckets.

    Parameters
    ----------
    root : Path
        Created if missing, with the two buckets that exist from the start.

    Attributes
    ----------
    root : Path
        Its real path; on Windows one of any length (`platforms.extended`).
    partial : Path
        The folder for unfinished files.
    sample_ready : threading.Event
        Set once the sample bucket has its final content.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(platforms.extended(str(root.resolve())))
        self.partial = self.root / PARTIAL
        self.sample_ready = threading.Event()
        self._logged: set[str] = set()
        self.make()
        self._disk = disk_of(self.root)

    def make(self) -> None:
        """Create the buckets that exist from the start, if missing."""
        for name in (SAMPLE_BUCKET, OUTPUT_BUCKET, PARTIAL):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def check(self, location: Location, *, field: str) -> None:
        """Raise if an address leads out of the buckets folder through a link."""
        literal = _WILDCARD.split(location.path, maxsplit=1)[0]
        if not self._holds(self.path(location._replace(path=literal))):
            raise invalid_argument(f"{field}: {location.uri} leads out of the buckets folder")

    def folder(self, bucket: str) -> Path:
        """Return the folder of a bucket, which must exist."""
        folder = self.root / bucket
        if not folder.is_dir():
            names, shown = self.names(), platforms.shown(str(folder))
            near = difflib.get_close_matches(bucket, names, n=1, cutoff=0.7)
            meant = f"; did you mean gs://{near[0]}?" if near else "."
            raise not_found(
                f"bucket {bucket} does not exist (there are: {', '.join(names[:_NAMED_MAX])}){meant} "
                f"To make it: lro.local.make_bucket({bucket!r}), or the folder {shown}"
            )
        return folder

    def path(self, location: Location) -> Path:
        """Return the file or folder of an address without wildcards: where it is, or where it goes."""
        return self._disk.path(self.root / location.bucket, location.path)

    def destination(self, location: Location) -> Path:
        """Return the folder of an address, whose bucket must exist."""
        self.folder(location.bucket)
        return self.path(location)

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
        found = self._walk(folder, prefix.rpartition("/")[0], [])
        matches = self._sort_out(bucket, (item for item in found if item[0].startswith(prefix)), [])
        return [(uri.removeprefix(f"gs://{bucket}/"), path) for uri, path in matches.objects]

    def match(self, location: Location) -> list[tuple[str, Path]]:
        """Return ``(uri, file)`` of the objects that a pattern matches, sorted; log the rest."""
        return self.survey(location).objects

    def survey(self, location: Location) -> Matches:
        """Return the objects that a pattern matches, and the matching files that are no objects.

        Files and folders whose name starts with a dot match only their full name, since file managers and
        editors leave such files behind.
        """
        bucket = self.folder(location.bucket)
        unread: list[OSError] = []
        if _WILDCARD.search(location.path):
            glob = Glob(location.path)
            found = self._objects(bucket, location.path, unread)
            matching = [(name, path) for name, path in found if glob.matches(name)]
        else:
            folder = self.path(location)
            file = objects.file_of(folder)
            path = file if os.path.lexists(file) else folder
            matching = [(location.path, path)] if os.path.lexists(path) else []
        matches = self._sort_out(location.bucket, matching, unread)
        self._log(matches.left_out)
        if not matches.objects:
            inside = not _WILDCARD.search(location.path) and self.path(location).is_dir()
            raise not_found(
                f"no object matches {location.uri}; the bucket is the folder {platforms.shown(str(bucket))}, "
                f"{location.uri if inside else f'gs://{location.bucket}'}/** matches all "
                f"{'that is in it' if inside else 'its objects'}{_left_out(matches.left_out)}"
            )
        return matches

    def _sort_out(self, bucket: str, found: Iterable[tuple[str, Path]], unread: list[OSError]) -> Matches:
        """Separate objects from other files."""
        folder, matches = self.root / bucket, Matches([], [])
        for error in unread:
            place = os.path.relpath(os.fsdecode(error.filename or folder), folder)
            uri = f"gs://{bucket}/{objects.shown(place)}/"
            is_missing = isinstance(error, FileNotFoundError)
            reason = "there is no such folder" if is_missing else f"it cannot be listed: {error.strerror}"
            matches.left_out.append((uri, reason))
        for name, path in sorted(dict(found).items()):
            unusable = objects.why_unusable(str(path), str(self.root))
            if unusable is None:
                matches.objects.append((f"gs://{bucket}/{name}", path))
            else:
                matches.left_out.append((f"gs://{bucket}/{objects.shown(name)}", unusable))
        return matches

    def _log(self, left_out: list[tuple[str, str]]) -> None:
        """Log the files that an operation leaves out, each once."""
        for uri, reason in left_out:
            if uri not in self._logged and len(self._logged) < _LOGGED_MAX:
                self._logged.add(uri)
                logger.warning("%s is left out: %s", uri, reason)

    def _objects(self, bucket: Path, pattern: str, unread: list[OSError]) -> Iterator[tuple[str, Path]]:
        """Yield names and files under the fixed folders of `pattern`."""
        return self._walk(bucket, _WILDCARD.split(pattern, maxsplit=1)[0].rpartition("/")[0], unread)

    def _walk(self, bucket: Path, fixed: str, unread: list[OSError]) -> Iterator[tuple[str, Path]]:
        """Yield names and files under a folder of a bucket; collect errors of folders in `unread`."""
        for folder, folders, files in os.walk(self._disk.path(bucket, fixed), onerror=unread.append):
            folders[:] = [name for name in folders if not name.startswith(".")]
            base = bucket.joinpath(folder)
            for name in files:
                path = base / name
                if name == SELF and base != bucket:
                    yield self._disk.name(base.relative_to(bucket).as_posix()), path
                elif not name.startswith("."):
                    yield self._disk.name(path.relative_to(bucket).as_posix()), path

    def _holds(self, path: Path) -> bool:
        return objects.is_below(str(path), str(self.root))


def _left_out(left_out: list[tuple[str, str]]) -> str:
    """Return the part of a message about matching files that are no objects."""
    if not left_out:
        return ""
    (uri, reason), more = left_out[0], len(left_out) - 1
    return f"; {uri[:300]} is left out: {reason}" + (f" (and {more} more)" if more else "")


def _is_unsafe(segment: str) -> bool:
    return (
        segment.lower() in {"", ".", "..", SELF}
        or "\\" in segment
        or any(ord(character) < ord(" ") for character in segment)
    )
