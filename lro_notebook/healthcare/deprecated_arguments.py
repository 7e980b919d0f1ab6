"""Arguments that had another name before: the old one works for a while, with a DeprecationWarning."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lro_notebook.errors import UnknownArgument

if TYPE_CHECKING:
    from collections.abc import Callable

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def renamed(**names: str) -> Callable[[Callable[Given, Returned]], Callable[Given, Returned]]:
    """Have a function take old names of arguments: ``old="new"``, or ``old="not new"`` for the opposite."""

    def decorate(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
        @functools.wraps(function)
        def call(*args: Given.args, **given: Given.kwargs) -> Returned:
            words: dict[str, Any] = dict(given)
            for old in names.keys() & words.keys():
                new, value = names[old].removeprefix("not "), words.pop(old)
                if new in words:
                    raise UnknownArgument(
                        f"{function.__name__}() got {old}, the old name of {new}, and {new} too"
                    )
                warnings.warn(f"{old} is called {names[old]} now", DeprecationWarning, stacklevel=2)
                words[new] = not value if names[old].startswith("not ") else value
            return function(*args, **words)

        return call

    return decorate
