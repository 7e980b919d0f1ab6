"""A hook of mkdocs: each example notebook is a page of the site, with the outputs that are stored in it.

Cells become Markdown, so that links, headings and search are those of all pages. Outputs are put in as
they are, once the Markdown is HTML. Nothing is run, and no other package is needed.
"""

from __future__ import annotations

import base64
import json
import re
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FOLDER = "examples"  # of the pages
_PLACE = re.compile(r'<div data-output="(\d+)"></div>')
_ANSI = re.compile(r"\x1b\[[\d;]*m")


class Converted(NamedTuple):
    """A notebook as a page: its Markdown, the HTML of its outputs, and its pictures by name."""

    markdown: str
    outputs: list[str]
    pictures: dict[str, bytes]


_pages: dict[str, Converted] = {}


def convert(notebook: dict[str, Any], name: str) -> Converted:
    """Return a notebook as a page; the Markdown has a mark where each output comes."""
    page = Converted("", [], {})
    parts: list[str] = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).rstrip()
        if cell["cell_type"] == "markdown":
            parts.append(_links(source))
        elif cell["cell_type"] == "code":
            parts.append(f"````python\n{source}\n````")
            shown = [_output(output, name, page.pictures) for output in cell["outputs"]]
            if html := "".join(shown):
                parts.append(f'<div data-output="{len(page.outputs)}"></div>')
                page.outputs.append(f'<div class="nb-output" data-search-exclude>{html}</div>')
    title, _, rest = "\n\n".join(parts).partition("\n")
    origin = (
        f"*The notebook `notebooks/{name}.ipynb` of the repository, with the outputs that are stored in it.*"
    )
    return page._replace(markdown=f"{title}\n\n{origin}\n{rest}\n")


def _links(source: str) -> str:
    """Return Markdown whose links to notebooks and pages are those of the site."""
    source = re.sub(r"\]\((\w+)\.ipynb(#[^)]*)?\)", r"](\1.md\2)", source)
    return source.replace("](../docs/", "](../")


def _output(output: dict[str, Any], name: str, pictures: dict[str, bytes]) -> str:
    if output["output_type"] == "stream":
        return _text("".join(output["text"]), output["name"])
    data = {kind: "".join(value) for kind, value in output["data"].items() if isinstance(value, str | list)}
    if "image/png" in data:
        picture = f"{name}-{len(pictures) + 1}.png"
        pictures[picture] = base64.b64decode(data["image/png"])
        return f'<img class="nb-picture" src="{picture}" alt="What the cell above draws">'
    if "text/html" in data:
        return f'<div class="nb-html">{data["text/html"]}</div>'
    return _text(data["text/plain"], "result")


def _text(text: str, kind: str) -> str:
    return f'<pre class="nb-text nb-{kind}">{escape(_ANSI.sub("", text).rstrip(), quote=False)}</pre>'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook, and its pictures."""
    from mkdocs.structure.files import File

    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        page = convert(json.loads(path.read_text(encoding="utf-8")), path.stem)
        source = f"{FOLDER}/{path.stem}.md"
        _pages[source] = page
        files.append(File.generated(config, source, content=page.markdown))
        for name, picture in page.pictures.items():
            files.append(File.generated(config, f"{FOLDER}/{name}", content=picture))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links to notebooks, which are files beside `docs` in the repository, to their pages."""
    up = "../" * page.file.src_uri.count("/")
    return re.sub(
        rf"\]\({re.escape(up)}\.\./notebooks/(\w+)\.ipynb(#[^)]*)?\)", rf"]({up}{FOLDER}/\1.md\2)", markdown
    )


def on_page_content(html: str, page: Page, **_: object) -> str:
    """Put the outputs in."""
    converted = _pages.get(page.file.src_uri)
    if converted is None:
        return html
    return _PLACE.sub(lambda place: converted.outputs[int(place[1])], html)
