"""The filter of HL7v2 messages, as Google documents it for ``messages.list``, compiled to SQL. Pure.

Not supported: AND and OR in one filter (their precedence is not documented), and parentheses.
"""

from __future__ import annotations

import re
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.operations.resource import parse_timestamp

if TYPE_CHECKING:
    from datetime import tzinfo

    from lro_notebook.local.core.service_errors import ServiceError

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<mark>:\*|<=|>=|[=<>(),.])
      | (?P<word>[A-Za-z0-9_:+-]+)
    )""",
    re.VERBOSE | re.ASCII,
)
_TEXTS = {
    "message_type": "type",
    "messageType": "type",
    "send_facility": "facility",
    "sendFacility": "facility",
}
_TIMES = {"send_time": "sent", "sendTime": "sent", "create_time": "created", "createTime": "created"}
_DATES = {"send_date": "sent", "sendDate": "sent"}
#: Type and text of each token, the next one on the left.
Tokens: TypeAlias = "deque[tuple[str, str]]"
_COMPARISONS = ("=", "<", "<=", ">", ">=")
#: Comparisons in one filter; SQLite accepts expressions of up to 1,000 nested parts.
_COMPARISONS_MAX = 100


class Clause(NamedTuple):
    """A condition on the ``messages`` table, with the values of its placeholders."""

    sql: str
    values: tuple[str | int, ...] = ()


EVERYTHING = Clause("1")


def compile_filter(text: str, zone: tzinfo = UTC) -> Clause:
    """Return the condition for a filter; `zone` is the time zone of its dates."""
    tokens = _tokens(text)
    if not tokens:
        return EVERYTHING
    clauses, operators = [], set()
    while True:
        clauses.append(_expression(tokens, zone))
        if not tokens:
            break
        if len(clauses) == _COMPARISONS_MAX:
            raise invalid_argument(f"filter: more than the limit of {_COMPARISONS_MAX} comparisons")
        operator = tokens.popleft()[1]
        if operator not in ("AND", "OR"):
            raise _unreadable()
        operators.add(operator)
    if len(operators) > 1:
        raise invalid_argument(
            "filter: the local service does not support AND and OR in one filter; use one of them"
        )
    operator = operators.pop() if operators else "AND"
    sql = f" {operator} ".join(clause.sql for clause in clauses)
    return Clause(f"({sql})", tuple(value for clause in clauses for value in clause.values))


def _tokens(text: str) -> Tokens:
    tokens: Tokens = deque()
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _unreadable()
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _expression(tokens: Tokens, zone: tzinfo) -> Clause:
    word, negated = _take(tokens, "word"), False
    while word == "NOT":
        word, negated = _take(tokens, "word"), not negated
    clause = _comparison(word, tokens, zone)
    return Clause(f"NOT {clause.sql}", clause.values) if negated else clause


def _comparison(word: str, tokens: Tokens, zone: tzinfo) -> Clause:
    if word == "PatientId":
        return _patient(tokens)
    if word == "labels":
        return _label(tokens)
    operator = _take(tokens, "mark")
    value = _value(tokens)
    if word in _TEXTS and operator == "=":
        return Clause(f"(instr({_TEXTS[word]}, ?) > 0)", (value,))
    if word in _TIMES and operator in _COMPARISONS:
        return Clause(f"(coalesce({_TIMES[word]} {operator} ?, 0))", (_moment(word, value),))
    if word in _DATES and operator in _COMPARISONS:
        return _date(_DATES[word], operator, word, value, zone)
    raise _unreadable()


def _patient(tokens: Tokens) -> Clause:
    marks = [("mark", "("), ("mark", ","), ("mark", ")")]
    head, identifier, comma, id_type, tail = (tokens.popleft() if tokens else ("", "") for _ in range(5))
    if [head, comma, tail] != marks or identifier[0] != "string" or id_type[0] != "string":
        raise invalid_argument('filter: write PatientId("123456", "MRN")')
    return Clause(
        "EXISTS (SELECT 1 FROM json_each(patients) WHERE json_extract(value, '$.value') = ? "
        "AND coalesce(json_extract(value, '$.type'), '') = ?)",
        (_unquoted(identifier[1]), _unquoted(id_type[1])),
    )


def _label(tokens: Tokens) -> Clause:
    if _take(tokens, "mark") != ".":
        raise _unreadable()
    key = _value(tokens)
    operator = _take(tokens, "mark")
    if operator == ":*":
        return Clause("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ?)", (key,))
    if operator != "=":
        raise _unreadable()
    return Clause(
        "EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)", (key, _value(tokens))
    )


def _date(column: str, operator: str, word: str, value: str, zone: tzinfo) -> Clause:
    """Return the condition that compares a time with a day."""
    try:
        day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=zone)
        first, after = _microseconds(day), _microseconds(day + timedelta(days=1))
    except (ValueError, OverflowError) as error:
        raise invalid_argument(f'filter: {word} must be compared with a date such as "2026-01-31"') from error
    conditions: dict[str, tuple[str, tuple[int, ...]]] = {
        "=": (f"{column} >= ? AND {column} < ?", (first, after)),
        "<": (f"{column} < ?", (first,)),
        "<=": (f"{column} < ?", (after,)),
        ">": (f"{column} >= ?", (after,)),
        ">=": (f"{column} >= ?", (first,)),
    }
    sql, values = conditions[operator]
    return Clause(f"(coalesce({sql}, 0))", values)


def _moment(word: str, value: str) -> int:
    moment = parse_timestamp(value)
    if moment is None:
        raise invalid_argument(f'filter: {word} must be compared with a time such as "2026-01-31T00:00:00Z"')
    return _microseconds(moment)


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _take(tokens: Tokens, category: str) -> str:
    if not tokens or tokens[0][0] != category:
        raise _unreadable()
    return tokens.popleft()[1]


def _value(tokens: Tokens) -> str:
    if not tokens or tokens[0][0] not in ("string", "word"):
        raise _unreadable()
    category, text = tokens.popleft()
    return _unquoted(text) if category == "string" else text


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _unreadable() -> ServiceError:
    return invalid_argument(
        'filter: cannot be parsed; write for example message_type = "ADT" AND send_date >= "2026-01-31"'
    )
