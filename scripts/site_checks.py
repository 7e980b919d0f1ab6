"""A hook of mkdocs that fails the build where the site is not what it has to be.

A search for what newcomers ask finds the right page first, and no page loads anything from another host.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig

#: What is typed into the search, and the page that comes first.
FOUND = {
    "csv": "cookbook.html",
    "synthea": "cookbook.html",
    "upload": "cookbook.html",
    "schedule": "production.html",
    "cancel": "cancelling.html",
    "cohort": "examples/07_cohort_study.html",
}
_TAG = re.compile(r"<[^>]+>")
#: An element that makes a browser ask for what its attribute names.
_LOADED = re.compile(r"<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*>")
_ELSEWHERE = re.compile(r"""\b(?:src|srcset|href|data|poster)=["']?\s*((?:https?:)?//[^"'\s>]+)""")
_IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
#: Links that a browser does not follow by itself.
_QUIET = re.compile(r'rel="(?:canonical|alternate|prev|next)"')


def ranked(index: dict[str, Any], word: str) -> list[str]:
    """Return the pages that a search for a word finds, the best first, as the theme ranks them in a browser.

    That is BM25 of lunr without regard to length, on the words of sections that begin with `word`, where a
    title counts as much as a thousand texts, and a page as a whole two and a half times a section of it.
    """
    fields = {name: field["boost"] for name, field in index["config"]["fields"].items()}
    counted = [
        (section, name, Counter(_words(section.get(name, ""), index["config"]["separator"])))
        for section in index["docs"]
        for name in fields
    ]
    among = Counter(term for _, _, words in counted for term in words if term.startswith(word))
    scores: dict[str, float] = {}
    for section, name, words in counted:
        weight = fields[name] * section.get("boost", 1) * (2 if "#" in section["location"] else 5)
        for term in among.keys() & words:
            rare = math.log1p(abs((len(index["docs"]) - among[term] + 0.5) / (among[term] + 0.5)))
            score = weight * rare * 2.2 * words[term] / (1.2 + words[term])
            scores[section["location"]] = scores.get(section["location"], 0) + score
    best_first = sorted(scores, key=lambda location: -scores[location])
    return list(dict.fromkeys(location.partition("#")[0] for location in best_first))


def _words(text: str | list[str], separator: str) -> list[str]:
    plain = text if isinstance(text, str) else " ".join(text)
    return [word for word in re.split(separator, unescape(_TAG.sub(" ", plain)).lower()) if word]


def loaded_from_elsewhere(name: str, text: str) -> Iterator[str]:
    """Yield the addresses on other hosts that a browser asks for because of a page or a stylesheet."""
    if name.endswith(".css"):
        yield from _IN_STYLES.findall(text)
        return
    for element in _LOADED.findall(text):
        if not _QUIET.search(element):
            yield from _ELSEWHERE.findall(element)


def wrong(site: Path) -> Iterator[str]:
    """Yield a sentence on each thing that is not as it has to be."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    for word, page in FOUND.items():
        first = ranked(index, word)[:3]
        if first[:1] != [page]:
            yield f"a search for {word!r} finds {', '.join(first) or 'nothing'}; {page} has to come first"
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css"):
            for address in loaded_from_elsewhere(path.name, path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(site)} loads {address}; the site has to do without other hosts"


def on_post_build(config: MkDocsConfig) -> None:
    """Fail the build where something is wrong."""
    from mkdocs.exceptions import PluginError

    if sentences := list(wrong(Path(config.site_dir))):
        raise PluginError("\n".join(sentences))
