"""What is stored: objects as files, and what clients have noted of them in the service's database.

A note belongs to one generation of an object. A file that a user has put in place, or changed, has none.
"""

from __future__ import annotations

import mimetypes
import os
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from lro_notebook.local.core import buckets, objects
from lro_notebook.local.core.service_errors import invalid_argument, not_found
from lro_notebook.local.storage import checksums
from lro_notebook.operations.resource import format_timestamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lro_notebook.local.core.buckets import Buckets, Location
    from lro_notebook.local.http.service import Service
    from lro_notebook.local.storage.resumable_uploads import Sessions

#: Path of the JSON API.
API = "/storage/v1"
#: Fields of an object that a client may set; the service keeps them, and only returns them.
NOTED = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "metadata",
    "storageClass",
)
_LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
#: Bytes of an object up to which its checksums are computed for an answer that has them not noted.
_SUMMED_UNASKED = 64 << 20


@dataclass(slots=True)
class Storage:
    """What the routes of the storage share: the lock of writes, and the unfinished uploads."""

    sessions: Sessions
    writing: threading.Lock = field(default_factory=threading.Lock)


class Stored(NamedTuple):
    """An object as it is now: `note` is what is noted of this generation."""

    bucket: str
    name: str
    path: Path
    size: int
    nanoseconds: int
    note: Mapping[str, Any]

    @property
    def generation(self) -> str:
        """There is one for each time that it was written."""
        return generation_of(self.nanoseconds)

    @property
    def metageneration(self) -> str:
        """How often what is noted of this generation was set."""
        return str(self.note.get("metageneration", "1"))

    @property
    def uri(self) -> str:
        """Its ``gs://`` address."""
        return f"gs://{self.bucket}/{self.name}"


def generation_of(nanoseconds: int) -> str:
    """Return the generation of a file that was changed at this time."""
    return str(nanoseconds // 1000)


def locate(folders: Buckets, bucket: str, name: str) -> tuple[Location, Path]:
    """Return address and file of a possible object; raise if there can be none of this name."""
    location = buckets.parse(f"gs://{bucket}/{name}", field="object")
    folders.folder(location.bucket)
    if not name or location.path != name:
        raise invalid_argument(
            f"object: {name[:200]!r} is empty or ends with '/'; the local service keeps objects as files"
        )
    path = objects.file_of(folders.path(location))
    if not objects.is_below(str(path.parent), str(folders.root)):
        raise invalid_argument(f"object: {location.uri[:500]} leads out of the buckets folder")
    return location, path


def find(service: Service, bucket: str, name: str) -> Stored | None:
    """Return an object; None if there is none."""
    if not name or name.endswith("/"):  # clients ask whether there is an object in place of a folder
        return None
    _, path = locate(service.buckets, bucket, name)
    if objects.why_unusable(str(path), str(service.buckets.root)) is not None:
        return None
    with service.database.read() as connection:
        return next(iter(with_notes(connection, bucket, [(name, path)])), None)


def need(service: Service, bucket: str, name: str, generation: str | None = None) -> Stored:
    """Return an object, which must exist, in a generation if one is given."""
    stored = find(service, bucket, name)
    if stored is None:
        raise not_found(f"no object gs://{bucket}/{name[:300]}; list them with GET {API}/b/{bucket}/o")
    if generation not in (None, "", stored.generation):
        raise not_found(f"no generation {generation[:40]} of {stored.uri[:500]}; only the last one is kept")
    return stored


def with_notes(
    connection: sqlite3.Connection, bucket: str, files: Sequence[tuple[str, Path]]
) -> list[Stored]:
    """Return objects with what is noted of them; those that are gone by now are left out."""
    marks = ", ".join("?" * len(files))
    selected = connection.execute(
        f"SELECT name, generation, body FROM object_notes WHERE bucket = ? AND name IN ({marks})",  # noqa: S608 - marks
        (bucket, *(name for name, _ in files)),
    )
    notes = {name: (generation, orjson.loads(body)) for name, generation, body in selected}
    found = []
    for name, path in files:
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        generation, note = notes.get(name, ("", {}))
        fits = generation == generation_of(status.st_mtime_ns)
        found.append(Stored(bucket, name, path, status.st_size, status.st_mtime_ns, note if fits else {}))
    return found


def note(connection: sqlite3.Connection, stored: Stored) -> None:
    """Keep what is noted of an object."""
    connection.execute(
        "INSERT INTO object_notes (bucket, name, generation, body) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT DO UPDATE SET generation = ?3, body = ?4",
        (stored.bucket, stored.name, stored.generation, orjson.dumps(dict(stored.note))),
    )


def forget(connection: sqlite3.Connection, bucket: str, name: str) -> None:
    """Drop what is noted of an object."""
    connection.execute("DELETE FROM object_notes WHERE bucket = ? AND name = ?", (bucket, name))


def summed(stored: Stored) -> Stored:
    """Return the object with its checksums, unless it is so large that they take long."""
    if "crc32c" in stored.note or stored.size > _SUMMED_UNASKED:
        return stored
    sums = checksums.of(stored.path)
    return stored._replace(note={**stored.note, "md5Hash": sums.md5, "crc32c": sums.crc32c})


def content_type(stored: Stored) -> str:
    """Return the media type: the noted one, or what the name suggests."""
    guessed = mimetypes.guess_type(stored.name)[0] or "application/octet-stream"
    return str(stored.note.get("contentType") or guessed)


def resource(endpoint: str, stored: Stored) -> dict[str, Any]:
    """Return an object as the API shows it."""
    # File times may lie outside the range of datetime.
    seconds = min(max(stored.nanoseconds / 1e9, 0), _LAST_TIME)
    time = format_timestamp(datetime.fromtimestamp(seconds, UTC))
    bucket, generation = stored.bucket, stored.generation
    name = quote(stored.name, safe="")
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{stored.name}/{generation}",
        "selfLink": f"{endpoint}{API}/b/{bucket}/o/{name}",
        "mediaLink": f"{endpoint}/download{API}/b/{bucket}/o/{name}?generation={generation}&alt=media",
        "name": stored.name,
        "bucket": bucket,
        "generation": generation,
        "storageClass": "STANDARD",
        "size": str(stored.size),
        "etag": f"{generation}-{stored.metageneration}",
        "timeCreated": time,
        "updated": stored.note.get("updated", time),
        **{key: value for key, value in stored.note.items() if key != "updated"},
        "metageneration": stored.metageneration,
        "contentType": content_type(stored),
    }


def remove_empty(folder: Path) -> bool:
    """Remove a folder that holds no files, only folders; return whether it is gone."""
    with objects.changing_folders:
        if any(files for _, _, files in os.walk(folder)):
            return False
        try:
            for place, _, _ in os.walk(folder, topdown=False):
                os.rmdir(place)  # noqa: PTH106 - a text, from os.walk
        except OSError:  # another program has put a file there, or a folder is a link
            return False
    return True
