"""Names that are not there, keyword arguments above all: the error names the nearest one that is."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lro_notebook.errors import UnknownArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
Class = TypeVar("Class", bound=type)


def nearest(word: object, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the one of the `known` names that may be meant, whatever the case; None if none is near."""
    by_letters = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(str(word).casefold(), list(by_letters), n=1, cutoff=cutoff)
    return by_letters[near[0]] if near else None


def named(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Have a function raise a TypeError that says which keyword may be meant, and shows the call alone."""
    known = [
        name
        for name, each in inspect.signature(function).parameters.items()
        if each.kind is not each.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def call(*args: Given.args, **given: Given.kwargs) -> Returned:
        for word in given:
            if word not in known:
                names = [name for name in known if name != "self"]
                raise UnknownArgument(_unknown(function.__name__, word, names))
        try:
            return function(*args, **given)
        except TypeError as error:
            if not _is_of_the_call(error):
                raise
            raise UnknownArgument(*error.args) from None

    return call


def named_in(cls: Class) -> Class:
    """Have all public methods of a class that take something, apart from those with ``**``, do as `named`."""
    for name, member in list(vars(cls).items()):
        if not name.startswith("_") and inspect.isfunction(member) and _is_checked(member):
            setattr(cls, name, named(member))
    return cls


def no_attribute(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """Return the error on an attribute that is not there: what may be meant of the `known`.

    Of modules alone: where a class has ``__getattr__``, IPython without jedi offers nothing on its objects.
    """
    said = f"{owner} has no attribute {name!r}"
    near = None if name.startswith("_") else nearest(name, known, cutoff=0.7)
    return AttributeError(said if near is None else f"{said}; did you mean {near!r}?")


def _is_of_the_call(error: TypeError) -> bool:
    """Tell whether arguments do not fit a function that is wrapped here: nothing of it has run then."""
    step = error.__traceback__
    while step is not None and step.tb_frame.f_code.co_qualname.endswith("<locals>.call"):
        step = step.tb_next
    return step is None


def _is_checked(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return len(parameters) > 1 and all(each.kind is not each.VAR_KEYWORD for each in parameters)


def _unknown(function: str, word: str, known: list[str]) -> str:
    parts = [name for name in known if name in word.split("_")]  # resource_types: types
    near = parts[0] if parts else nearest(word, known, cutoff=0.5)
    hint = f"did you mean {near!r}?" if near else f"it takes {', '.join(known)}"
    return f"{function}() got an unexpected keyword argument {word!r}; {hint}"
