"""What a DICOMweb client accepts: media types with their parameters, the most wanted first. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.errors import Code
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.http import multipart

if TYPE_CHECKING:
    from collections.abc import Sequence

MULTIPART = "multipart/related"
DICOM, OCTETS = "application/dicom", "application/octet-stream"
JSON, XML = "application/dicom+json", "application/dicom+xml"
ANY = "*/*"
#: Transfer syntax that stands for the stored one.
AS_STORED = "*"
_ENTRIES = re.compile(r'(?:[^,"]|"[^"]*")+')


class Media(NamedTuple):
    """A media type that a client accepts.

    Attributes
    ----------
    kind : str
        Of the content, or of each part of it; ``*/*`` for any.
    is_multipart : bool
        Whether it wants parts; with ``*/*`` as its own type, either will do.
    syntax : str
        The transfer syntax; empty if it names none.
    """

    kind: str
    is_multipart: bool
    syntax: str = ""

    def allows(self, kind: str) -> bool:
        """Tell whether content of a media type is accepted."""
        main, _, sub = self.kind.partition("/")
        return self.kind in (ANY, kind) or (sub == "*" and kind.startswith(f"{main}/"))


def accepted(header: str | None) -> list[Media]:
    """Return what an ``Accept`` header accepts; anything if there is none."""
    found: list[tuple[float, Media]] = []
    for entry in _ENTRIES.findall(header or ANY):
        kind, parameters = multipart.parameters_of(entry.strip())
        quality = parameters.get("q", "1")
        weight = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality, re.ASCII) else 1.0
        syntax = parameters.get("transfer-syntax", "")
        if kind == MULTIPART:
            found.append(
                (weight, Media(parameters.get("type", ANY).lower(), is_multipart=True, syntax=syntax))
            )
        elif kind and weight > 0:
            found.append((weight, Media(kind, is_multipart=False, syntax=syntax)))
    found.sort(key=lambda pair: -pair[0])
    return [media for weight, media in found if weight > 0]


def not_acceptable(given: str | None, possible: Sequence[str]) -> ServiceError:
    """Return the error for a header that accepts nothing of what there is: HTTP 406."""
    message = f"Accept: nothing in {(given or '')[:200]!r} can be given here; ask for {' or '.join(possible)}"
    return ServiceError(Code.INVALID_ARGUMENT, message, status=406)
