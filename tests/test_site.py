"""The hooks that `make docs` builds the site with, without mkdocs: what they make, and what they refuse."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from docs_pages import DOCS, read
from places import ROOT

from scripts.notebook_pages import convert
from scripts.reference_tables import on_page_markdown
from scripts.site_checks import FOUND, loaded_from_elsewhere, ranked, wrong

PNG = base64.b64encode(b"\x89PNG").decode()


def cell(source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    kind = "code" if outputs else "markdown"
    return {"cell_type": kind, "source": [source], "outputs": list(outputs)}


def shown(**data: str) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {kind.replace("_", "/"): text for kind, text in data.items()},
    }


def test_a_notebook_is_a_page_with_its_outputs() -> None:
    cells = [
        cell("# A title\n\nSee [views](../docs/views.md#paths), [first](01_quickstart.ipynb)."),
        cell("op", shown(text_html="<b>card</b>", text_plain="card")),
        cell("plot()", shown(image_png=PNG, text_plain="<Figure>")),
        cell("print()", {"output_type": "stream", "name": "stdout", "text": "\x1b[31m1 < 2\x1b[0m\n"}),
    ]
    page = convert({"cells": cells}, "02_x")
    assert page.markdown.startswith("# A title\n\n*The notebook `notebooks/02_x.ipynb`")
    assert "[views](../views.md#paths), [first](01_quickstart.md)" in page.markdown
    assert page.markdown.count('<div data-output="') == 3
    card, plot, text = page.outputs
    assert "<b>card</b>" in card
    assert 'src="02_x-1.png"' in plot
    assert page.pictures == {"02_x-1.png": b"\x89PNG"}
    assert "1 &lt; 2</pre>" in text


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_output_of_the_notebooks_is_shown(path: Any) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    page = convert(notebook, path.stem)
    with_outputs = [each for each in notebook["cells"] if each.get("outputs")]
    assert len(page.outputs) == len(with_outputs) > 3
    assert page.markdown.startswith("# ")


def test_a_table_of_the_reference_has_the_first_lines_of_docstrings() -> None:
    made = on_page_markdown("<!-- names: op = lro_notebook.Operation: wait, state -->")
    assert "| [`op.wait(…)`][lro_notebook.Operation.wait] | Wait until it has ended" in made
    assert "| [`op.state`][lro_notebook.Operation.state] | PENDING, RUNNING" in made
    with pytest.raises(LookupError, match=r"Operation\.nothing is not there"):
        on_page_markdown("<!-- names: op = lro_notebook.Operation: nothing -->")


@pytest.mark.parametrize("page", sorted((DOCS / "reference").glob("*.md")), ids=lambda page: page.stem)
def test_every_page_of_the_reference_begins_with_a_table(page: Any) -> None:
    made = on_page_markdown(read(page))
    table, details = made.find("\n|---|---|"), made.find("\n::: ")
    assert 0 < table < (details if details > 0 else len(made))
    assert "<!-- names" not in made


def index(*sections: tuple[str, str, str]) -> dict[str, Any]:
    fields = {"title": {"boost": 1000.0}, "text": {"boost": 1.0}}
    docs = [{"location": location, "title": title, "text": text} for location, title, text in sections]
    return {"config": {"separator": r"[\s\-]+", "fields": fields}, "docs": docs}


def test_a_title_is_found_before_texts_and_a_page_before_a_section() -> None:
    sections = index(
        ("a.html", "Files", "<p>csv and csv and csv</p>"),
        ("b.html#how", "How do I get CSV?", ""),
        ("c.html", "CSV", ""),
        ("d.html", "Other", "nothing"),
    )
    assert ranked(sections, "csv") == ["c.html", "b.html", "a.html"]
    assert ranked(sections, "synthea") == []


def test_what_a_search_does_not_find_first_and_what_is_loaded_from_elsewhere_is_told(tmp_path: Any) -> None:
    (tmp_path / "search").mkdir()
    sections = index(*((page, word, "") for word, page in FOUND.items() if word != "csv"))
    (tmp_path / "search" / "search_index.json").write_text(json.dumps(sections))
    (tmp_path / "x.html").write_text(
        '<a href="https://a.example">x</a><script src="https://b.example/x.js"></script>'
    )
    first, second = wrong(tmp_path)
    assert "a search for 'csv' finds nothing" in first
    assert "x.html loads https://b.example/x.js" in second


def test_what_a_browser_asks_other_hosts_for() -> None:
    html = '<link rel="canonical" href="https://a.example"><link href="//b.example/x.css"><img src="x.png">'
    assert list(loaded_from_elsewhere("x.html", html)) == ["//b.example/x.css"]
    css = "@import 'https://c.example/f.css'; a { background: url(x.svg) url(https://d.example/y.png) }"
    assert list(loaded_from_elsewhere("x.css", css)) == ["https://c.example/f.css", "https://d.example/y.png"]
