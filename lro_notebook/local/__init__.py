"""The embedded service, a local stand-in for the Healthcare API: how to start and stop it.

Examples
--------
>>> running = lro.local.ensure()
>>> running.dataset
'projects/local/locations/local/datasets/demo'
>>> (running.buckets / "lro-sample" / "fhir" / "Patient.ndjson").exists()
True
>>> from pathlib import Path
>>> _ = Path("mine.ndjson").write_text('{"resourceType": "Patient", "id": "me"}')
>>> lro.local.put("mine.ndjson", "gs://my-bucket/first/")  # own files, to import
'gs://my-bucket/first/mine.ndjson'
>>> lro.local.get("gs://my-bucket/first/mine.ndjson", "copy.ndjson").name  # and out again
'copy.ndjson'
>>> lro.local.make_bucket("my-results")  # for exports of one's own
'gs://my-results'
>>> lro.local.set_pace(2_000)  # resources a second
>>> lro.local.set_pace(None)
"""

from lro_notebook.local.launch import Running, ensure, set_pace, stop
from lro_notebook.local.own_files import get, make_bucket, put

__all__ = ["Running", "ensure", "get", "make_bucket", "put", "set_pace", "stop"]
