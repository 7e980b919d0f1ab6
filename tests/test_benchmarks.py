"""The benchmarks that need no quiet machine to show that they still work."""

from __future__ import annotations

import subprocess
import sys

import pytest
from places import ROOT

pytestmark = pytest.mark.service


def test_the_benchmark_of_remote_places_loads_what_it_is_to_measure() -> None:
    pytest.importorskip("gcsfs", reason="gcsfs is not installed")
    command = [sys.executable, str(ROOT / "benchmarks" / "remote.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, _, *lines = done.stdout.splitlines()
    assert head.startswith("6 small and 2 large shards")
    assert [line[:26].strip() for line in lines] == [
        "small shards",
        "small shards, to Parquet",
        "small shards, a view",
        "small shards, Dask plans",
        "large shards",
        "large shards, to Parquet",
        "HL7v2 shards",
        "DICOM objects",
        "gcsfs: small shards",
        "gcsfs: large shards",
        "gcsfs: DICOM objects",
    ]
    for line in lines:
        *seconds, requests, megabytes = (float(text.replace(",", "")) for text in line[26:].split())
        assert len(seconds) == 6, line
        assert requests > 0, line
        assert megabytes >= 0, line
