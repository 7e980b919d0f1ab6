"""Of DICOM objects far away, only the heads are fetched, as long as they are."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pydicom
import pydicom.data
import pytest
from results.far import Request, in_thread

if TYPE_CHECKING:
    from results.far_places import Place

pytestmark = pytest.mark.usefixtures("quick_retries")


def scan(pixels: int, private: int = 0) -> bytes:
    dataset = pydicom.dcmread(str(pydicom.data.get_testdata_file("CT_small.dcm")))
    dataset.PixelData = bytes(pixels)
    if private:
        dataset.add_new(0x00091002, "UN", bytes(private))
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def test_only_the_heads_of_dicom_objects_are_fetched_many_at_once(place: Place) -> None:
    image = scan(5_000_000)
    place.fill({f"study/{n:03d}.dcm": image for n in range(40)})
    place.bucket.meet = lambda request: request.method == "cat_file"  # or it hangs
    results = place.read(lists="nested")
    assert len(results["instances"]) == 40
    assert results["instances"]["SOPInstanceUID"].notna().all()
    reads = place.bucket.of("cat_file")
    assert [(read.start, read.stop) for read in reads] == [(0, 65536)] * 40
    assert place.bucket.most == 16


def test_dicom_objects_with_long_headers_are_read_to_their_end(place: Place) -> None:
    place.fill({f"study/{n:03d}.dcm": scan(5_000_000, 400_000) for n in range(5)})
    results = place.read(lists="nested")
    assert results["instances"]["Rows"].notna().all()
    assert results.bad_lines.empty
    fetched = sum((read.stop or 0) - (read.start or 0) for read in place.bucket.of("cat_file"))
    assert 5 * 400_000 < fetched < 5 * 2_000_000


def test_dicom_that_is_json_is_read_to_its_end(place: Place) -> None:
    value = pydicom.dcmread(str(pydicom.data.get_testdata_file("CT_small.dcm")), stop_before_pixels=True)
    line = json.dumps(value.to_json_dict()).encode() + b"\n"
    place.fill({"meta.json": line * (3_000_000 // len(line))})
    assert len(place.read(lists="nested")["instances"]) == 3_000_000 // len(line)
    reads = [(read.start or 0, read.stop or 0) for read in place.bucket.of("cat_file") if read.stop != 8192]
    assert sum(stop - start for start, stop in reads) == len(place.bucket.objects["b/out/meta.json"])
    assert len(reads) < 40


def test_a_dicom_object_that_is_silent_does_not_hold_an_interrupt(place: Place) -> None:
    place.fill({f"study/{n:03d}.dcm": scan(1000, 200_000) for n in range(20)})
    files, shards = place.files()
    wanted, silent = threading.Event(), threading.Event()

    def fault(request: Request, data: bytes) -> bytes | threading.Event:
        if request.start:
            wanted.set()
            return silent
        return data

    place.bucket.fault = fault
    with files.reading(shards) as streams, streams.open(shards[0]) as file:
        file.seek(100_000)
        waiting = in_thread(lambda: file.read(10))
        assert wanted.wait(20)
        streams.stop()
        with pytest.raises(CancelledError):
            waiting.result(20)
    silent.set()
