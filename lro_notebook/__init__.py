"""Long-running operations of Google Cloud in Jupyter: start them, watch them live, load them into pandas."""

import importlib
import sys
from typing import TYPE_CHECKING

if sys.platform in {"emscripten", "wasi"}:
    raise ImportError(
        "lro_notebook does not run in Pyodide, the Python of browsers (JupyterLite, marimo's playground): "
        "it has no threads, in which operations are followed, and no sockets, by which services are reached; "
        "open the notebook in a Jupyter whose kernel runs on a machine"
    )

from lro_notebook import local
from lro_notebook.api import connect, load_ipython_extension, read_results, started, timeline, to_frame, watch
from lro_notebook.errors import (
    ApiError,
    AuthError,
    BadLinesWarning,
    Code,
    ConfigError,
    LeftOutWarning,
    LroError,
    LroWarning,
    OperationCancelled,
    OperationError,
    OperationFailed,
    OperationFailedWarning,
    PartialFailureWarning,
    PollingLost,
    ResultError,
    StartUnknown,
    TruncatedListsWarning,
    UnparsedDatesWarning,
    WaitTimeout,
)
from lro_notebook.healthcare.consent import ConsentStore
from lro_notebook.healthcare.dataset import Dataset
from lro_notebook.healthcare.dicom import DicomStore
from lro_notebook.healthcare.fhir import FhirStore
from lro_notebook.healthcare.hl7v2 import Hl7v2Store
from lro_notebook.operations.client import Client
from lro_notebook.operations.operation import Operation
from lro_notebook.operations.polling_policy import PollPolicy
from lro_notebook.operations.progress import Progress
from lro_notebook.operations.resource import OperationResource, Status
from lro_notebook.operations.waiting import as_completed, wait

if TYPE_CHECKING:
    from lro_notebook.jupyter.nested_asyncio import enable_nested_asyncio
    from lro_notebook.results.comparison.compare import compare
    from lro_notebook.results.results import Results
    from lro_notebook.views.view import View

__version__ = "0.2.0"

__all__ = [
    "ApiError",
    "AuthError",
    "BadLinesWarning",
    "Client",
    "Code",
    "ConfigError",
    "ConsentStore",
    "Dataset",
    "DicomStore",
    "FhirStore",
    "Hl7v2Store",
    "LeftOutWarning",
    "LroError",
    "LroWarning",
    "Operation",
    "OperationCancelled",
    "OperationError",
    "OperationFailed",
    "OperationFailedWarning",
    "OperationResource",
    "PartialFailureWarning",
    "PollPolicy",
    "PollingLost",
    "Progress",
    "ResultError",
    "Results",
    "StartUnknown",
    "Status",
    "TruncatedListsWarning",
    "UnparsedDatesWarning",
    "View",
    "WaitTimeout",
    "__version__",
    "as_completed",
    "compare",
    "connect",
    "enable_nested_asyncio",
    "load_ipython_extension",
    "local",
    "read_results",
    "started",
    "timeline",
    "to_frame",
    "wait",
    "watch",
]

if not TYPE_CHECKING:  # where types are checked, the import above serves
    #: Public name -> its module, where that costs more than most programs want to pay: loaded on first use.
    _ON_FIRST_USE = {
        "Results": "lro_notebook.results.results",
        "View": "lro_notebook.views.view",
        "compare": "lro_notebook.results.comparison.compare",
        "enable_nested_asyncio": "lro_notebook.jupyter.nested_asyncio",
    }

    def __getattr__(name: str) -> object:
        if name not in _ON_FIRST_USE:
            no_attribute = importlib.import_module("lro_notebook.suggestions").no_attribute
            raise no_attribute(f"module {__name__!r}", name, __all__)
        value = globals()[name] = getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
        return value

    def __dir__() -> list[str]:
        return __all__
