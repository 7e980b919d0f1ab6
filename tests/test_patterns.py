"""Texts from outside meet patterns: none of the package goes back over them again and again."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import growth
import pytest
from fsspec.utils import glob_translate
from growth import LINEAR, Use
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lro_notebook.errors import ConfigError
from lro_notebook.globs import Glob
from lro_notebook.operations import field_names, states
from lro_notebook.operations.progress import Progress
from lro_notebook.results.discovery import classify, listing
from lro_notebook.results.formats.hl7v2.reader import HL7V2
from lro_notebook.results.location import locate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Characters of what meets the patterns of these modules at most, as their code has it.
_BOUNDED = dict.fromkeys(
    (f"lro_notebook.operations.{name}" for name in ("field_names", "states", "progress")), 80
)
_BOUNDED |= {"lro_notebook.results.discovery.file_sets": 80, "lro_notebook.jupyter.completion": 300}
_LENGTH, _LONG, _ENOUGH, _SUSPECTS = 800, 8000, 0.0005, 3
#: Where patterns are made while the package runs, each with what keeps it short or linear.
_DYNAMIC = {
    "fhirpath/conversion_functions.py:_to_number": "two literals of the table below it",
    "fhirpath/conversion_functions.py:convert": "two literals of the table below it",
    "globs.py:__init__": "tested below",
    "healthcare/store.py:_lacks_dataset": "a name as it is, and one character after it",
    "healthcare/store.py:_destination_in": "a name as it is, and one character after it",
    "local/dicom/web/matching.py:_range": "at most two moments of bounded digits",
    "local/dicom/web/matching.py:wanted": "one character of two",
    "local/fhir/apply_consents.py:_admin_consent_problem": "the name of the store, and bounded classes",
    "local/fhir/interactions/patches.py:apply": "32 random characters, and all but a quotation mark",
    "local/hl7v2/message_parser.py:unescaped": "three characters",
    "results/formats/delimited/dialect.py:quoted_cell": "one character and all but it",
    "results/formats/delimited/dialect.py:whole_line": "one character and all but it",
    "results/formats/hl7v2/messages.py:_batch_end": "one character, and no quantifier",
    "results/formats/hl7v2/charset_switches.py:has_switches": "one character, and digits in twos",
    "results/formats/hl7v2/charset_switches.py:_tokens": "one character, and digits in twos",
    "results/formats/hl7v2/escapes.py:_escapes": "one character and all but it, and digits in twos",
    "results/formats/hl7v2/parser.py:_shown_break": "one character, and bounded names",
    "results/formats/hl7v2/parser.py:_lost_break": "one character, and a bounded name",
    "local/http/multipart.py:_end": "a boundary as it is, and one of two after it",
    "results/discovery/ownership.py:is_named": "an id, and no quantifier",
    "views/source.py:__init__": "alternatives of names, and no quantifier",
}


def _run_of(use: Use, attack: growth.Attack, length: int) -> Callable[[], object]:
    return partial(use.run, attack.of(length))


@pytest.mark.spread
@pytest.mark.parametrize(("module", "source"), growth.modules().items(), ids=growth.modules())
def test_no_pattern_of_a_module_goes_back_again_and_again(module: str, source: str) -> None:
    for use in growth.uses_of(module, source):
        bound = _BOUNDED.get(use.module, _LENGTH)
        most = None if use.module in _BOUNDED else _LONG
        slow = growth.slow(use.run, growth.attacks(use.pattern), bound, _ENOUGH, most=most)
        for attack in islice(slow, _SUSPECTS):
            assert use.module not in _BOUNDED, f"{use} needs long for {attack}"
            ratio = growth.growth(partial(_run_of, use, attack), _LENGTH)
            assert ratio < LINEAR, f"{use} on {attack}"


def test_modules_with_patterns_and_their_patterns_are_found() -> None:
    modules = growth.modules()
    assert len(modules) > 50
    found = growth.uses_of("lro_notebook.globs", modules["lro_notebook.globs"])
    assert list(map(str, found)) == ["lro_notebook.globs:_STARS.split"]


def test_patterns_made_while_the_package_runs_are_known() -> None:
    assert growth.dynamic() == sorted(_DYNAMIC)


@pytest.mark.parametrize(
    ("pattern", "method"),
    [(r"\s*(a|b)\s*x", "search"), (r"(a+)+b", "fullmatch"), (r"\w*a\w*b\w*", "fullmatch")],
)
def test_the_search_for_slow_patterns_finds_them(pattern: str, method: str) -> None:
    use = Use("none", "none", re.compile(pattern), method)
    length = 20 if pattern == "(a+)+b" else 800
    assert next(growth.slow(use.run, growth.attacks(use.pattern), length, _ENOUGH), None) is not None


_PART = st.lists(st.sampled_from(["a", "b", ".", "*", "?", "-"]), min_size=1, max_size=7).map("".join)
_PATH = st.lists(st.text("ab.-x", min_size=1, max_size=8), min_size=1, max_size=4).map("/".join)


def _old(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the local service as a plain regular expression."""
    pieces = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(pieces.get(part) or re.escape(part) for part in parts), re.DOTALL)


@given(
    pattern=st.one_of(
        st.lists(_PART.map(lambda part: re.sub(r"\*+", "*", part)), min_size=1, max_size=4).map("/".join),
        st.tuples(
            st.sampled_from(["", "a/", "a/b/", "a", "a/b"]),
            st.just("**"),
            st.sampled_from(["", ".a", ".a-b"]),
        ).map("".join),
    ),
    names=st.lists(_PATH, min_size=1, max_size=8),
)
@settings(max_examples=500, deadline=None)
def test_a_glob_matches_as_a_plain_regular_expression_does(pattern: str, names: list[str]) -> None:
    old, glob = _old(pattern), Glob(pattern)
    assert [glob.matches(name) for name in names] == [old.fullmatch(name) is not None for name in names]


@given(
    pattern=st.lists(
        st.one_of(
            st.just("**"),
            _PART.map(lambda part: re.sub(r"\*+", "*", part)),
            st.sampled_from(
                [
                    "[ab]*",
                    "[!a]b",
                    "[a-b]?",
                    "x[",
                    "[]",
                    "[!]",
                    "*[.-]*",
                    "[b-a]",
                    "[]a]",
                    "[!]a]",
                    "[^a]",
                    "[a\\]",
                ]
            ),
        ),
        min_size=1,
        max_size=5,
    ).map("/".join),
    names=st.lists(_PATH, min_size=1, max_size=8),
)
@settings(max_examples=500, deadline=None)
def test_a_glob_with_classes_matches_as_fsspec_does(pattern: str, names: list[str]) -> None:
    theirs, ours = re.compile(glob_translate(pattern)), Glob(pattern, classes=True)
    found = [name for name in names if theirs.match(name)]
    assert [name for name in names if ours.matches(name)] == found
    coarse = re.compile(glob_translate(ours.coarse()))
    assert all(coarse.match(name) for name in found)
    assert ours.coarse().count("**") <= 1


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("*a*a*a*a*a*a*a*x", "a"),
        ("*a?a*a?a*a?a*x", "a"),
        ("*/*/*/*/*a*b*x", "ab/"),
        ("**/a/**/a/**/a/**/a/**/x", "a/"),
        ("**/*a*a*/**/*a*a*/x", "a/"),
        ("*" + "[ab]*" * 12 + "x", "ab"),
        ("a**x", "a"),
    ],
)
def test_a_glob_takes_time_by_the_length_of_the_name_only(pattern: str, unit: str) -> None:
    glob = Glob(pattern, classes=True)
    ratio = growth.growth(lambda length: partial(glob.matches, unit * length), 500)
    assert ratio < LINEAR


def test_a_wildcard_behind_two_stars_is_refused() -> None:
    with pytest.raises(ValueError, match="behind"):
        Glob("a**b*c")


def test_files_of_results_are_found_by_patterns_with_many_stars(tmp_path: Path) -> None:
    names = [
        "aaab.ndjson",
        "aXaXb.ndjson",
        "ba.ndjson",
        "in/aab.ndjson",
        "in/deep/aab.ndjson",
        "a" * 200 + "c.ndjson",
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")

    def found(pattern: str) -> list[str]:
        infos = listing.files_at(locate(f"{tmp_path}/{pattern}"))
        return sorted(str(info["name"]).removeprefix(f"{tmp_path.as_posix()}/") for info in infos)

    assert found("*a*a*b*.ndjson") == ["aXaXb.ndjson", "aaab.ndjson"]
    assert found("**/*a*b.*") == ["aXaXb.ndjson", "aaab.ndjson", "in/aab.ndjson", "in/deep/aab.ndjson"]
    assert found("**/in/**/a*b.*") == ["in/aab.ndjson", "in/deep/aab.ndjson"]
    assert found("*" + "a*" * 40 + "x") == []
    assert found("*/") == []
    with pytest.raises(ConfigError, match="whole folders"):
        found("in**.ndjson")


_WORDS = st.lists(
    st.sampled_from(["JOB", "RUN", "STATE", "STATUS", "STAGE", "V", "ABC", "PARTIAL"]), min_size=1, max_size=6
)


@given(words=_WORDS)
def test_a_state_loses_the_name_of_its_type_as_before(words: list[str]) -> None:
    text = "_".join(words)
    old = re.sub(r"(?:[A-Z]+_)*?(?:STATE|STATUS|STAGE)_(?=[A-Z])", "", text, count=1)
    assert states.state_word(text) == old


@pytest.mark.parametrize("unit", ["A_", "STATE_", "JOB_STATE", "A", "_A"])
def test_a_state_of_any_length_costs_nothing(unit: str) -> None:
    state = "A" + unit * 10_000
    assert states.state_word(state) == ""

    def make(length: int) -> Callable[[], object]:
        text = "A" + unit * length
        return lambda: Progress.from_metadata({"state": text, "status": text})

    assert growth.growth(make, 1_000) < LINEAR


def test_long_names_of_fields_are_not_kept() -> None:
    caches = (field_names._role_of, field_names._place_of_name)
    before = [cache.cache_info().currsize for cache in caches]
    metadata: dict[str, Any] = {f"{'pending' * 20_000}{number}": {"a": number} for number in range(3)}
    assert Progress.from_metadata({**metadata, **{f"{key}x": 5 for key in metadata}}) == Progress()
    assert [cache.cache_info().currsize for cache in caches] <= [size + 1 for size in before]


_OTHER = re.compile(r"(?:(?P<op>\d{12,})_)?.*?(?:-(?P<i>\d+)-of-(?P<n>\d+))?(?:\.[A-Za-z0-9]+)*")


@given(
    name=st.lists(
        st.sampled_from(["123456789012_", "a", "-", "1-of-2", "-0-of-3", ".gz", ".", "_", "12"]), max_size=6
    ).map("".join)
)
@settings(max_examples=400, deadline=None)
def test_names_say_the_same_of_their_operation_and_place_as_before(name: str) -> None:
    old = _OTHER.fullmatch(name)
    assume(old is not None)
    assert old is not None
    index, total = (int(old[part]) if old[part] else None for part in ("i", "n"))
    assert classify._parse_other(name, HL7V2) == {"operation": old["op"], "index": index, "total": total}
