"""Where benchmarks leave what they measured: a file each, from which the docs take their figures.

With ``LRO_FIGURES`` set to a folder, `record` writes ``NAME.json`` there: the values, when and on what kind
of machine they were measured, and whether other programs took of it. Without it nothing is written.
"""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Of the processors, in percent, taken by other programs: more is a busy machine.
BUSY = 20.0
_LIBRARIES = ("pandas", "pyarrow", "orjson", "httpx", "fsspec")


def taken() -> float:
    """Return how much of the processors is in use now, in percent."""
    import psutil

    return float(psutil.cpu_percent(interval=0.5))


#: Taken out of the environment: what a benchmark starts measures a part of it, and writes nothing.
_FOLDER = os.environ.pop("LRO_FIGURES", "")
_BEFORE = taken() if _FOLDER else 0.0


def record(
    name: str, values: Mapping[str, Any], *, libraries: tuple[str, ...] = (), folder: str | Path = _FOLDER
) -> None:
    """Write the values of a benchmark, with the versions of what is measured beside the usual libraries."""
    if not folder:
        return
    others = max(_BEFORE, taken())
    content = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "busy": others > BUSY,
        "others_percent": round(others),
        "versions": versions((*_LIBRARIES, *libraries)),
        "values": rounded(values),
    }
    path = Path(folder, f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Return what kind of machine this is; not which one."""
    import psutil

    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of Python, of this package, and of those libraries that are installed."""
    import lro_notebook

    found = {"python": platform.python_version(), "lro-notebook": lro_notebook.__version__}
    for library in libraries:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def rounded(value: Any) -> Any:
    """Return the value with floats of four digits, which is more than any of them means."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {str(key): rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return value
