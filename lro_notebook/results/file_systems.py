"""File systems of fsspec, as results use them: instances of our own, which remember no listings.

fsspec shares instances, and those of object stores keep what they have listed for as long as the process
lives. What another program wrote since then would not be there.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from lro_notebook import forking

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Loop:
    """The event loop of fsspec, whose older versions go on with that of the parent in a forked child."""

    def after_fork_in_child(self) -> None:
        asyn = sys.modules.get("fsspec.asyn")
        if asyn is not None and not hasattr(asyn, "reset_after_fork"):
            asyn.iothread[0] = asyn.loop[0] = None
            asyn.reset_lock()


_loop = _Loop()
forking.bind(_loop)
_NEAR = {"file", "local", "memory", "data"}
#: File systems with one connection or one file under them: no two threads may read there at once.
_SERIAL = {
    "ftp",
    "ftps",
    "git",
    "libarchive",
    "tar",
    "zip",
    "blockcache",
    "filecache",
    "simplecache",
    "cached",
}


def unshared(uri: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    """Return a file system of our own for `uri`, and the path in it; chains of file systems too.

    Raises what fsspec raises.
    """
    from fsspec.core import split_protocol, url_to_fs

    own = {"skip_instance_cache": True}
    chosen = {name: value for name, value in options.items() if name != "use_listings_cache"} | own
    for bit in uri.split("::")[1:]:
        protocol = split_protocol(bit)[0] or ("file" if "/" in bit else bit)
        chosen[protocol] = {**options.get(protocol, {}), **own}
    fs, path = url_to_fs(uri, **chosen)
    fs = _without_grpc(fs)
    forget_listings(fs)
    return fs, path


def _without_grpc(fs: Any) -> Any:
    """Return gcsfs in its plain class where it is told of an address without TLS, as emulators have.

    Its newer class asks there over gRPC for the kind of each bucket, and waits a minute for no answer.
    """
    plain = getattr(sys.modules.get("gcsfs.core"), "GCSFileSystem", None)
    is_newer = type(fs).__module__ == "gcsfs.extended_gcsfs"
    if plain is None or not is_newer or not str(getattr(fs, "_location", "")).startswith("http://"):
        return fs
    return plain(*fs.storage_args, **fs.storage_options, skip_instance_cache=True)


def copy_of(fs: Any) -> Any:
    """Return another instance like `fs`, for this process; those of this machine's files may be shared."""
    if is_near(fs):
        return fs
    copy = type(fs)(*fs.storage_args, **{**fs.storage_options, "skip_instance_cache": True})
    forget_listings(copy)
    return copy


def forget_listings(fs: Any) -> None:
    """Have `fs`, which nobody else uses, list anew each time."""
    if is_near(fs):
        return
    if getattr(getattr(fs, "dircache", None), "use_listings_cache", False):
        fs.dircache.use_listings_cache = False
    fs.invalidate_cache()


def protocols(fs: Any) -> set[str]:
    """Return what `fs` is called in URIs."""
    return {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)


def is_near(fs: Any) -> bool:
    """Tell whether the files of `fs` are on this machine: nothing is gained by asking ahead."""
    return not protocols(fs).isdisjoint(_NEAR)


def is_serial(fs: Any) -> bool:
    """Tell whether `fs` can do only one thing at a time."""
    return not protocols(fs).isdisjoint(_SERIAL)


def loop_of(fs: Any) -> Any:
    """Return the event loop on which `fs` runs its coroutines; None where it is to be used from threads."""
    if not getattr(fs, "async_impl", False) or getattr(fs, "asynchronous", False):
        return None
    from fsspec.spec import AbstractFileSystem

    native = type(fs).cat_file is AbstractFileSystem.cat_file and inspect.iscoroutinefunction(fs._cat_file)  # noqa: SLF001 - what subclasses define
    return fs.loop if native else None


def unbuffered(fs: Any) -> dict[str, Any]:
    """Return how to have ``cat_file`` of `fs` fetch what is asked for and no more."""
    from fsspec.spec import AbstractFileSystem

    plain = loop_of(fs) is None and type(fs).cat_file is AbstractFileSystem.cat_file
    return {"cache_type": "none"} if plain else {}


def pinned(fs: Any, generation: str | None) -> dict[str, Any] | None:
    """Return how to have ``cat_file`` of `fs` read that `generation` of an object; None if it cannot."""
    url = getattr(fs, "url", None)
    if generation is None or url is None or protocols(fs).isdisjoint({"gs", "gcs"}):
        return None
    return {"generation": generation} if "generation" in inspect.signature(url).parameters else None
