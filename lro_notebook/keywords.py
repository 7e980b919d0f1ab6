"""Keyword arguments that a function does not have: the error names the nearest one that it has."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
Class = TypeVar("Class", bound=type)


def named(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Have a function raise a TypeError that says which keyword may have been meant."""
    known = [
        name
        for name, each in inspect.signature(function).parameters.items()
        if each.kind is not each.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def call(*args: Given.args, **given: Given.kwargs) -> Returned:
        for word in given:
            if word not in known:
                raise TypeError(_unknown(function.__name__, word, [name for name in known if name != "self"]))
        return function(*args, **given)

    return call


def named_in(cls: Class) -> Class:
    """Have all public methods of a class, those without ``**`` among them, do as `named`."""
    for name, member in list(vars(cls).items()):
        if not name.startswith("_") and inspect.isfunction(member) and _is_checked(member):
            setattr(cls, name, named(member))
    return cls


def _is_checked(function: Callable[..., Any]) -> bool:
    kinds = {each.kind for each in inspect.signature(function).parameters.values()}
    return inspect.Parameter.KEYWORD_ONLY in kinds and inspect.Parameter.VAR_KEYWORD not in kinds


def _unknown(function: str, word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"it takes {', '.join(known)}"
    return f"{function}() got an unexpected keyword argument {word!r}; {hint}"
