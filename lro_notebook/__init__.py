"""Long-running operations of Google Cloud in Jupyter: start them, watch them live, load them into pandas."""

from lro_notebook import local
from lro_notebook.api import connect, read_results, started, to_frame
from lro_notebook.client import Client
from lro_notebook.errors import (
    ApiError,
    AuthError,
    BadLinesWarning,
    Code,
    ConfigError,
    LroError,
    LroWarning,
    OperationCancelled,
    OperationError,
    OperationFailed,
    PartialFailureWarning,
    PollingLost,
    ResultError,
    StartUnknown,
    TruncatedListsWarning,
    WaitTimeout,
)
from lro_notebook.frames.views.view import View
from lro_notebook.healthcare.dataset import Dataset
from lro_notebook.healthcare.fhir import FhirStore
from lro_notebook.jupyter.nested import enable_nested_asyncio
from lro_notebook.operation import Operation
from lro_notebook.polling import PollPolicy
from lro_notebook.progress import Progress
from lro_notebook.resource import OperationResource, Status
from lro_notebook.waiting import as_completed, wait

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AuthError",
    "BadLinesWarning",
    "Client",
    "Code",
    "ConfigError",
    "Dataset",
    "FhirStore",
    "LroError",
    "LroWarning",
    "Operation",
    "OperationCancelled",
    "OperationError",
    "OperationFailed",
    "OperationResource",
    "PartialFailureWarning",
    "PollPolicy",
    "PollingLost",
    "Progress",
    "ResultError",
    "StartUnknown",
    "Status",
    "TruncatedListsWarning",
    "View",
    "WaitTimeout",
    "__version__",
    "as_completed",
    "connect",
    "enable_nested_asyncio",
    "local",
    "read_results",
    "started",
    "to_frame",
    "wait",
]
