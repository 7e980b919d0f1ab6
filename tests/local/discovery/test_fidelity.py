"""The table of methods that the documentation shows: whole, without dead rows, and on its page.

That the methods answer as it says is tested with Google's own client, in `test_every_method`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from lro_notebook.local.discovery.document import document
from lro_notebook.local.discovery.fidelity import BASES, VERSIONS, basis_of, rows
from lro_notebook.local.discovery.served import NOT_SERVED, states
from scripts import fidelity_table

if TYPE_CHECKING:
    from local.conftest import Program

#: What stands for parameters of paths that must be a certain word.
_WORDS = {"fhirId": "Patient", "resourceType": "Patient"}


def test_every_method_has_a_row_that_says_what_the_service_answers() -> None:
    by_method = {f"locations.{row.method}": row for row in rows()}
    for version in VERSIONS:
        for identifier, state in states(version).items():
            row = by_method[identifier]
            assert version in row.versions
            assert row.is_served is state.is_served
            assert bool(row.sure) is row.is_served
            assert row.is_served or row.note == state.note
    assert set(by_method) == {name for version in VERSIONS for name in document(version).methods}


def test_no_row_is_for_nothing() -> None:
    served = {row.method for row in rows() if row.is_served}
    used = {basis_of(method).pattern for method in served}
    reserved = {name.removeprefix("locations.") for name in NOT_SERVED}
    for basis in BASES:
        assert basis.pattern in used or any(fnmatchcase(name, basis.pattern) for name in reserved), (
            basis.pattern
        )
    assert set(NOT_SERVED) <= {name for version in VERSIONS for name in document(version).methods}


def test_the_table_of_the_page_is_that_of_the_code() -> None:
    text = fidelity_table.PAGE.read_text(encoding="utf-8")
    assert fidelity_table.page(text) == text, "run scripts/fidelity_table.py"
    assert text.count("| served |") + text.count("| 501 |") > 50


@pytest.mark.service
def test_v1_has_no_method_of_v1beta1_alone(service: Program) -> None:
    for row in rows():
        if row.versions == ("v1beta1",):
            method = document("v1beta1").methods[f"locations.{row.method}"]
            path = re.sub(r"\{(\w+)\}", lambda found: _WORDS.get(found[1], "s"), method.path)
            address = f"{service.endpoint}/v1/{path}"
            answer = service.client.request(method.http_method, address)
            assert answer.status_code == 404, (row.method, answer.text)
            assert "v1beta1" in answer.text, row.method
