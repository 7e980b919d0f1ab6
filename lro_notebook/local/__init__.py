"""The embedded service, a local stand-in for the Healthcare API: how to start and stop it.

Examples
--------
>>> running = lro.local.ensure()
>>> running.dataset
'projects/local/locations/local/datasets/demo'
>>> (running.buckets / "lro-sample" / "fhir" / "Patient.ndjson").exists()
True
>>> lro.local.set_pace(2_000)  # resources a second
>>> lro.local.set_pace(None)
"""

from lro_notebook.local.launch import Running, ensure, set_pace, stop

__all__ = ["Running", "ensure", "set_pace", "stop"]
