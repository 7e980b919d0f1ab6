"""How much memory a load will take, told before it is too late."""

from __future__ import annotations

import re
from pathlib import Path

from lro_notebook.errors import ResultError

_SURE_FROM = 32_000_000  # bytes held; once there are this many, they tell what will come
_SHARE = 20  # or this part of the files
_CGROUP = Path("/sys/fs/cgroup")
_MEMINFO = Path("/proc/meminfo")
_GB = 1e9


def available() -> int | None:
    """Return how many bytes this process may still take; None where that cannot be told.

    The least of what the machine has and what its container may use (cgroup v2).
    """
    limits = [limit for limit in (_of_machine(), _of_container()) if limit is not None]
    return min(limits, default=None)


def _of_machine() -> int | None:
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMINFO.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return _of_psutil()
    return int(match[1]) * 1024 if match else None


def _of_psutil() -> int | None:
    try:
        import psutil  # comes with ipykernel and dask; needed only outside Linux
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def _of_container() -> int | None:
    try:
        limit = (_CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        stat = (_CGROUP / "memory.stat").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    cache = re.search(r"^inactive_file (\d+)", stat, re.MULTILINE)
    return None if limit == "max" else int(limit) - used + (int(cache[1]) if cache else 0)


def fits(size: int) -> bool:
    """Tell whether tables from files of `size` bytes may be kept without a second thought."""
    free = available()
    return free is None or size < free / 2


class Gauge:
    """Watches a load: from what it holds after a part of its files it tells what all will take.

    Parameters
    ----------
    name : str
        The table that is read.
    size : int
        Bytes of its files.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._read = self._held = self._new = self._most = 0

    def hold(self, count: int) -> None:
        """Note that `count` more bytes are held in memory."""
        self._held += count
        self._new += count

    def advance(self, count: int) -> None:
        """Note that `count` more bytes of the files were read for what is held.

        Files may be compressed, and grow a thousand times: it is what they become that counts.

        Raises
        ------
        ResultError
            What is left to read will not fit, or not even one more part like the largest so far.
        """
        self._read += count
        self._most, self._new = max(self._most, self._new), 0
        if self._held < _SURE_FROM:
            return
        free = available()
        if free is None:
            return
        sure = self._read >= min(_SURE_FROM, self._size / _SHARE) or self._held > free
        left = max(self._size - self._read, 0)
        more = max(self._held / max(self._read, 1) * left if sure else 0, self._most)
        self._check(more, free)

    def need(self, count: int) -> None:
        """Raise `ResultError` where `count` more bytes will not fit."""
        free = available()
        if free is not None and count >= _SURE_FROM:
            self._check(count, free)

    def _check(self, more: float, free: int) -> None:
        if more > free:
            raise ResultError(
                f"table {self._name} will take about {(self._held + more) / _GB:.1f} GB of memory, and "
                f"{(self._held + free) / _GB:.1f} GB are there. Ways out: columns=[...] reads only some "
                f"columns, results.to_parquet(folder) needs little memory, results.dask({self._name!r}) "
                "computes shard by shard, an export to BigQuery (bq://) needs none here"
            )
