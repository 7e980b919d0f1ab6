"""What a card says, as plain data: an operation's last snapshot in words and numbers.

Pure: no widget, no clock. Text from the service is cleaned and cut here, and escaped where it becomes HTML.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lro_notebook.errors import Code
from lro_notebook.jupyter.console_links import links_of
from lro_notebook.operations.failed_units import count_told
from lro_notebook.operations.frame_methods import wrote_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from lro_notebook.operations.eta import Sample
    from lro_notebook.operations.operation import Operation
    from lro_notebook.operations.poller import OperationPoller
    from lro_notebook.operations.progress import Progress
    from lro_notebook.operations.resource import State
    from lro_notebook.operations.snapshot import Snapshot

AT_LEAST = "≥ "  # before the time of an operation that may have run before it was first seen
_ID = 40  # characters of an operation's id in a row
SHORT, LONG = 120, 600  # characters of the service's text in a line, in a message
_LEAST, _POINTS = 3, 24  # the samples that a sparkline needs, and the points that it has
#: Control characters, including ANSI sequences and those that change the direction of text.
_UNSHOWN = re.compile(
    "\x1b\\[[0-9;?]*[ -/]*[@-~]|[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HTTPS = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[^\s\"'<>\\]*)?")
_OF_A_DATASET = re.compile(r"projects/[^/]+/locations/[^/]+/datasets/[^/]+/operations/[^/]+")
#: Verbs that say little without what they are done to.
_BARE = frozenset({"create", "delete", "update", "insert", "patch"})
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
class Card:
    """What a card says of one operation. Times are in seconds; text is cleaned but not escaped.

    Attributes
    ----------
    title, target : str
        What the operation does and to what, in plain words.
    state : State
        Its state; `word` is how the state reads.
    trouble : str
        Why its state cannot be read; empty if it can.
    created : datetime or None
        When it began, in UTC.
    again : str
        What to type to see it again.
    first_seen : bool
        The service does not tell when it began: `created` is when it was first seen here.
    sentence, advice, next_line : str
        Once it has ended: how it ended, what to do, and what to type.
    as_of : datetime
        When all this was true.
    links : tuple of (str, str)
        Words and addresses of its pages in the Google Cloud console; none for any other service.
    sparkline : tuple of float
        Progress at even steps of time, 0 to 1; empty before it has moved.
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
    sparkline: tuple[float, ...] = ()
    first_seen: bool = False
    again: str = "lro.watch(name)"
    links: tuple[tuple[str, str], ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the operation has ended."""
        return self.state in ("SUCCEEDED", "FAILED", "CANCELLED")


def card_of(operation: Operation, now: datetime, *, with_sparkline: bool = False) -> Card:
    """Return what a card says of `operation` at `now`, from its last snapshot; `sparkline` only if asked."""
    snapshot = operation.snapshot
    resource, progress, state = snapshot.resource, snapshot.progress, snapshot.state
    rate = operation.samples.rate()
    until = progress.ended if resource.done else now
    elapsed = max(0.0, (until - progress.created).total_seconds()) if until and progress.created else None
    logs = (resource.metadata or {}).get("logsUrl")
    sentence, advice, next_line = _ending(operation, progress, state, elapsed)
    return Card(
        title=clean(title_of(operation.method, operation.target), SHORT),
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
        sparkline=sparkline(operation.samples) if with_sparkline else (),
        status="" if resource.done else clean(progress.status or "", SHORT),
        trouble=operation.trouble,
        sentence=sentence,
        advice=advice,
        next_line=next_line,
        as_of=now,
        first_seen=progress.created_from == "seen",
        again=_again(operation),
        links=links_of(operation),
    )


def _again(operation: Operation) -> str:
    """Return what shows an operation again: a dataset of the Healthcare API, else its full name."""
    name = clean(operation.name, 2 * SHORT)
    if _OF_A_DATASET.fullmatch(name) and not getattr(operation.poller.source, "types", ()):
        return f'ds.operation("{clean(operation.id, SHORT)}")'
    return f'lro.watch("{name}")' if len(name) <= SHORT else "lro.watch(name)"


def elapsed_at(card: Card, now: datetime) -> float | None:
    """Return how many seconds the operation has run at `now`; None if that is not known."""
    if card.elapsed is None or card.ended:
        return card.elapsed
    return card.elapsed + (now - card.as_of).total_seconds()


def aged(card: Card, now: datetime, note: str = "") -> Card:
    """Return `card` as it is at `now` if nothing new has come; a `note` replaces its trouble."""
    left = None if card.left is None else max(0.0, card.left - (now - card.as_of).total_seconds())
    return replace(card, elapsed=elapsed_at(card, now), left=left, as_of=now, trouble=note or card.trouble)


class CardCache:
    """The cards of a list of operations that only grows; one is made anew when its operation changed."""

    def __init__(self) -> None:
        self._seen: list[tuple[OperationPoller, Snapshot, str]] = []
        self._cards: list[Card] = []

    def cards(self, operations: Sequence[Operation], now: datetime) -> list[Card]:
        """Return a card for each operation; `as_of` says how old it is."""
        alone = len(operations) == 1
        for place, (poller, snapshot, trouble) in enumerate(self._seen):
            if poller.snapshot is not snapshot or poller.trouble != trouble:
                self._seen[place] = (poller, poller.snapshot, poller.trouble)
                self._cards[place] = card_of(operations[place], now, with_sparkline=alone)
        for operation in operations[len(self._seen) :]:
            poller = operation.poller
            self._seen.append((poller, poller.snapshot, poller.trouble))
            self._cards.append(card_of(operation, now, with_sparkline=alone))
        return self._cards


def sparkline(samples: Iterable[Sample]) -> tuple[float, ...]:
    """Return progress at even steps of time, from 0 at the first sample to 1; empty before three samples."""
    counted = [(one.time.timestamp(), one.completed) for one in samples if one.completed is not None]
    if len(counted) < _LEAST or counted[-1][1] <= counted[0][1]:
        return ()
    began, ended = counted[0][0], counted[-1][0]
    times, least, most = [time for time, _ in counted], counted[0][1], max(done for _, done in counted)
    steps = (began + (ended - began) * step / (_POINTS - 1) for step in range(_POINTS))
    seen = (counted[max(0, bisect_right(times, step) - 1)][1] for step in steps)
    return tuple(max(0.0, (done - least) / (most - least)) for done in seen)


def clean(text: str, limit: int) -> str:
    """Return `text` without the characters that terminals and browsers act on, cut to `limit` characters."""
    return cut(" ".join(_UNSHOWN.sub(" ", text[: 4 * limit]).split()), limit)


def short_id(card: Card) -> str:
    """Return the id that tells an operation from others in a table; of a long one both its ends."""
    name = card.operation_id
    return name if len(name) <= _ID else f"{name[: _ID // 2 - 1]}…{name[-_ID // 2 :]}"


def cut(text: str, limit: int) -> str:
    """Return `text`, which is clean already, cut to `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def title_of(method: str, target: str = "") -> str:
    """Return a method in plain words: "Import" for ``fhirStores.import``.

    A verb alone, such as ``create``, takes the kind of its target with it.
    """
    collection, _, verb = method.rpartition(".")
    words = _CAMEL.sub(" ", verb).lower().strip().replace("deidentify", "de-identify")
    if not collection and words in _BARE:
        collection = target.rstrip("/").rpartition("/")[0].rpartition("/")[2]
    if words in _BARE and collection and (not method.count(".") or words == "create"):
        words = f"{words} {_CAMEL.sub(' ', collection).lower().removesuffix('s')}"
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
    seen = AT_LEAST * (progress.created_from == "seen")  # how long it ran before that is not known
    time = f" in {seen}{duration(elapsed)}" if elapsed is not None else ""
    loads = "://" in (operation.destination or "")
    failures = f", {progress.failed:,} failed" if progress.failed else ""
    done = (
        f"{(progress.completed or 0) - (progress.failed or 0):,} done{failures}" if progress.completed else ""
    )
    error = operation.resource.error
    told = count_told(operation)
    if state == "SUCCEEDED":
        says = bool((operation.resource.response or {}).keys() - {"@type"})
        next_line = "op.failures()" if told else "op.load()" if loads else "op.result()" if says else ""
        if wrote_nothing(operation):
            since = operation.record.since if operation.record is not None else None
            what = f"Nothing has changed since {since}" if since else "Nothing to export"
            return f"{what}: 0 done{time}.", "", next_line
        return f"{done}{time}." if done else f"Done{time}.", "", next_line
    if state == "CANCELLED":
        after = f" after {seen}{duration(elapsed)}" if elapsed is not None else ""
        remains = "only finished files remain" if loads else "that remains"
        kept = f" with {done}; {remains}" if done else ""
        return f"Cancelled{after}{kept}.", "", "op.load(partial=True)" if loads and done else ""
    if state == "FAILED" and error is not None:
        message = clean(error.message, LONG) or "the service gave no reason"
        advice = _ADVICE.get(Code.of(error.code), "Start it again; if it fails again, look into its log.")
        return f"{error.name} ({error.code}): {message}", advice, "op.failures()" if told else ""
    return "", "", ""


def duration(seconds: float) -> str:
    """Return ``0:07``, ``12:40`` or ``3:05:09``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def counts(card: Card) -> str:
    """Return ``41,200 of 82,400``, ``41,200 done``, or nothing where nothing is counted.

    What has failed counts as dealt with, and not as done.
    """
    if card.completed is None:
        return ""
    if card.total:
        return f"{card.completed:,} of {card.total:,}"
    return f"{max(0, card.completed - card.failed):,} done"


def speed(rate: float) -> str:
    """Return ``1,200/s``, or ``4.5/min`` for less than one a second."""
    return f"{rate:,.0f}/s" if rate >= 1 else f"{rate * 60:,.1f}/min"


def amounts(card: Card) -> list[str]:
    """Return how much is done, as short phrases; what is unknown is left out."""
    parts = []
    if card.completed is not None:
        parts.append(counts(card))
    if card.fraction is not None and not card.ended:
        parts.append(f"{int(card.fraction * 100)} %")
    if card.failed:
        parts.append(f"{card.failed:,} failed")
    return parts


def times(card: Card) -> list[str]:
    """Return how fast it goes and how long it takes, as short phrases; what changes most comes first."""
    parts = []
    if card.rate is not None and not card.ended:
        parts.append(speed(card.rate))
    if card.elapsed is not None:
        parts.append(f"{AT_LEAST * card.first_seen}{duration(card.elapsed)} elapsed")
    if card.left is not None:
        parts.append(f"about {duration(card.left)} left")
    return parts


def numbers(card: Card) -> list[str]:
    """Return the amounts and the times."""
    return amounts(card) + times(card)


def headline(card: Card) -> str:
    """Return the word for the state, and the number of failures of a success that has some."""
    return (
        f"{card.word} with {card.failed:,} failed" if card.state == "SUCCEEDED" and card.failed else card.word
    )
