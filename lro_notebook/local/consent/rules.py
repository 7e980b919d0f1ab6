"""Whether consents allow access to data: authorization rules, policies, and their evaluation. Pure.

A rule is an expression of the Common Expression Language over the attributes of a request. The subset here:
``== != < <= > >= in``, ``&&`` and ``||`` (at most ten), parentheses, strings, numbers and lists.
"""

from __future__ import annotations

import operator
import re
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from lro_notebook.errors import Code
from lro_notebook.local.core import nesting
from lro_notebook.local.core.service_errors import ServiceError
from lro_notebook.local.operations import request_fields
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

#: The result of a consent for a mapping, in increasing order.
Result = str
NOT_APPLICABLE = "NOT_APPLICABLE"
NO_MATCHING_POLICY = "NO_MATCHING_POLICY"
NO_SATISFIED_POLICY = "NO_SATISFIED_POLICY"
HAS_SATISFIED_POLICY = "HAS_SATISFIED_POLICY"

_LOGICAL_MAX = 10
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<mark>==|!=|<=|>=|&&|\|\||[<>()\[\],])
      | (?P<word>[A-Za-z_][A-Za-z0-9_.]*)
    )""",
    re.VERBOSE | re.ASCII,
)
#: Type and text of each token, the next one on the left.
Tokens: TypeAlias = "deque[tuple[str, str]]"
_WORDS = {"in": "in", "IN": "in", "AND": "&&", "OR": "||"}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
}


class Mapped(NamedTuple):
    """A user data mapping, ready for evaluation: its user, the id of its data, and its attributes."""

    name: str
    user: str
    data: str
    attributes: Mapping[str, str]


class Verdict(NamedTuple):
    """Whether access is consented, the result of each consent, and the consents that cannot be evaluated."""

    consented: bool
    results: Mapping[str, Result]
    broken: tuple[str, ...]


def parse_rule(expression: object) -> Callable[[Mapping[str, str]], Any]:
    """Return an authorization rule as a function of the attributes of a request, or raise."""
    return _parsed(
        request_fields.expression(expression, "authorizationRule", "requester_role == 'clinician'")
    )


@lru_cache(maxsize=256)  # a query evaluates the rules of a consent for each mapping
def _parsed(expression: str) -> Callable[[Mapping[str, str]], Any]:
    tokens = _tokens(expression)
    if sum(text in ("&&", "||") for category, text in tokens if category == "mark") > _LOGICAL_MAX:
        raise ServiceError(
            Code.INVALID_ARGUMENT, f"authorizationRule: more than {_LOGICAL_MAX} logical operators"
        )
    if nesting.has_deep_brackets(text for category, text in tokens if category == "mark"):
        raise ServiceError(
            Code.INVALID_ARGUMENT,
            f"authorizationRule: brackets nest more than {nesting.MAX_BRACKETS} deep",
        )
    rule = _either(tokens)
    if tokens:
        raise _unreadable()
    return rule


def mapped(body: Mapping[str, Any], defaults: Mapping[str, str]) -> Mapped:
    """Return a mapping for evaluation; `defaults` has the values of attributes that it does not set."""
    given = {
        item["attributeDefinitionId"]: (item.get("values") or [""])[0]
        for item in body.get("resourceAttributes") or ()
    }
    return Mapped(body["name"], body["userId"], body["dataId"], {**defaults, **given})


def evaluate(
    mapping: Mapped,
    consents: Iterable[Mapping[str, Any]],
    request: Mapping[str, str],
    *,
    now: datetime,
    drafts: bool = False,
) -> Verdict:
    """Return whether the consents of a mapping's user allow a request.

    Parameters
    ----------
    mapping : Mapped
        The data to access.
    consents : iterable of dict
        The consents to evaluate.
    request : dict
        The attributes of the request.
    now : datetime
        The current time; consents expire.
    drafts : bool
        Treat drafts as active.
    """
    results: dict[str, Result] = {}
    broken = []
    for consent in consents:
        try:
            results[consent["name"]] = _result(mapping, consent, request, now=now, drafts=drafts)
        except TypeError:
            broken.append(consent["name"])
    return Verdict(HAS_SATISFIED_POLICY in results.values(), results, tuple(broken))


def matches(attributes: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Return whether attributes have all the wanted values."""
    return all(attributes.get(key) == value for key, value in wanted.items())


def _result(
    mapping: Mapped, consent: Mapping[str, Any], request: Mapping[str, str], *, now: datetime, drafts: bool
) -> Result:
    states = ("ACTIVE", "DRAFT") if drafts else ("ACTIVE",)
    expiry = parse_timestamp(consent.get("expireTime"))
    if consent["userId"] != mapping.user or consent["state"] not in states or (expiry and expiry <= now):
        return NOT_APPLICABLE
    matching = [policy for policy in consent.get("policies") or () if _applies(policy, mapping.attributes)]
    if not matching:
        return NO_MATCHING_POLICY
    rules = [parse_rule(policy["authorizationRule"].get("expression")) for policy in matching]
    return HAS_SATISFIED_POLICY if any(rule(request) for rule in rules) else NO_SATISFIED_POLICY


def _applies(policy: Mapping[str, Any], attributes: Mapping[str, str]) -> bool:
    return all(
        attributes.get(item["attributeDefinitionId"], "") in item["values"]
        for item in policy.get("resourceAttributes") or ()
    )


def _tokens(text: str) -> Tokens:
    tokens: Tokens = deque()
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _unreadable()
        category, token = match.lastgroup, match[match.lastgroup]
        tokens.append(("mark", _WORDS[token]) if token in _WORDS else (category, token))
        at = match.end()
    return tokens


def _either(tokens: Tokens) -> Callable[[Mapping[str, str]], Any]:
    parts = [_both(tokens)]
    while tokens and tokens[0] == ("mark", "||"):
        tokens.popleft()
        parts.append(_both(tokens))
    return parts[0] if len(parts) == 1 else lambda request: any(part(request) for part in parts)


def _both(tokens: Tokens) -> Callable[[Mapping[str, str]], Any]:
    parts = [_comparison(tokens)]
    while tokens and tokens[0] == ("mark", "&&"):
        tokens.popleft()
        parts.append(_comparison(tokens))
    return parts[0] if len(parts) == 1 else lambda request: all(part(request) for part in parts)


def _comparison(tokens: Tokens) -> Callable[[Mapping[str, str]], Any]:
    if tokens and tokens[0] == ("mark", "("):
        tokens.popleft()
        inner = _either(tokens)
        _expect(tokens, ")")
        return inner
    left = _operand(tokens)
    if not tokens or tokens[0][1] not in _COMPARE:
        raise _unreadable()
    compare = _COMPARE[tokens.popleft()[1]]
    right = _operand(tokens)
    return lambda request: compare(left(request), right(request))


def _operand(tokens: Tokens) -> Callable[[Mapping[str, str]], Any]:
    if not tokens:
        raise _unreadable()
    category, word = tokens.popleft()
    if category == "word":
        return lambda request: request.get(word, "")
    if category == "number":
        number = float(word)
        return lambda _: number
    if category == "text":
        text = re.sub(r"\\(.)", r"\1", word[1:-1])
        return lambda _: text
    if word != "[":
        raise _unreadable()
    items = [_operand(tokens)]
    while tokens and tokens[0] == ("mark", ","):
        tokens.popleft()
        items.append(_operand(tokens))
    _expect(tokens, "]")
    return lambda request: [item(request) for item in items]


def _expect(tokens: Tokens, mark: str) -> None:
    if not tokens or tokens.popleft() != ("mark", mark):
        raise _unreadable()


def _unreadable() -> ServiceError:
    return ServiceError(
        Code.INVALID_ARGUMENT,
        "authorizationRule: cannot be parsed; the local service supports comparisons such as "
        "requester_role == 'clinician', joined by && and ||",
    )
