"""FHIRPath text to its syntax tree: a small parser by precedence."""

from __future__ import annotations

import difflib
import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from lro_notebook.fhirpath import regex
from lro_notebook.fhirpath.dialect import FHIRPATH
from lro_notebook.fhirpath.registry import FUNCTIONS
from lro_notebook.fhirpath.syntax import (
    Binary,
    Call,
    Empty,
    Expr,
    Index,
    Literal,
    Path,
    PathError,
    Root,
    This,
    Unary,
    Variable,
    walk,
)
from lro_notebook.fhirpath.units import CALENDAR_WORDS, Quantity, calendar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lro_notebook.fhirpath.dialect import Dialect
    from lro_notebook.fhirpath.function import Function

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<time>@T\d\d(:\d\d(:\d\d(\.\d+)?)?)?)
    |(?P<date>@\d{4}(-\d\d(-\d\d)?)?(?P<clock>T(\d\d(:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?)
    |(?P<number>\d+(\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`)
    |(?P<variable>%(?:[A-Za-z_][\w-]*|`[^`]*`|'[^']*'))
    |(?P<dollar>\$\w+)
    |(?P<open>/\*)
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
#: Characters that an expression may have.
_LONGEST = 20_000
#: Digits that a number may have.
_DIGITS = 100
#: How deep an expression may be nested: far below what Python's stack takes.
_DEPTH = 200


class _Token(NamedTuple):
    kind: str
    text: str
    start: int


def parse(
    text: str,
    constants: Mapping[str, Literal] | None = None,
    resource: str | None = None,
    dialect: Dialect = FHIRPATH,
) -> Expr:
    """Return the syntax tree of `text`.

    Parameters
    ----------
    text : str
        A FHIRPath expression.
    constants : mapping of str to Literal, optional
        What ``%name`` stands for.
    resource : str, optional
        The resource type, where the expression is evaluated on a resource: it may begin with its name.
    dialect : Dialect
        What the expression may use.

    Raises
    ------
    PathError
        It is no FHIRPath, or uses a function or constant that there is not.
    """
    if len(text) > _LONGEST:
        raise PathError(text, _LONGEST, f"it is longer than {_LONGEST} characters")
    try:
        expr = _Parser(text, constants or {}, resource, dialect).whole()
    except RecursionError as error:
        raise PathError(text, 0, "it is nested too deep") from error
    if any(depth > _DEPTH for _, depth in walk(expr)):
        raise PathError(text, 0, "it is nested too deep")
    return expr


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise PathError(text, place, f"{text[place]!r} is not FHIRPath")
        if match.lastgroup == "open":
            raise PathError(text, place, "the comment has no end")
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

    def __init__(
        self, text: str, constants: Mapping[str, Literal], resource: str | None, dialect: Dialect
    ) -> None:
        self._text, self._constants, self._resource = text, constants, resource
        self._dialect = dialect
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
                left = Call(left, operator, (self._type(),))
            elif operator in ("and", "or"):
                left = self._run_of(operator, left, level)
            else:
                left = Binary(operator, left, self._binary(level + 1))
        return left

    def _run_of(self, operator: str, first: Expr, level: int) -> Expr:
        """Read the rest of ``a or b or c …`` as a tree with two even halves: such runs can be long."""
        operands = [first, self._binary(level + 1)]
        while self._next.kind == "name" and self._next.text == operator:
            self._take()
            operands.append(self._binary(level + 1))
        return _halved(operator, operands)

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
        known = self._dialect.functions
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}()?" if near else self._dialect.listed
            raise self._fault(f"there is no function {name}(); {hint}", token)
        function = FUNCTIONS[name]
        self._inside += 1
        found: list[Expr | str] = []
        while not self._accept(")"):
            if found:
                self._expect(",")
            found.append(self._argument(function, len(found)))
        self._inside -= 1
        if not function.takes(len(found)):
            raise self._fault(f"{name}() takes {function.count} arguments, not {len(found)}", token)
        return tuple(found)

    def _argument(self, function: Function, position: int) -> Expr | str:
        kind, token = function.arguments[position : position + 1], self._next
        found = self._type() if kind == ("type",) else self._binary(0)
        if kind == ("pattern",) and isinstance(found, Literal) and isinstance(found.value, str):
            reason = regex.fault(found.value)
            if reason:
                raise self._fault(f"{function.name}(): {reason}", token)
        return found

    def _type(self) -> str:
        """Read the name of a type; the namespace in front of it says nothing more."""
        token = self._take()
        if token.kind == "name" and token.text in ("FHIR", "System") and self._accept("."):
            token = self._take()
        if token.kind not in ("name", "string"):
            raise self._fault("the name of a type is missing here", token)
        return token.text if token.text[0] not in "`'" else _unquote(token.text)

    def _term(self) -> Expr:
        token = self._take()
        if token.kind in _LITERALS:
            return self._literal(token)
        if token.kind == "variable":
            return self._variable(token)
        if token.kind == "dollar":
            return self._dollar(token)
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

    def _dollar(self, token: _Token) -> Expr:
        if token.text == "$this":
            return This()
        if token.text in self._dialect.dollars and self._inside:
            return Variable(token.text)
        known = ", ".join(["$this", *sorted(self._dialect.dollars)])
        raise self._fault(f"{token.text} is not known here; {self._dialect.name} {known}", token)

    def _literal(self, token: _Token) -> Literal:
        if token.kind == "number" and len(token.text) > _DIGITS:
            raise self._fault(f"a number of more than {_DIGITS} digits", token)
        found = _LITERALS[token.kind](token.text)
        return self._quantity(found) if token.kind == "number" else found

    def _quantity(self, number: Literal) -> Literal:
        """Return a number with the unit that follows it, if one does: ``5 'mg'``, ``4 days``."""
        following = self._next
        value = Decimal(str(number.value))
        if self._dialect.whole and following.kind == "string":
            return Literal(Quantity(value, _unquote(self._take().text) or "1"), "Quantity")
        if self._dialect.whole and following.kind == "name" and following.text in CALENDAR_WORDS:
            return Literal(calendar(value, self._take().text), "Quantity")
        return number

    def _name(self, token: _Token) -> Expr:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", "Boolean")
        called = self._next.text == "("
        if token.text == self._resource and not self._inside and not called:
            return This()
        if self._dialect.whole and token.text[0].isupper() and not called:
            if token.text == "FHIR" and self._accept("."):
                token = self._take()
            if token.kind != "name":
                raise self._fault("the name of a type is missing here", token)
            return Root(token.text)
        self._place -= 1
        return self._invocation(This())

    def _variable(self, token: _Token) -> Expr:
        name = token.text[1:].strip("`'")
        if name in self._dialect.variables:
            return Variable(name)
        constant = self._constants.get(name) or self._dialect.constant(name)
        if constant is not None:
            return constant
        there = {*self._constants, *self._dialect.variables}
        known = ", ".join(f"%{constant}" for constant in sorted(there))
        raise self._fault(f"the constant %{name} is not defined; there are {known}", token)


def _halved(operator: str, operands: list[Expr]) -> Expr:
    if len(operands) == 1:
        return operands[0]
    half = (len(operands) + 1) // 2
    return Binary(operator, _halved(operator, operands[:half]), _halved(operator, operands[half:]))


_LITERALS: dict[str, Callable[[str], Literal]] = {
    "string": lambda text: Literal(_unquote(text), "String"),
    "number": lambda text: (
        Literal(Decimal(text), "Decimal") if "." in text else Literal(int(text), "Integer")
    ),
    "time": lambda text: Literal(text[2:], "Time"),
    "date": lambda text: Literal(text[1:], "Date"),
    "datetime": lambda text: Literal(text[1:].removesuffix("T"), "DateTime"),
}
