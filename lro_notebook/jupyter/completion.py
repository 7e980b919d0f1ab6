"""What Tab offers inside the quotes of a call: ``types="Pa``, ``lists="``, ``results.view("``.

IPython completes names by itself. Which words an argument takes is read from the signatures: those of a
``Literal``; a table of the caller's adds those that are too many for one.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from lro_notebook.operations.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.interactiveshell import InteractiveShell

Words = dict[tuple[str, str], list[str]]  # of a function and its parameter; of the first one, also by ""

_INNERMOST = re.compile(r"\([^()]*\)")
_END = 300  # characters before the cursor that are looked at
_CALL = re.compile(r"(?<!\w)(?P<function>\w+)\((?P<given>[^()]*)$")
_OPEN = re.compile(
    r"""(?:^|(?<!\w)(?P<name>\w++)\s*+=)\s*+  # the first argument, or one by its name
    [\[{]?\s*+(?:(["'])[^"']*+\2\s*+,\s*+)*+  # the elements of a list before it
    ["'][\w,]*$""",
    re.VERBOSE,
)
_LITERAL = re.compile(r"Literal\[(.*?)\]")


def register(shell: InteractiveShell, more: Mapping[str, list[str]]) -> None:
    """Have `shell` offer words inside quotes, once a shell; `more` has those of a parameter by its name."""
    if getattr(shell, "_lro_completes", False):
        return
    from IPython.utils.generics import complete_object

    shell._lro_completes = True  # type: ignore[attr-defined] # noqa: SLF001 - no other place lives as long
    words = cache(partial(_of_package, more))  # at the first Tab
    shell.set_hook(
        "complete_command", lambda _, event: offered(event.text_until_cursor, words()), re_key=".*[\"']"
    )
    complete_object.register(Operation, _public)


def offered(line: str, words: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """Return what may stand in the quotes that are open at the end of `line`."""
    before, line = None, line[-_END:]
    while before != line:
        before, line = line, _INNERMOST.sub("", line)
    call = _CALL.search(line)
    argument = _OPEN.search(call["given"]) if call else None
    if call is None or argument is None:
        return []
    return words.get((call["function"], argument["name"] or ""), [])


def words_of(functions: Iterable[Callable[..., Any]], more: Mapping[str, list[str]]) -> Words:
    """Return what arguments of `functions` take, by a Literal or by the parameter's name in `more`."""
    found: Words = {}
    for function in functions:
        parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
        for number, each in enumerate(parameters):
            words = _literal(function, str(each.annotation)) or more.get(each.name, [])
            for name in (each.name, *([""] if number == 0 else [])) if words else ():
                found[function.__name__, name] = words
    return found


def _of_package(more: Mapping[str, list[str]]) -> Words:
    """Return the words of all public functions and methods."""
    package = sys.modules[__name__.partition(".")[0]]  # the names as the user has them
    public = [getattr(package, name) for name in package.__all__]
    functions = [each for each in public if inspect.isfunction(each)]
    for each in filter(inspect.isclass, public):
        members = inspect.getmembers(each, inspect.isfunction)
        functions += [member for name, member in members if not name.startswith("_")]
    return words_of([*functions, package.View], {"definition": package.View.names(), **more})


def _literal(function: Callable[..., Any], annotation: str) -> list[str]:
    """Return the words of a Literal in an annotation, or of one that it names."""
    if inside := _LITERAL.search(annotation):
        return re.findall(r"[\"'](\w+)[\"']", inside[1])
    there = getattr(inspect.unwrap(function), "__globals__", {})
    return [
        str(word)
        for name in re.findall(r"\w+", annotation)
        if get_origin(there.get(name)) is Literal
        for word in get_args(there[name])
    ]


def _public(operation: Operation, _: object) -> list[str]:
    """Return the names of a handle, without those of its class that `dir` leaves out."""
    return dir(operation)
