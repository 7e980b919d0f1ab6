"""Rollbacks of FHIR and HL7v2 stores take the same words; old ones work for a while."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from lro_notebook.healthcare.deprecated_arguments import renamed
from lro_notebook.healthcare.fhir import FhirStore
from lro_notebook.healthcare.hl7v2 import Hl7v2Store

if TYPE_CHECKING:
    from collections.abc import Callable


def test_both_kinds_of_stores_take_the_same_words() -> None:
    fhir, hl7v2 = (inspect.signature(kind.rollback).parameters for kind in (FhirStore, Hl7v2Store))
    assert set(hl7v2) == set(fhir) - {"types", "metadata_filter"}
    assert all(hl7v2[name] == fhir[name] for name in hl7v2)


@renamed(rollback_time="time", force="not dry_run")
def rolled(time: str, bucket: str, *, dry_run: bool = True) -> tuple[str, str, bool]:
    return time, bucket, dry_run


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rolled("t", "b", force=True), "force is called not dry_run now"),  # type: ignore[call-arg]
        (lambda: rolled(rollback_time="t", bucket="b", dry_run=False), "rollback_time is called time now"),  # type: ignore[call-arg]
    ],
)
def test_an_old_word_works_with_a_warning_at_the_line_of_the_caller(
    call: Callable[[], Any], words: str
) -> None:
    with pytest.warns(DeprecationWarning, match=words) as seen:
        assert call() == ("t", "b", False)
    assert seen[0].filename == __file__


def test_an_old_and_a_new_word_for_the_same_are_refused() -> None:
    with pytest.raises(TypeError, match="got force, the old name of dry_run, and dry_run too"):
        rolled("t", "b", force=True, dry_run=True)  # type: ignore[call-arg]
