"""What hatchling asks at build time: the long description and the project's URLs, both from one setting.

README.md has relative links, which work in a clone. With an ``address`` in pyproject.toml
(``[tool.hatch.metadata.hooks.custom]``) the long description has absolute ones, of the tag of its version.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"""(?P<before>\]\(|\b(?:href|src|srcset)=")(?P<path>(?![a-z]+:|[#/])[^)"\s]+)""")
_PICTURES = (".png", ".svg", ".gif", ".jpg")
#: Where each page is, below the address.
_PAGES = {
    "Documentation": "blob/{tag}/docs/index.md",
    "Changelog": "blob/{tag}/CHANGELOG.md",
    "Issues": "issues",
    "Source": "",
}


class LongDescription(MetadataHookInterface):
    """Gives the fields ``readme`` and ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the fields into the metadata."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        address, tag = self.config["address"].rstrip("/"), f"v{metadata['version']}"
        if address:
            text = absolute(text, address, tag)
            metadata["urls"] = {
                name: f"{address}/{page.format(tag=tag)}".rstrip("/") for name, page in _PAGES.items()
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def absolute(text: str, address: str, tag: str) -> str:
    """Return Markdown whose relative links and pictures are those of a tag at an address (GitHub, GitLab)."""

    def link(found: re.Match[str]) -> str:
        kind = "raw" if found["path"].endswith(_PICTURES) else "blob"
        return f"{found['before']}{address}/{kind}/{tag}/{found['path']}"

    return _LINK.sub(link, text)
