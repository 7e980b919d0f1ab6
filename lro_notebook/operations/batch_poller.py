"""`BatchPoller`: looks at the operations under one parent with as few requests as they need.

One ``operations.list`` may tell as much as hundreds of single reads, so the batch poller gathers the looks
that are due and lists where that costs fewer requests. It relies on no filter, on no order of the list, and
not on the list being fresh: what the list misses, or where it is behind what was seen before, is read by
itself. Each read by itself is a job of its own, so that one that hangs holds up no other.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from lro_notebook import forking
from lro_notebook.errors import ApiError, ConfigError, LroError
from lro_notebook.http.responses import UnusableAnswer, is_transient
from lro_notebook.operations.adapters import jobs
from lro_notebook.operations.due_queue import DueQueue
from lro_notebook.operations.scheduler import Budget, Scheduler, shared, steady
from lro_notebook.operations.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lro_notebook.operations.poller import OperationPoller

    Due = tuple[float, OperationPoller]  # when it was due, and who

AHEAD = 0.5  # seconds; looks that are due this soon count in favour of a list
LIST_GAP, PAGE_GAP = 0.25, 0.1  # seconds from one list to the next: at least, and for each of its pages
SHARE = 0.07  # of one core: what lists may use at most
CHECK_EVERY = 10  # one in so many lists is checked against a single read
STRIKES = 3  # lists in a row that failed or were behind, until a while goes without lists:
SOON, OFF = 15.0, 600.0  # seconds, where the failure may pass, and where lists are missing or lag
PATIENCE = 1.0  # seconds; those that wait longer for a list are read by themselves
LONGEST = 10.0  # seconds after which a list is given up
_log = logging.getLogger(__name__)


class Listing(Protocol):
    """Reads all operations of one parent."""

    def __call__(self) -> Iterator[Sequence[dict[str, Any]]]:
        """Iterate over the pages, as JSON, with one single request for each."""


class BatchPoller:
    """The operations of one parent that are followed; their `poller.Runner`.

    May be used from any thread.

    Parameters
    ----------
    listing : Listing
        Reads them all.
    budget : Budget
        The requests of their client.
    scheduler, clock, work
        Who runs it; seconds that only grow; seconds that the asking thread has worked.
    """

    def __init__(
        self,
        listing: Listing,
        budget: Budget,
        *,
        scheduler: Scheduler | None = None,
        clock: Callable[[], float] = steady,
        work: Callable[[], float] = time.thread_time,
    ) -> None:
        self._listing, self._budget = listing, budget
        self._scheduler, self._clock, self._work = scheduler or shared(), clock, work
        self._begin()
        self._next_list = self._off_until = 0.0
        self._pages, self._lists = 1, 0
        self._failed, self._behind = 0, 0  # lists in a row
        forking.bind(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._due: DueQueue[OperationPoller] = DueQueue()
        self._taken: list[Due] = []  # by the round that goes on
        self._round = _Round(self)  # the next one, or the one that goes on
        self._planned: float | None = None  # when the scheduler will run the next one
        self._not_before = 0.0
        self._in_list = False

    def after_fork_in_child(self) -> None:
        """Have nobody to look at, until somebody in this process follows."""
        self._begin()

    @property
    def lane(self) -> str | None:
        """The host that is asked, where that is known."""
        return getattr(self._listing, "lane", None)

    def schedule(self, job: OperationPoller, delay: float = 0.0) -> None:
        """Have `job` looked at in `delay` seconds, instead of when it was due before."""
        with self._lock:
            moment = self._clock()
            due = moment + delay
            self._due.put(job, due)
            due = max(due, self._not_before)
            if self._planned is not None and self._planned <= due:
                return
            self._planned = due
            self._scheduler.schedule(self._round, due - moment)  # locked: a later one must not undo it

    def forget(self, job: OperationPoller) -> None:
        """Do not look at `job` again; a look that has begun goes on to its end."""
        with self._lock:
            self._due.discard(job)

    def run(self, this: _Round) -> float | None:
        """Look at what is due, in round `this`; return the seconds until it runs again, None at the end."""
        with self._lock:
            self._planned, self._not_before = None, 0.0
            moment = self._clock()
            self._taken = self._due.take(moment)
            list_pays = self._list_pays(moment)
        if not list_pays:
            looks = self._looks(self._taken)
            if len(looks) == 1 and this.may_become(looks[0]):
                self._leave_to(this, looks[0])
                return None
            self._start(looks)
        elif moment < self._next_list:
            self._put_back(self._taken, self._next_list)
        else:
            self._list()
        with self._lock:
            self._taken = []
            return self._plan()

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen: nobody is looked at any more."""
        with self._lock:
            pollers = [*self._due, *(poller for _, poller in self._taken)]
            self._due.clear()
        for poller in pollers:
            poller.on_crash(error)

    def reading_ended(self, poller: OperationPoller, delay: float | None, *, behind: bool | None) -> None:
        """Hear how a single read ended, and whether the list before it was behind (None: not checked)."""
        if delay is not None:
            self.schedule(poller, delay)
        if behind is not None:
            self._note_lag(behind=behind)

    def go_on_without_list(self) -> float | None:
        """Read by themselves those that wait for a slow list; return None once it has ended."""
        with self._lock:
            if not self._in_list:
                return None
            due, self._taken = [*self._taken, *self._due.take(self._clock())], []
        self._start(self._looks(due))
        return PATIENCE

    def _put_back(self, due: Sequence[Due], not_before: float) -> None:
        """Leave `due` for a run at `not_before`; they stay ahead of what comes due later."""
        with self._lock:
            self._not_before = not_before
            for at, poller in due:
                self._due.put(poller, at)

    def _plan(self) -> float | None:
        first_due = self._due.first_due
        if first_due is None:
            return None
        self._planned = max(first_due, self._not_before)
        return max(0.0, self._planned - self._clock())

    def _list_pays(self, moment: float) -> bool:
        """Tell whether a list costs fewer requests than the single reads that it stands for."""
        if not self._taken or moment < self._off_until:
            return False
        needed = self._pages - len(self._taken)
        soon = self._due.due_by(moment + AHEAD)
        return needed < 0 or sum(1 for _ in itertools.islice(soon, needed + 1)) > needed

    def _looks(self, due: Sequence[Due], *, checked: OperationPoller | None = None) -> list[_Look]:
        """Return a single read of each of `due`, as far as the budget goes; the others stay due."""
        looks: list[_Look] = []
        for position, (_, poller) in enumerate(due):
            pause = self._budget.take()
            if pause:
                self._put_back(due[position:], self._clock() + pause)
                break
            looks.append(_Look(self, self._budget, poller, checks=poller is checked))
        return looks

    def _start(self, looks: Iterable[_Look]) -> None:
        for look in looks:
            self._scheduler.schedule(look)

    def _leave_to(self, this: _Round, look: _Look) -> None:
        """Let the thread of round `this` do `look`; what comes due meanwhile is for another round."""
        with self._lock:
            self._taken, self._round = [], _Round(self)
            delay = self._plan()
            if delay is not None:
                self._scheduler.schedule(self._round, delay)
        this.become(look)

    def _list(self) -> None:
        pause = self._budget.take()
        if pause:
            self._put_back(self._taken, self._clock() + pause)
            return
        began = self._work()
        with self._lock:
            pollers = [*self._due, *(poller for _, poller in self._taken)]
            wanted = {poller.resource.name: poller for poller in pollers}
            self._in_list = True
        impatience = _Impatience(self)
        self._scheduler.schedule(impatience, PATIENCE)
        try:
            listed, pages = self._read_list(wanted)
        except LroError as error:
            self._list_failed(error, self._left_over())
            return
        except Exception as error:  # noqa: BLE001 - whatever a list is, it costs no more than itself
            _log.warning("a list of operations cannot be read (%s)", type(error).__name__)
            self._list_failed(UnusableAnswer("the list cannot be read", url=""), self._left_over())
            return
        finally:
            self._in_list = False
            self._scheduler.forget(impatience)
        self._failed = 0
        due = self._left_over()
        unread = self._deliver(listed, due)
        work = (self._work() - began) / SHARE
        self._next_list = self._clock() + max(LIST_GAP, PAGE_GAP * pages, work)
        checked = None
        if self._lists % CHECK_EVERY == 0:
            checked = next((job for _, job in due if job in listed and not job.resource.done), None)
            unread += [(at, job) for at, job in due if job is checked]
        self._lists += 1
        self._start(self._looks(unread, checked=checked))

    def _read_list(self, wanted: dict[str, OperationPoller]) -> tuple[dict[OperationPoller, Snapshot], int]:
        """Return what a list tells of those wanted, and how many pages it took; it may stop on the way."""
        listed: dict[OperationPoller, Snapshot] = {}
        began, pages = self._clock(), 0
        for page in self._listing():
            pages += 1
            for item in page:
                poller = wanted.get(str(item.get("name")))
                if poller is None:
                    continue
                try:
                    listed[poller] = Snapshot.of(jobs.read(item))
                except ConfigError:
                    continue  # a read of its own tells what is wrong with it
            if len(listed) == len(wanted):
                break
            if self._clock() - began > LONGEST:
                self._off_until = self._clock() + OFF
                break
            if pages >= len(wanted):  # reading each by itself would have cost no more
                pages += 1
                break
        self._pages = max(1, pages)
        return listed, pages

    def _left_over(self) -> list[Due]:
        """Return those that still wait for the list."""
        with self._lock:
            due, self._taken = self._taken, []
            return due

    def _deliver(self, listed: dict[OperationPoller, Snapshot], due: Sequence[Due]) -> list[Due]:
        """Hand out what a list has told; return those that have to be read by themselves."""
        behind: set[OperationPoller] = set()
        for poller, snapshot in listed.items():
            try:
                if snapshot.is_behind(poller.snapshot):
                    behind.add(poller)
                    continue
                delay = poller.seen(snapshot)
            except Exception as error:  # noqa: BLE001 - what is odd in one operation costs no other
                poller.on_crash(error)
                delay = None
            with self._lock:
                self._due.discard(poller)
                if delay is not None:
                    self._due.put(poller, self._clock() + delay)
        if behind:
            self._note_lag(behind=True)
        return [(at, poller) for at, poller in due if poller not in listed or poller in behind]

    def _list_failed(self, error: LroError, due: Sequence[Due]) -> None:
        """Go on without the list; a failure that may pass is one of everybody who was to be looked at."""
        heed(self._budget, error)
        self._failed += 1
        passes = is_transient(error)
        if not passes or self._failed >= STRIKES:
            _log.info("operations cannot be listed (%s); each is read by itself", type(error).__name__)
            self._failed, self._off_until = 0, self._clock() + (SOON if passes else OFF)
            self._start(self._looks(due))
            return
        for _, poller in due:
            delay = poller.missed(error)
            if delay is not None:
                with self._lock:
                    self._due.put(poller, self._clock() + delay)

    def _note_lag(self, *, behind: bool) -> None:
        """Note whether a list has told less than was known before."""
        with self._lock:
            self._behind = self._behind + 1 if behind else 0
            if self._behind >= STRIKES:
                self._off_until = self._clock() + OFF


class _Round:
    """One run of a batch poller: a `scheduler.Job`, which may become the only look that is due."""

    def __init__(self, batch_poller: BatchPoller) -> None:
        self._batch_poller = batch_poller
        self._look: _Look | None = None
        self.lane = batch_poller.lane

    def run(self) -> float | None:
        """Look at what is due."""
        return self._batch_poller.run(self)

    def may_become(self, look: _Look) -> bool:
        """Tell whether `look` may run where this does: it asks the same host, and is not known to hang."""
        return look.lane == self.lane and not look.troubled

    def become(self, look: _Look) -> None:
        """Do `look`, in this thread."""
        self._look = look
        look.run()

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen: it costs the one look, else all."""
        (self._look or self._batch_poller).on_crash(error)


class _Impatience:
    """Sees to those that wait while a batch poller lists; a `scheduler.Job`."""

    def __init__(self, batch_poller: BatchPoller) -> None:
        self._batch_poller = batch_poller

    def run(self) -> float | None:
        """Let them go on without the list, if it still goes on."""
        return self._batch_poller.go_on_without_list()

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen."""
        self._batch_poller.on_crash(error)


class _Look:
    """One single read of one operation of a batch poller; a `scheduler.Job`."""

    def __init__(
        self, batch_poller: BatchPoller, budget: Budget, poller: OperationPoller, *, checks: bool
    ) -> None:
        self._batch_poller, self._budget, self._poller, self._checks = batch_poller, budget, poller, checks
        self.lane, self.troubled = poller.lane, poller.troubled

    def run(self) -> None:
        """Read the operation, and tell its poller and its batch poller."""
        behind: bool | None = None
        try:
            snapshot = self._poller.look()
        except LroError as error:
            heed(self._budget, error)
            delay = self._poller.missed(error)
        else:
            behind = snapshot.resource.done if self._checks else None
            delay = self._poller.seen(snapshot)
        self._batch_poller.reading_ended(self._poller, delay, behind=behind)

    def on_crash(self, error: BaseException) -> None:
        """Hear that `run` raised something unforeseen."""
        self._poller.on_crash(error)


def heed(budget: Budget, error: LroError) -> None:
    """Have a client send fewer requests, or none for a while, where the service asks for that."""
    if not isinstance(error, ApiError):
        return
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        budget.slow_down()
    if error.retry_after:
        budget.pause(error.retry_after)
