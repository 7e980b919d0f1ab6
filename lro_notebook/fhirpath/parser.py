"""FHIRPath text to its syntax tree: a small parser by precedence, for what views may use."""

from __future__ import annotations

import difflib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.fhirpath.syntax import (
    FUNCTIONS,
    TYPED,
    Binary,
    Call,
    Empty,
    Expr,
    Index,
    Literal,
    Path,
    PathError,
    This,
    Unary,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<time>@T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)
    |(?P<date>@\d{4}(-\d\d(-\d\d)?)?(?P<clock>T(\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?)
    |(?P<number>\d+(\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`)
    |(?P<variable>%(?:[A-Za-z_][\w-]*|`[^`]*`|'[^']*'))
    |(?P<dollar>\$\w+)
    |(?P<sign><=|>=|!=|!~|[-=~<>+*/&|.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"implies"}),
    frozenset({"or", "xor"}),
    frozenset({"and"}),
    frozenset({"in", "contains"}),
    frozenset({"=", "~", "!=", "!~"}),
    frozenset({"<", "<=", ">", ">="}),
    frozenset({"|"}),
    frozenset({"is", "as"}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/", "div", "mod"}),
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
#: What is known only when the view runs.
VARIABLES = frozenset({"rowIndex", "resource", "rootResource", "context"})


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


def parse(text: str, constants: Mapping[str, Literal], resource: str | None = None) -> Expr:
    """Return the syntax tree of `text`.

    Parameters
    ----------
    text : str
        A FHIRPath expression.
    constants : mapping of str to Literal
        What ``%name`` stands for.
    resource : str, optional
        The resource type, where the expression is evaluated on a resource: it may begin with its name.

    Raises
    ------
    PathError
        It is no FHIRPath, or uses a function or constant that there is not.
    """
    return _Parser(text, constants, resource).whole()


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise PathError(text, place, f"{text[place]!r} is not FHIRPath")
        kind = match.lastgroup or ""
        if kind == "date" and match["clock"]:
            kind = "datetime"
        if kind != "space":
            found.append(_Token(kind, match[0], place))
        place = match.end()
    return [*found, _Token("end", "", place)]


def _unquote(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", plain, text[1:-1], flags=re.DOTALL)


class _Parser:
    """Walks the tokens of one expression; each method reads what it is named after."""

    def __init__(self, text: str, constants: Mapping[str, Literal], resource: str | None) -> None:
        self._text, self._constants, self._resource = text, constants, resource
        self._tokens = _tokens(text)
        self._place = 0
        self._inside = 0  # how many calls are open: within one, the focus is not the resource

    def whole(self) -> Expr:
        expr = self._binary(0)
        if self._next.kind != "end":
            raise self._fault(f"{self._next.text!r} does not belong here")
        return expr

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += token.kind != "end"
        return token

    def _accept(self, *signs: str) -> bool:
        found = self._next.kind == "sign" and self._next.text in signs
        self._place += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._fault(f"{sign!r} is missing")

    def _fault(self, what: str, token: _Token | None = None) -> PathError:
        return PathError(self._text, (token or self._next).start, what)

    def _binary(self, level: int) -> Expr:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._next.kind in ("sign", "name") and self._next.text in _LEVELS[level]:
            operator = self._take().text
            if operator in ("is", "as"):
                left = Call(left, operator, (self._type(self._binary(level + 1)),))
            else:
                left = Binary(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Expr:
        if self._next.kind == "sign" and self._next.text in "+-":
            operator = self._take().text
            operand = self._unary()
            if isinstance(operand, Literal) and isinstance(operand.value, int | Decimal):
                return Literal(-operand.value, operand.type) if operator == "-" else operand
            return Unary(operator, operand)
        return self._invocations(self._term())

    def _invocations(self, expr: Expr) -> Expr:
        while True:
            if self._accept("."):
                expr = self._invocation(expr)
            elif self._accept("["):
                self._inside += 1
                expr = Index(expr, self._binary(0))
                self._inside -= 1
                self._expect("]")
            else:
                return expr

    def _invocation(self, source: Expr) -> Expr:
        token = self._take()
        if token.kind == "dollar" and token.text == "$this":
            return source
        if token.kind != "name":
            raise self._fault("a name or a function is missing here", token)
        name = _unquote(token.text) if token.text.startswith("`") else token.text
        if not self._accept("("):
            return Path(source, name)
        return Call(source, name, self._arguments(name, token))

    def _arguments(self, name: str, token: _Token) -> tuple[Expr | str, ...]:
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, n=1)
            hint = f"did you mean {near[0]}()?" if near else f"there are {', '.join(sorted(FUNCTIONS))}"
            raise self._fault(f"there is no function {name}(); {hint}", token)
        self._inside += 1
        found: list[Expr] = []
        while not self._accept(")"):
            if found:
                self._expect(",")
            found.append(self._binary(0))
        self._inside -= 1
        least, most = FUNCTIONS[name]
        if not least <= len(found) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise self._fault(f"{name}() takes {wanted} arguments, not {len(found)}", token)
        return tuple(self._type(argument) if name in TYPED else argument for argument in found)

    def _type(self, expr: Expr) -> str:
        match expr:
            case (
                Path(This(), name)
                | Path(Path(This(), "FHIR" | "System"), name)
                | Literal(str(name), "String")
            ):
                return name
        raise self._fault("the name of a type is wanted before this")

    def _term(self) -> Expr:
        token = self._take()
        literal = _LITERALS.get(token.kind)
        if literal is not None:
            return literal(token.text)
        if token.kind == "variable":
            return self._variable(token)
        if token.kind == "dollar":
            if token.text != "$this":
                raise self._fault(f"{token.text} is not known; views have $this", token)
            return This()
        if token.kind == "name":
            return self._name(token)
        if token.text == "(":
            expr = self._binary(0)
            self._expect(")")
            return expr
        if token.text == "{":
            self._expect("}")
            return Empty()
        raise self._fault(
            f"{token.text!r} does not belong here" if token.text else "the path ends too early", token
        )

    def _name(self, token: _Token) -> Expr:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", "Boolean")
        called = self._next.text == "("
        if token.text == self._resource and not self._inside and not called:
            return This()
        self._place -= 1
        return self._invocation(This())

    def _variable(self, token: _Token) -> Expr:
        name = token.text[1:].strip("`'")
        if name in VARIABLES:
            return Variable(name)
        if name in self._constants:
            return self._constants[name]
        known = ", ".join(f"%{constant}" for constant in sorted({*self._constants, "rowIndex"}))
        raise self._fault(f"the constant %{name} is not defined; there are {known}", token)


_LITERALS: dict[str, Callable[[str], Literal]] = {
    "string": lambda text: Literal(_unquote(text), "String"),
    "number": lambda text: (
        Literal(Decimal(text), "Decimal") if "." in text else Literal(int(text), "Integer")
    ),
    "time": lambda text: Literal(text[2:], "Time"),
    "date": lambda text: Literal(text[1:], "Date"),
    "datetime": lambda text: Literal(text[1:].removesuffix("T"), "DateTime"),
}
