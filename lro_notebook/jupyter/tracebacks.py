"""How IPython shows an error of this package: the user's own lines, then the sentence.

Only in IPython's usual mode (``%xmode Context``): every other one, and a cause that may be a bug of ours,
gets the whole. The exception itself keeps all, for ``%debug`` and ``%tb Verbose``.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from lro_notebook.errors import UnknownArgument, UnknownKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_OURS: Final = str(Path(__file__).parents[1])
_INSTALLED: Final = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")} - {None}
)
_PACKAGES: Final = ("site-packages", "dist-packages")
#: What code raises that does not do what its author meant; as the cause of an error, it may be a bug of ours.
_BUGS: Final = (AssertionError, AttributeError, LookupError, NameError, NotImplementedError, TypeError)
_UNNAMED: Final = (UnknownArgument, UnknownKey)  # shown by the names of the built-in errors that they are
_OMIT: Final = "_rich_traceback_omit"  # a local variable of frames that rich leaves out
_CONTEXT: Final = 2  # the line before, and the statement


def render(error: Exception) -> list[str]:
    """Return what IPython shows of `error`, as ``_render_traceback_`` does: blocks of lines."""
    from IPython.core import getipython

    shell: Any = getipython.get_ipython()
    if shell is None:
        return traceback.format_exception(error)
    frames = [frame for frame in _steps(error.__traceback__) if _is_users(frame.tb_frame)]
    short = bool(frames) and shell.InteractiveTB.mode == "Context" and not _may_be_a_bug(error)
    if "rich.traceback" in sys.modules:
        _mark_for_rich(error, short=short)
    if not short:
        whole: list[str] = shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return whole
    alone = type(error).__new__(type(error), *error.args)  # without the errors that it is chained to
    alone.__dict__.update(error.__dict__)
    lines = _only(frames)
    kind = next(each for each in type(error).__mro__ if each not in _UNNAMED)
    shown: list[str] = shell.InteractiveTB.structured_traceback(kind, alone, lines, 0, _CONTEXT)
    return [*shown, *_causes(error)]


def _steps(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OURS)


def _is_users(frame: FrameType) -> bool:
    """Tell whether a frame is of a cell, a script or a module that was not installed."""
    file = frame.f_code.co_filename
    installed = file.startswith(_INSTALLED) or any(part in _PACKAGES for part in Path(file).parts)
    return not installed and not _is_ours(frame)


def _only(frames: list[TracebackType]) -> TracebackType | None:
    """Return a traceback of these frames alone."""
    chain: TracebackType | None = None
    for each in reversed(frames):
        chain = TracebackType(chain, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return chain


def _chained(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Yield the errors that led to `error`, the nearest first, each with the words for it."""
    seen = {id(error)}
    while True:
        cause = error.__cause__
        before = None if error.__suppress_context__ else error.__context__
        following = cause or before
        if following is None or id(following) in seen:
            return
        seen.add(id(following))
        yield "caused by" if cause else "while handling", following
        error = following


def _may_be_a_bug(error: Exception) -> bool:
    return any(
        isinstance(each, _BUGS) and any(_is_ours(step.tb_frame) for step in _steps(each.__traceback__))
        for _, each in _chained(error)
    )


def _causes(error: Exception) -> Iterator[str]:
    """Yield a line for each error that led to this one, so that none is lost."""
    for words, each in _chained(error):
        places = [f" ({_file(step.tb_frame)}, line {step.tb_lineno})" for step in _steps(each.__traceback__)]
        where = places[-1] if places else ""
        yield f"{words} {traceback.format_exception_only(each)[-1].strip()}{where}"


def _file(frame: FrameType) -> str:
    file = frame.f_code.co_filename
    return "a cell" if file.startswith("<ipython") or f"{os.sep}ipykernel_" in file else file


def _mark_for_rich(error: Exception, *, short: bool) -> None:
    """Have rich's tracebacks leave out the frames that are not the user's, or show them all again.

    rich draws the exception itself and ignores what is rendered here, but for this variable. It is set in
    frames of functions, which have ended, never in a namespace.
    """
    for each in (error, *(cause for _, cause in _chained(error))):
        for step in _steps(each.__traceback__):
            frame = step.tb_frame
            if frame.f_code.co_flags & inspect.CO_OPTIMIZED and not _is_users(frame):
                names: dict[str, Any] = frame.f_locals
                names[_OMIT] = short
