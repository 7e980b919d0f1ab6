"""Parses FHIRPath text to a syntax tree, by precedence of operators."""

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
#: Characters in an expression.
_MAX_LENGTH = 20_000
#: Digits in a number.
_MAX_DIGITS = 100
#: Depth of the syntax tree, far below the limit of Python's stack.
_MAX_DEPTH = 200


class _Token(NamedTuple):
    category: str
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
        The type of the resource that the expression is evaluated on; it may begin with that name.
    dialect : Dialect
        What the expression may use.

    Raises
    ------
    PathError
        It is not FHIRPath, or uses an unknown function or constant.
    """
    if len(text) > _MAX_LENGTH:
        raise PathError(text, _MAX_LENGTH, f"it is longer than {_MAX_LENGTH} characters")
    try:
        expr = _Parser(text, constants or {}, resource, dialect).whole()
    except RecursionError as error:
        raise PathError(text, 0, "it is nested too deep") from error
    if any(depth > _MAX_DEPTH for _, depth in walk(expr)):
        raise PathError(text, 0, "it is nested too deep")
    return expr


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise PathError(text, place, f"{text[place]!r} is not FHIRPath")
        if match.lastgroup == "open":
            raise PathError(text, place, "the comment has no end")
        category = match.lastgroup or ""
        if category == "date" and match["clock"]:
            category = "datetime"
        if category != "space":
            tokens.append(_Token(category, match[0], place))
        place = match.end()
    return [*tokens, _Token("end", "", place)]


def _unquote(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", plain, text[1:-1], flags=re.DOTALL)


class _Parser:
    """Walks the tokens of an expression; each method reads what its name says."""

    def __init__(
        self, text: str, constants: Mapping[str, Literal], resource: str | None, dialect: Dialect
    ) -> None:
        self._text, self._constants, self._resource = text, constants, resource
        self._dialect = dialect
        self._tokens = _tokens(text)
        self._place = 0
        self._inside = 0  # open calls; within one, the focus is not the resource

    def whole(self) -> Expr:
        expr = self._binary(0)
        if self._next.category != "end":
            raise self._error(f"{self._next.text!r} does not belong here")
        return expr

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += token.category != "end"
        return token

    def _accept(self, *signs: str) -> bool:
        found = self._next.category == "sign" and self._next.text in signs
        self._place += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._error(f"{sign!r} is missing")

    def _error(self, what: str, token: _Token | None = None) -> PathError:
        return PathError(self._text, (token or self._next).start, what)

    def _binary(self, level: int) -> Expr:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._next.category in ("sign", "name") and self._next.text in _LEVELS[level]:
            operator = self._take().text
            if operator in ("is", "as"):
                left = Call(left, operator, (self._type(),))
            elif operator in ("and", "or"):
                left = self._run_of(operator, left, level)
            else:
                left = Binary(operator, left, self._binary(level + 1))
        return left

    def _run_of(self, operator: str, first: Expr, level: int) -> Expr:
        """Read the rest of ``a or b or c …`` as a balanced tree, since such runs can be long."""
        operands = [first, self._binary(level + 1)]
        while self._next.category == "name" and self._next.text == operator:
            self._take()
            operands.append(self._binary(level + 1))
        return _halved(operator, operands)

    def _unary(self) -> Expr:
        if self._next.category == "sign" and self._next.text in "+-":
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
        if token.category == "dollar" and token.text == "$this":
            return source
        if token.category != "name":
            raise self._error("a name or a function is missing here", token)
        name = _unquote(token.text) if token.text.startswith("`") else token.text
        if not self._accept("("):
            return Path(source, name)
        return Call(source, name, self._arguments(name, token))

    def _arguments(self, name: str, token: _Token) -> tuple[Expr | str, ...]:
        known = self._dialect.functions
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}()?" if near else self._dialect.listed
            raise self._error(f"there is no function {name}(); {hint}", token)
        function = FUNCTIONS[name]
        self._inside += 1
        arguments: list[Expr | str] = []
        while not self._accept(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._argument(function, len(arguments)))
        self._inside -= 1
        if not function.takes(len(arguments)):
            raise self._error(f"{name}() takes {function.count} arguments, not {len(arguments)}", token)
        return tuple(arguments)

    def _argument(self, function: Function, position: int) -> Expr | str:
        how, token = function.arguments[position : position + 1], self._next
        argument = self._type() if how == ("type",) else self._binary(0)
        if how == ("pattern",) and isinstance(argument, Literal) and isinstance(argument.value, str):
            reason = regex.problem(argument.value)
            if reason:
                raise self._error(f"{function.name}(): {reason}", token)
        return argument

    def _type(self) -> str:
        """Read the name of a type; a namespace before it is ignored."""
        token = self._take()
        if token.category == "name" and token.text in ("FHIR", "System") and self._accept("."):
            token = self._take()
        if token.category not in ("name", "string"):
            raise self._error("the name of a type is missing here", token)
        return token.text if token.text[0] not in "`'" else _unquote(token.text)

    def _term(self) -> Expr:
        token = self._take()
        if token.category in _LITERALS:
            return self._literal(token)
        if token.category == "variable":
            return self._variable(token)
        if token.category == "dollar":
            return self._dollar(token)
        if token.category == "name":
            return self._name(token)
        if token.text == "(":
            expr = self._binary(0)
            self._expect(")")
            return expr
        if token.text == "{":
            self._expect("}")
            return Empty()
        raise self._error(
            f"{token.text!r} does not belong here" if token.text else "the path ends too early", token
        )

    def _dollar(self, token: _Token) -> Expr:
        if token.text == "$this":
            return This()
        if token.text in self._dialect.dollars and self._inside:
            return Variable(token.text)
        known = ", ".join(["$this", *sorted(self._dialect.dollars)])
        raise self._error(f"{token.text} is not known here; {self._dialect.name} {known}", token)

    def _literal(self, token: _Token) -> Literal:
        if token.category == "number" and len(token.text) > _MAX_DIGITS:
            raise self._error(f"a number of more than {_MAX_DIGITS} digits", token)
        literal = _LITERALS[token.category](token.text)
        return self._quantity(literal) if token.category == "number" else literal

    def _quantity(self, number: Literal) -> Literal:
        """Return a number with the unit after it, if any: ``5 'mg'``, ``4 days``."""
        following = self._next
        value = Decimal(str(number.value))
        if self._dialect.full and following.category == "string":
            return Literal(Quantity(value, _unquote(self._take().text) or "1"), "Quantity")
        if self._dialect.full and following.category == "name" and following.text in CALENDAR_WORDS:
            return Literal(calendar(value, self._take().text), "Quantity")
        return number

    def _name(self, token: _Token) -> Expr:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", "Boolean")
        called = self._next.text == "("
        if token.text == self._resource and not self._inside and not called:
            return This()
        if self._dialect.full and token.text[0].isupper() and not called:
            if token.text == "FHIR" and self._accept("."):
                token = self._take()
            if token.category != "name":
                raise self._error("the name of a type is missing here", token)
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
        names = {*self._constants, *self._dialect.variables}
        known = ", ".join(f"%{each}" for each in sorted(names))
        raise self._error(f"the constant %{name} is not defined; there are {known}", token)


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
