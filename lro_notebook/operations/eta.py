"""`Eta`: when an operation will end, as its progress over time tells. Pure; all times are seconds.

It never claims to know: without a moving fraction there is no forecast, and each look may change it.
"""

from __future__ import annotations

_KEPT = 64  # moves; past that every second one of the older half is dropped


class Eta:
    """The moves of one operation's progress, and the end that they point to.

    A look at which nothing had moved is no move: progress that comes in bursts is measured from burst to
    burst, so that the flat stretch after one does not look like a slowdown. A fraction that falls (the
    total has grown, or work was done again) starts afresh.

    Attributes
    ----------
    began : float or None
        Elapsed seconds at the first look that saw a fraction; what comes before is the start-up.
    """

    __slots__ = ("_moves", "began")

    def __init__(self) -> None:
        self._moves: list[tuple[float, float]] = []
        self.began: float | None = None

    def add(self, elapsed: float, fraction: float | None) -> None:
        """Note that `fraction` (0 to 1, None where it is unknown) was seen after `elapsed` seconds."""
        if fraction is None:
            return
        if self.began is None:
            self.began = elapsed
        if self._moves and fraction < self._moves[-1][1]:
            self._moves = []
        if not self._moves or fraction > self._moves[-1][1]:
            self._moves.append((elapsed, fraction))
        if len(self._moves) > _KEPT:
            half = _KEPT // 2
            self._moves = self._moves[:half:2] + self._moves[half:]

    @property
    def is_steady(self) -> bool:
        """Whether it comes from three looks at progress that moved, enough to show it to people."""
        return len(self._moves) >= 3  # noqa: PLR2004

    @property
    def end(self) -> float | None:
        """Elapsed seconds at which the fraction should reach 1; None before the progress has moved.

        The pace is that of the later half of the work: a slow beginning is soon forgotten.
        """
        moves = self._moves.copy()  # another thread may add one
        if len(moves) < 2:  # noqa: PLR2004 - a pace needs two moves
            return None
        now, reached = moves[-1]
        later = [move for move in moves if move[1] >= reached / 2]
        since, base = later[0] if len(later) > 2 else moves[-3:][0]  # noqa: PLR2004 - three make it steady
        return now + (1.0 - reached) * (now - since) / (reached - base)
