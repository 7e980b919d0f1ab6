"""What Tab offers in a real kernel, with jedi and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.session import Session

pytestmark = [pytest.mark.kernel, pytest.mark.service, pytest.mark.xdist_group("kernel")]

SET_UP = """
import lro_notebook as lro
ds = lro.connect()
store = ds.fhir_store("completion").create(exist_ok=True)
store.import_from("gs://lro-sample/fhir/Patient.ndjson", show=False).result()
op = store.export_to("gs://demo-out/completion", show=False)
r = op.load()
"""


@pytest.fixture(scope="module", params=[True, False], ids=["jedi", "plain"])
def kernel(session: Session, request: pytest.FixtureRequest) -> Iterator[Session]:
    session.run(SET_UP)
    session.run(f"%config IPCompleter.use_jedi = {request.param}")
    yield session
    session.run("%config IPCompleter.use_jedi = True")


def offered(kernel: Session, line: str) -> list[str]:
    return [match.lstrip(".").removeprefix("op.").removeprefix("lro.") for match in kernel.complete(line)]


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ('r["Pa', ["Patient"]),
        ('r.view("Pat', ["Patient"]),
        ('store.export_to("gs://b/x", types="Patien', ["Patient"]),
        ('op.load(lists="', ["first", "nested", "explode"]),
        ("op.wai", ["wait"]),
        ("lro.rea", ["read_results"]),
        ("op.pol", []),
        ("lro.annot", []),
    ],
)
def test_tab_offers_exactly_what_fits(kernel: Session, line: str, right: list[str]) -> None:
    assert offered(kernel, line) == right


@pytest.mark.parametrize("call", ["op.load(", "ds.read_results(", "lro.read_results("])
def test_the_options_of_a_load_are_offered(kernel: Session, call: str) -> None:
    for option in ("tables=", "columns=", "decimals=", "lists=", "storage_options="):
        assert option in offered(kernel, call + option[:3])


def test_only_public_names_are_offered(kernel: Session) -> None:
    package = set(kernel.run("print(*lro.__all__)").text("stdout").split())
    assert set(offered(kernel, "lro.")) == {name for name in package if not name.startswith("_")}
    names = set(offered(kernel, "op."))
    assert {"load", "wait", "cancel", "progress"} <= names
    assert not {"poller", "record", "samples", "snapshot", "about_to_block"} & names


def test_a_quote_of_others_is_left_to_ipython(kernel: Session) -> None:
    assert "first" not in offered(kernel, 'print(lists="')
    kernel.run("import pandas\nframe = pandas.DataFrame({'columns': [1]})")
    assert "columns" in offered(kernel, "frame['col")
