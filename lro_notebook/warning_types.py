"""The warnings of the package, one tree, and how they are given. `errors` has them too.

LroWarning (UserWarning)
├── OperationFailedWarning    an operation that was waited for ended without success
├── PartialFailureWarning     it succeeded, but some of its units failed
├── BadLinesWarning           some lines of its output could not be read
├── LeftOutWarning            some files at a place are in no table
├── TruncatedListsWarning     some lists had more than the element that is shown
└── UnparsedDatesWarning      columns stayed text although dates were asked for

This module imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


class LroWarning(UserWarning):
    """Base of the package's warnings.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("ignore", lro.LroWarning)
    """


class OperationFailedWarning(LroWarning):
    """An operation that was waited for ended without success; what to do next is said with it.

    Once an operation, where neither ``result()`` nor ``load()`` raises its error.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always", lro.OperationFailedWarning)
    ...     op = store.import_from("gs://no-such-bucket/x").wait()
    >>> len(seen), op.state
    (1, 'FAILED')
    """


class PartialFailureWarning(LroWarning):
    """An operation succeeded although some of its units failed (``counter.failure`` > 0).

    Examples
    --------
    >>> import warnings
    >>> broken = ds.hl7v2_store("broken").create(exist_ok=True)
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always", lro.PartialFailureWarning)
    ...     op = broken.import_from("gs://lro-sample/hl7v2/broken.ndjson").wait()
    >>> len(seen), op.state, op.progress.failed == len(op.failures())
    (1, 'SUCCEEDED', True)
    """


class BadLinesWarning(LroWarning):
    r"""Some lines of an operation's output could not be read; ``Results.bad_lines`` lists them.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("Patient.ndjson").write_text('{"id": "a"}\nno resource\n')
    >>> results = lro.read_results("Patient.ndjson")
    >>> len(results["Patient"]), results.bad_lines["line"].tolist()
    (1, [2])
    """


class LeftOutWarning(LroWarning):
    """Some files at a place are in no table; ``Results.skipped`` lists them with the reasons.

    Examples
    --------
    >>> lro.read_results("gs://lro-sample/fhir", client=ds.client).skipped.columns.tolist()
    ['file', 'reason']
    """


class TruncatedListsWarning(LroWarning):
    """Some lists had more than the one element that is shown; ``Results.truncated`` counts them.

    Examples
    --------
    >>> names = op.load(tables=["Patient"], lists="explode")["Patient.name"]  # nothing is left out
    >>> names.columns.tolist()[:2]
    ['id', 'index']
    """


class UnparsedDatesWarning(LroWarning):
    r"""Columns stayed text in spite of ``parse_dates=True``: not every value of theirs is a date or time.

    ``Results.unparsed_dates`` counts those that are none.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("Patient.ndjson").write_text('{"birthDate": "1970-01-31"}\n{"birthDate": "unknown"}\n')
    >>> results = lro.read_results("Patient.ndjson", parse_dates=True)
    >>> results.unparsed_dates.values.tolist()
    [['Patient.birthDate', 1]]
    """


def warn_caller(message: str, category: type[LroWarning]) -> None:
    """Warn at the line of the user's code that called into this package, however deep the call."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith((_PACKAGE, contextlib.__file__)):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
