"""What a card says, as plain data: an operation's last snapshot in words and numbers.

Pure: no widget, no clock. Text from the server is cleaned and cut here, escaped where it becomes html.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lro_notebook.errors import Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lro_notebook.operations.operation import Operation
    from lro_notebook.operations.poller import OperationPoller
    from lro_notebook.operations.progress import Progress, Sample
    from lro_notebook.operations.resource import State
    from lro_notebook.operations.snapshot import Snapshot

SHORT, LONG = 120, 600  # characters of the server's text in a line, in a message
_LEAST, _POINTS = 3, 24  # samples that a line over time needs, and the points that it has
#: Control characters, ANSI sequences included, and those that change the direction of text.
_UNSHOWN = re.compile(
    "\x1b\\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[^\s\"'<>\\]*)?")
WORDS: dict[State, str] = {
    "PENDING": "Pending",
    "RUNNING": "Running",
    "CANCELLING": "Cancelling",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
}
#: What to do about an operation that failed, by its google.rpc code.
_ADVICE = {
    Code.NOT_FOUND: "Check the names and URIs, then start it again.",
    Code.INVALID_ARGUMENT: "Correct the request, then start it again.",
    Code.FAILED_PRECONDITION: "Bring its resources into order, then start it again.",
    Code.ALREADY_EXISTS: "Choose another name, then start it again.",
    Code.PERMISSION_DENIED: "Grant the service what it needs to read and write, then start it again.",
    Code.UNAUTHENTICATED: "Renew the credentials, then start it again.",
    Code.RESOURCE_EXHAUSTED: "Wait for other operations to end or raise the quota, then start it again.",
    Code.UNIMPLEMENTED: "The service does not offer this.",
}


@dataclass(frozen=True, slots=True)
class CardView:
    """One operation as a card shows it. Times are seconds; text is cleaned but not escaped.

    Attributes
    ----------
    title, target : str
        What it does and to what, in plain words.
    state : State
        One word for where it is; `word` is how it reads.
    trouble : str
        What stands in the way of reading its state; empty when nothing does.
    created : datetime or None
        When it began, in UTC.
    sentence, advice, next_line : str
        Once it has ended: how, what to do, and what to type.
    as_of : datetime
        When all this was so.
    line : tuple of float
        How far it was at even steps of time, 0 to 1; empty before it has moved.
    """

    title: str
    target: str
    state: State
    word: str
    operation_id: str
    local: bool
    logs_url: str
    fraction: float | None
    completed: int | None
    total: int | None
    failed: int
    rate: float | None
    created: datetime | None
    elapsed: float | None
    left: float | None
    status: str
    trouble: str
    sentence: str
    advice: str
    next_line: str
    as_of: datetime
    line: tuple[float, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the operation has ended."""
        return self.state in ("SUCCEEDED", "FAILED", "CANCELLED")


def view_of(operation: Operation, now: datetime, *, with_line: bool = False) -> CardView:
    """Return what a card says of `operation` at `now`, from its last snapshot; `line` only if asked."""
    snapshot = operation.snapshot
    resource, progress, state = snapshot.resource, snapshot.progress, snapshot.state
    rate = operation.samples.rate()
    until = progress.ended if resource.done and progress.ended else now
    elapsed = max(0.0, (until - progress.created).total_seconds()) if progress.created else None
    logs = (resource.metadata or {}).get("logsUrl")
    sentence, advice, next_line = _ending(operation, progress, state, elapsed)
    return CardView(
        title=clean(title_of(operation.method), SHORT),
        target=clean(target_of(operation), SHORT),
        state=state,
        word=WORDS[state],
        operation_id=clean(operation.id, SHORT),
        local=bool(getattr(operation.client, "is_local", False)),
        logs_url=logs if isinstance(logs, str) and len(logs) < 2_000 and _HTTPS.fullmatch(logs) else "",  # noqa: PLR2004
        fraction=progress.fraction,
        completed=progress.completed,
        total=progress.total,
        failed=progress.failed or 0,
        rate=rate,
        created=progress.created,
        elapsed=elapsed,
        left=operation.poller.seconds_left,
        line=sparkline(operation.samples) if with_line else (),
        status="" if resource.done else clean(progress.status or "", SHORT),
        trouble=operation.trouble,
        sentence=sentence,
        advice=advice,
        next_line=next_line,
        as_of=now,
    )


def age(view: CardView, now: datetime) -> float | None:
    """Return for how many seconds the operation has run at `now`; None where that is not known."""
    if view.elapsed is None or view.ended:
        return view.elapsed
    return view.elapsed + (now - view.as_of).total_seconds()


def aged(view: CardView, now: datetime, note: str = "") -> CardView:
    """Return `view` as it is at `now` if nothing was heard since; with a `note` in place of its trouble."""
    left = None if view.left is None else max(0.0, view.left - (now - view.as_of).total_seconds())
    return replace(view, elapsed=age(view, now), left=left, as_of=now, trouble=note or view.trouble)


class Latest:
    """The views of a list of operations that only grows; one is made anew when its operation changed."""

    def __init__(self) -> None:
        self._seen: list[tuple[OperationPoller, Snapshot, str]] = []
        self._views: list[CardView] = []

    def views(self, operations: Sequence[Operation], now: datetime) -> list[CardView]:
        """Return a view of each operation; `as_of` says from when it is."""
        alone = len(operations) == 1
        for place, (poller, snapshot, trouble) in enumerate(self._seen):
            if poller.snapshot is not snapshot or poller.trouble != trouble:
                self._seen[place] = (poller, poller.snapshot, poller.trouble)
                self._views[place] = view_of(operations[place], now, with_line=alone)
        for operation in operations[len(self._seen) :]:
            poller = operation.poller
            self._seen.append((poller, poller.snapshot, poller.trouble))
            self._views.append(view_of(operation, now, with_line=alone))
        return self._views


def sparkline(samples: Iterable[Sample]) -> tuple[float, ...]:
    """Return how far it was at even steps of time, from the first sample to the most; empty before three."""
    counted = [(one.time.timestamp(), one.completed) for one in samples if one.completed is not None]
    if len(counted) < _LEAST or counted[-1][1] <= counted[0][1]:
        return ()
    began, ended = counted[0][0], counted[-1][0]
    times, least, most = [time for time, _ in counted], counted[0][1], max(done for _, done in counted)
    steps = (began + (ended - began) * step / (_POINTS - 1) for step in range(_POINTS))
    seen = (counted[max(0, bisect_right(times, step) - 1)][1] for step in steps)
    return tuple(max(0.0, (done - least) / (most - least)) for done in seen)


def clean(text: str, limit: int) -> str:
    """Return `text` without what terminals and browsers act on, cut to `limit` characters."""
    return cut(" ".join(_UNSHOWN.sub(" ", text[: 4 * limit]).split()), limit)


def cut(text: str, limit: int) -> str:
    """Return `text`, which is clean already, cut to `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def title_of(method: str) -> str:
    """Return a method in plain words, such as "Import" for ``fhirStores.import``."""
    collection, _, verb = method.rpartition(".")
    words = _CAMEL.sub(" ", verb).lower().strip()
    if words == "create" and collection:
        words = f"create {_CAMEL.sub(' ', collection).lower().removesuffix('s')}"
    return words[:1].upper() + words[1:] or "Operation"


def target_of(operation: Operation) -> str:
    """Return what an operation reads and writes: ``gs://bucket/x → fhirStores/demo``."""
    places = [_short(place) for place in (operation.source, operation.destination) if place]
    return " → ".join(places) or _short(operation.target)


def _short(name: str) -> str:
    """Return the last collection and id of a resource name; a URI stays as it is."""
    return name if "://" in name else "/".join(name.split("/")[-2:])


def _ending(
    operation: Operation, progress: Progress, state: State, elapsed: float | None
) -> tuple[str, str, str]:
    """Return how an operation ended, what to do about it, and the next line to type."""
    if not operation.resource.done:
        return "", "", ""
    time = f" in {duration(elapsed)}" if elapsed is not None else ""
    loads = "://" in (operation.destination or "")
    failures = f", {progress.failed:,} failed" if progress.failed else ""
    done = (
        f"{(progress.completed or 0) - (progress.failed or 0):,} done{failures}" if progress.completed else ""
    )
    error = operation.resource.error
    if state == "SUCCEEDED":
        next_line = "op.failures()" if failures else "op.load()" if loads else "op.result()"
        return f"{done}{time}." if done else f"Done{time}.", "", next_line
    if state == "CANCELLED":
        after = f" after {duration(elapsed)}" if elapsed is not None else ""
        kept = f" with {done}; that remains" if done else ""
        return f"Cancelled{after}{kept}.", "", "op.load(partial=True)" if loads and done else ""
    if state == "FAILED" and error is not None:
        message = clean(error.message, LONG) or "the service gave no reason"
        advice = _ADVICE.get(Code.of(error.code), "Start it again; if it fails again, look into its log.")
        return f"{error.name} ({error.code}): {message}", advice, "op.failures()" if failures else ""
    return "", "", ""


def duration(seconds: float) -> str:
    """Return ``0:07``, ``12:40`` or ``3:05:09``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def counts(view: CardView) -> str:
    """Return ``41,200 of 82,400``, ``41,200 done``, or nothing where nothing is counted."""
    if view.completed is None:
        return ""
    return f"{view.completed:,} of {view.total:,}" if view.total else f"{view.completed:,} done"


def speed(rate: float) -> str:
    """Return ``1,200/s``, or ``4.5/min`` for less than one a second."""
    return f"{rate:,.0f}/s" if rate >= 1 else f"{rate * 60:,.1f}/min"


def amounts(view: CardView) -> list[str]:
    """Return how much is done, each as a short phrase; what is unknown is left out."""
    parts = []
    if view.completed is not None:
        parts.append(counts(view))
    if view.fraction is not None and not view.ended:
        parts.append(f"{int(view.fraction * 100)} %")
    if view.failed:
        parts.append(f"{view.failed:,} failed")
    return parts


def times(view: CardView) -> list[str]:
    """Return how fast it goes and how long it takes, as `amounts` does; what changes most comes first."""
    parts = []
    if view.rate is not None and not view.ended:
        parts.append(speed(view.rate))
    if view.elapsed is not None:
        parts.append(f"{duration(view.elapsed)} elapsed")
    if view.left is not None:
        parts.append(f"about {duration(view.left)} left")
    return parts


def numbers(view: CardView) -> list[str]:
    """Return the amounts and the times."""
    return amounts(view) + times(view)


def headline(view: CardView) -> str:
    """Return the state word, with the failures of a success that has some."""
    return (
        f"{view.word} with {view.failed:,} failed" if view.state == "SUCCEEDED" and view.failed else view.word
    )
