"""Filters, rules and patterns of requests are read in time by their length, which is bounded."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from growth import LINEAR, growth
from hypothesis import given, settings
from hypothesis import strategies as st

from lro_notebook.fhirpath import parser
from lro_notebook.fhirpath.syntax import PathError
from lro_notebook.local import log_routes
from lro_notebook.local.consent import rules
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.fhir import cohort_expression
from lro_notebook.local.hl7v2 import message_filter
from lro_notebook.local.operations import records, request_fields
from lro_notebook.local.operations.request_fields import EXPRESSION_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.conftest import Program


def _refused(read: Callable[[str], object], text: str) -> None:
    """Read what may or may not be readable."""
    try:
        read(text)
    except (ServiceError, PathError):
        return


@pytest.mark.parametrize(
    ("read", "head", "unit", "tail"),
    [
        (log_routes.parse_filter, 'operation.id = "', " ", "\x02"),
        (log_routes.parse_filter, "operation.id = ", '" ', ""),
        (log_routes.parse_filter, " ", " ", "x"),
        (log_routes.parse_filter, "severity=ERROR", " AND severity=ERROR", ""),
        (log_routes.parse_filter, "", "AND ", ""),
        (message_filter._tokens, "", "a ", ""),
        (message_filter._tokens, '"', "\\", ""),
        (message_filter._tokens, "a", " ", "!"),
        (rules._parsed, "a in ['a'", ",'a'", "]"),
        (rules._parsed, "a in ['a'", ",'a'", ""),
        (rules._parsed, "a == '", "\\'", ""),
        (parser._tokens, "a", " ", "#"),
        (parser._tokens, "a", "/* ", ""),
        (cohort_expression.compile_expression, "Patient.id = 'a'", " and id = 'a'", ""),
        (records._DONE_FILTER.fullmatch, "done", " ", "x"),
    ],
)
def test_reading_takes_time_by_the_length(
    read: Callable[[str], object], head: str, unit: str, tail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_fields, "EXPRESSION_LIMIT", 2**30)

    def make(length: int) -> Callable[[], None]:
        counter = iter(range(10**9))  # no text twice: rules are kept once they were read
        return lambda: _refused(read, f"{head}{unit * length}{tail}{next(counter)}")

    assert growth(make, 500) < LINEAR


@pytest.mark.parametrize(
    "read",
    [
        log_routes.parse_filter,
        rules.parse_rule,
        cohort_expression.compile_expression,
        records.parse_filter,
    ],
)
def test_an_expression_that_is_too_long_is_refused_with_the_limit(read: Callable[[Any], object]) -> None:
    begun = time.thread_time()
    with pytest.raises(ServiceError, match=str(EXPRESSION_LIMIT)) as caught:
        read("a" * 10_000_000)
    assert caught.value.status == 400
    assert time.thread_time() - begun < 0.5


_CLAUSE = re.compile(
    r'\s*(operation\.id|operation\.producer|timestamp|severity|logName)\s*(>=|<=|=)\s*"?([^"]*?)"?\s*'
)


@given(
    field=st.sampled_from(["operation.id", "operation.producer", "logName", " severity", "state"]),
    sign=st.sampled_from(["=", " = ", ">=", "<= ", ""]),
    value=st.text('ab" \t=', max_size=8),
)
@settings(max_examples=500, deadline=None)
def test_a_log_filter_says_the_same_as_before(field: str, sign: str, value: str) -> None:
    text = field + sign + value
    old = _CLAUSE.fullmatch(text)
    match = log_routes._COMPARED.fullmatch(text)
    new = None if match is None else log_routes._value(match[3].strip())
    assert (None if old is None else old[3]) == new


def _evil(service: Program) -> list[Callable[[], int]]:
    """Return requests that once held up the service, or could."""
    stars = {"contentStructure": "RESOURCE", "gcsSource": {"uri": "gs://demo-out/" + "*a" * 40 + "*x"}}
    logs = f"{service.endpoint}/v2/entries:list"
    post = service.client.post

    def log_filter(text: str) -> dict[str, Any]:
        return {"resourceNames": ["projects/local"], "filter": text}

    return [
        lambda: post("fhirStores/patterns:import", json=stars).status_code,
        lambda: post(logs, json=log_filter('operation.id = "' + " " * 1_500 + '"x')).status_code,
        lambda: post(logs, json=log_filter('operation.id = "' + " " * 10_000_000)).status_code,
        lambda: service.client.get("operations", params={"filter": "done" + " " * 15_000 + "x"}).status_code,
    ]


@pytest.mark.service
def test_status_is_answered_while_hostile_patterns_are_read(service: Program) -> None:
    service.store("patterns")
    for number in range(20):
        service.put_lines(f"demo-out/{'a' * 200}{number}", ["{}"])
    statuses: list[int] = []
    thread = threading.Thread(
        target=lambda: statuses.extend(send() for _ in range(3) for send in _evil(service))
    )
    thread.start()
    waits = []
    while thread.is_alive():
        begun = time.monotonic()
        assert service.client.get("operations", params={"pageSize": 1}).status_code == 200
        waits.append(time.monotonic() - begun)
        thread.join(0.02)
    assert statuses == [200, 400, 400, 400] * 3
    waits.sort()
    assert waits[len(waits) // 2] < 0.5  # some 5 ms where nothing else runs
    assert waits[-1] < 3  # it was 6.5 s of one filter, and for ever of one pattern
