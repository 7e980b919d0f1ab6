"""Every regular expression of the package, how it is used, and texts on which one could go back for ever."""

from __future__ import annotations

import ast
import importlib
import itertools
import math
import re
import time
from collections import deque
from functools import cache, partial
from itertools import islice, permutations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import lro_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The parser of `re`, which has no stubs.
parser: Any = importlib.import_module("re._parser")
constants: Any = importlib.import_module("re._constants")
ROOT = Path(lro_notebook.__file__).parent
_METHODS = ("fullmatch", "match", "search", "sub", "split", "finditer", "findall")
_IMPORTS_RE = re.compile(r"^ *import re$", re.MULTILINE)
_OUTSIDE = "\x02"  # in no class of any pattern but the negated ones
_REPRESENTATIVES = 10
_MOST = 2**16
_TOGETHER = 16  # attacks of which the clock is read once, where all are quick
#: Twice the length of a text takes less than this many times as long, if time grows with it.
LINEAR = 3.2
_ROUNDS = 12


class Use(NamedTuple):
    """A pattern as one module uses it."""

    module: str
    name: str
    pattern: re.Pattern[Any]
    method: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}.{self.method}"

    def run(self, text: str) -> None:
        """Use the pattern on `text` to the end."""
        subject = text.encode("latin-1", "replace") if isinstance(self.pattern.pattern, bytes) else text
        if self.method == "sub":
            self.pattern.sub(subject[:0], subject)
        elif self.method == "finditer":
            deque(self.pattern.finditer(subject), maxlen=0)
        else:
            getattr(self.pattern, self.method)(subject)


@cache
def modules() -> dict[str, str]:
    """Return the source text of every module that imports `re`, by its name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        source = path.read_text(encoding="utf-8")
        if "__main__" not in name and _IMPORTS_RE.search(source):
            found[name] = source
    return found


def uses() -> list[Use]:
    """Return every use of a pattern in the package."""
    return [use for module, source in modules().items() for use in uses_of(module, source)]


def uses_of(module: str, source: str) -> Iterator[Use]:
    """Yield every use of a pattern that is known when a module is imported."""
    namespace = vars(importlib.import_module(module))
    for name, value in namespace.items():
        held = value.values() if isinstance(value, dict) else [value]
        patterns = [each for each in held if isinstance(each, re.Pattern)]
        if not patterns:
            continue
        own = re.findall(rf"\b{name}\.({'|'.join(_METHODS)})\b", source)
        anywhere = re.findall(rf"\bpattern\.({'|'.join(_METHODS)})\(", source)
        for one in patterns:
            yield from (Use(module, name, one, method) for method in sorted({*(own or anywhere)}))
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(ast.Attribute(ast.Name("re"), method), [first, *_], keywords) if method in _METHODS:
                flags = [word.value for word in keywords if word.arg == "flags"] + node.args[2:3]
                pattern = _evaluated(
                    first, flags if method in ("fullmatch", "match", "search") else [], namespace
                )
                if pattern is not None:
                    yield Use(module, f"line of {pattern.pattern!r}", pattern, method)


def dynamic() -> list[str]:
    """Return the places where a pattern is made while the package runs, as module and source text."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if _IMPORTS_RE.search(source) else ():
            match node:
                case ast.FunctionDef() as function:
                    calls = [one for one in ast.walk(function) if isinstance(one, ast.Call)]
                    found += [
                        f"{path.relative_to(ROOT)}:{function.name}"
                        for call in calls
                        if isinstance(call.func, ast.Attribute)
                        and isinstance(call.func.value, ast.Name)
                        and call.func.value.id == "re"
                        and call.func.attr in (*_METHODS, "compile")
                        and not isinstance(call.args[0], ast.Constant)
                    ]
    return sorted(set(found))


def _evaluated(first: ast.expr, flags: list[ast.expr], namespace: dict[str, Any]) -> re.Pattern[Any] | None:
    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), "<pattern>", "eval"), namespace)  # noqa: S307 - our own source

    try:
        return re.compile(value(first), *map(value, flags))
    except NameError:
        return None


class Attack(NamedTuple):
    """A part of what matches, then one or two characters again and again, then an end."""

    head: str
    pump: str
    tail: str

    def of(self, length: int) -> str:
        """Return the text of about `length`."""
        return self.head + (self.pump * (length // len(self.pump) + 1))[:length] + self.tail


def attacks(pattern: re.Pattern[Any]) -> Iterator[Attack]:
    """Yield attacks made of what `pattern` is made of."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
    letters = list(dict.fromkeys(_letters(tree)))[:_REPRESENTATIVES]
    sample = "".join(_sample(tree))[:40]
    heads = dict.fromkeys(sample[:end] for end in range(len(sample) + 1))
    pumps = dict.fromkeys(filter(None, [*letters, *map("".join, permutations(letters, 2)), sample]))
    return itertools.starmap(Attack, product(heads, pumps, ("", _OUTSIDE)))


def slow(
    run: Callable[[str], object],
    found: Iterator[Attack],
    length: int,
    enough: float,
    *,
    most: int | None = None,
) -> Iterator[Attack]:
    """Yield the attacks that take more than `enough` seconds each of four times.

    What is quick at `length` is tried once more at `most` characters, where given: there, what goes back over
    its text takes far longer than what does not, on a machine of any speed.
    """
    while group := list(islice(found, _TOGETHER)):
        at_most = () if most is None else (most,)
        if all(_are_quick(run, group, each, enough * each / length) for each in (length, *at_most)):
            continue
        yield from _slow_of(run, group, length, enough, most)


def _are_quick(run: Callable[[str], object], group: list[Attack], length: int, enough: float) -> bool:
    """Return whether the attacks take no more than `enough` seconds together, so that none does alone."""
    texts = [attack.of(length) for attack in group]
    return seconds(lambda: deque(map(run, texts), maxlen=0)) <= enough


def _slow_of(
    run: Callable[[str], object], group: list[Attack], length: int, enough: float, most: int | None
) -> Iterator[Attack]:
    for attack in group:
        text = attack.of(length)
        is_slow = _is_slow(partial(run, text), enough)
        if most is not None and not is_slow:
            is_slow = _is_slow(partial(run, attack.of(most)), enough * most / length)
        if is_slow:
            yield attack


def _is_slow(run: Callable[[], object], enough: float) -> bool:
    return all(seconds(run) > enough for _ in range(4))


def _letters(tree: Any) -> Iterator[str]:
    for code, value in tree:
        if code in (constants.LITERAL, constants.NOT_LITERAL):
            yield chr(value)
        elif code is constants.ANY:
            yield "a"
        elif code is constants.IN:
            yield from _members(value)
        else:
            for part in _trees(value):
                yield from _letters(part)


def _members(value: Any) -> Iterator[str]:
    for code, member in value:
        if code is constants.LITERAL:
            yield chr(member)
        elif code is constants.RANGE:
            yield chr(member[0])
        elif code is constants.CATEGORY:
            yield {constants.CATEGORY_DIGIT: "1", constants.CATEGORY_SPACE: " "}.get(member, "a")


def _sample(tree: Any) -> Iterator[str]:
    """Yield what the tree matches, each optional part once."""
    for code, value in tree:
        if code is constants.LITERAL:
            yield chr(value)
        elif code is constants.IN:
            negated = value[0][0] is constants.NEGATE
            yield "z" if negated else next(_members(value), "a")
        elif code in (constants.ANY, constants.NOT_LITERAL):
            yield "a"
        elif code is constants.BRANCH:
            yield from _sample(value[1][0])
        elif code in (constants.ASSERT, constants.ASSERT_NOT):
            continue
        elif code in (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT):
            low, high, part = value
            yield from list(_sample(part)) * max(min(low, 20), min(1, high))
        else:
            for part in _trees(value):
                yield from _sample(part)


def _trees(value: Any) -> Iterator[Any]:
    if isinstance(value, parser.SubPattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from _trees(part)


def seconds(run: Callable[[], object], repeats: int = 1) -> float:
    """Return the least processor time of this thread that `run` took."""
    times = []
    for _ in range(repeats):
        begun = time.thread_time()
        run()
        times.append(time.thread_time() - begun)
    return min(times)


def growth(make: Callable[[int], Callable[[], object]], length: int, *, least: float = 0.0005) -> float:
    """Return how many times as long twice the length takes; 2 is linear, 4 quadratic.

    `length` is doubled until a run takes `least` seconds, so that the steps of the clock do not count. What
    looks worse than linear there is measured once more at twice the length: caches of the processor make
    one step of their own.
    """
    while seconds(make(length), 3) < least and length < _MOST:
        length *= 2
    ratio = _growth_at(make, length)
    return ratio if ratio < LINEAR else min(ratio, _growth_at(make, 2 * length))


def _growth_at(make: Callable[[int], Callable[[], object]], length: int) -> float:
    """Return the root of how many times as long *four* times the length takes.

    To be taken for quadratic by mistake, a linear run has to lose more than as much processor time again to
    other programs, in each of `_ROUNDS`.
    """
    short, long = make(length), make(4 * length)
    quickest, quickest_long = seconds(short, 3), seconds(long)
    for _ in range(_ROUNDS):
        if math.sqrt(quickest_long / max(quickest, 1e-9)) < LINEAR:
            break
        quickest = min(quickest, seconds(short, 3))
        quickest_long = min(quickest_long, seconds(long))
    return math.sqrt(quickest_long / max(quickest, 1e-9))
