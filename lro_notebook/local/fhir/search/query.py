"""The parameters of a search, read: conditions, order, page and what to include. Pure.

A parameter that does not exist is left out and named in `Search.ignored`, or refused if the request is
strict. What exists but cannot be (a modifier, a date that is none) is always refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from lro_notebook.local.core import resource_names
from lro_notebook.local.core.service_errors import invalid_argument
from lro_notebook.local.fhir.search import parameters
from lro_notebook.local.fhir.search.comparisons import (
    MODIFIERS,
    changed,
    comparison,
    split,
    unescaped,
    unsupported,
)
from lro_notebook.local.fhir.search.conditions import Chain, Condition, Has, Ids, Match, Missing, Updated
from lro_notebook.local.fhir.search.index import Indexed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lro_notebook.local.fhir.search.parameters import Parameter

Summary = Literal["text", "data", "count", "false"]
Total = Literal["none", "estimate", "accurate"]

#: Parameters that say how to answer, not what to find; some of Google's clients add to any call.
_SYSTEM = frozenset(
    {"alt", "fields", "key", "prettyPrint", "quotaUser", "$.xgafv", "access_token", "callback"}
)
_FORM = frozenset({"_format", "_pretty", "_page_token", *_SYSTEM})
_PAGE_DEFAULT, _PAGE_MAX = 100, 1000
#: Chains and `_has` within each other; with more, the parser of SQLite comes to its end.
_DEPTH_MAX = 3
_PARAMETERS_MAX, _KEYS_MAX = 200, 10
#: Values in all parameters but `_id`: each resource that is met may be compared with all of them.
_VALUES_MAX = 5000


class Include(NamedTuple):
    """What to add to the resources that match.

    Attributes
    ----------
    indexed : tuple
        The parameters whose references count.
    target : str
        The type that they must lead to; empty for any.
    reverse : bool
        Add what refers to a resource, not what it refers to.
    iterate : bool
        Do the same for what was added.
    """

    indexed: tuple[Indexed, ...]
    target: str
    reverse: bool
    iterate: bool


class Order(NamedTuple):
    """One key of an order; `indexed` is None for ``_id`` and ``_lastUpdated``."""

    name: str
    descending: bool
    indexed: Indexed | None


class Vocabulary(NamedTuple):
    """What a store is: its name, and its own search parameters by type and code."""

    store: str
    custom: Mapping[str, Mapping[str, Parameter]]

    def find(self, type_: str, code: str, flavour: str = "") -> Indexed | None:
        """Return a parameter of a type, or None."""
        for base in (type_, "DomainResource", "Resource"):
            own = self.custom.get(base, {}).get(code)
            if own is not None:
                break
        else:
            own = parameters.standard(type_).get(code)
        if own is None:
            return None
        return Indexed(type_, replace(own, flavour=flavour) if flavour else own)

    def of_kind(self, type_: str, kind: str) -> list[Indexed]:
        """Return the parameters of a kind that a type has, the standard's and the store's own."""
        every = dict(parameters.standard(type_))
        for base in ("Resource", "DomainResource", type_):
            every.update(self.custom.get(base, {}))
        return [Indexed(type_, each) for each in every.values() if each.kind == kind]


@dataclass(slots=True)
class Search:
    """A search that was read.

    Attributes
    ----------
    conditions : list
        All must be met.
    pairs : list of tuple
        The parameters that count, as in the request, for the links of the Bundle.
    ignored : list of str
        Parameters that do not exist.
    """

    type: str
    conditions: list[Condition] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    elements: tuple[str, ...] = ()
    summary: Summary = "false"
    total: Total = "estimate"
    count: int = _PAGE_DEFAULT
    page_token: str = ""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def needs(self) -> list[Indexed]:
        """Return the parameters that must be indexed."""
        needed = [each for condition in self.conditions for each in condition.needs()]
        needed += [each.indexed for each in self.order if each.indexed is not None]
        return needed + [each for include in self.includes if include.reverse for each in include.indexed]


def read(type_: str, pairs: Sequence[tuple[str, str]], vocabulary: Vocabulary, *, strict: bool) -> Search:
    """Read the parameters of a search of a resource type.

    Parameters
    ----------
    type_ : str
        The resource type.
    pairs : sequence of tuple
        Names and values, as in the query of an address.
    vocabulary : Vocabulary
        What parameters there are.
    strict : bool
        Refuse parameters that do not exist.
    """
    if len(pairs) > _PARAMETERS_MAX:
        raise invalid_argument(f"a search takes at most {_PARAMETERS_MAX} parameters here")
    if sum(value.count(",") + 1 for name, value in pairs if not name.endswith("_id")) > _VALUES_MAX:
        raise invalid_argument(
            f"a search takes at most {_VALUES_MAX} values here, besides those of _id; ask for less at a time"
        )
    search = Search(type_)
    for name, value in pairs:
        if name in _FORM:
            if name == "_page_token":
                search.page_token = value
            continue
        if _take(search, name, value, vocabulary):
            search.pairs.append((name, value))
        elif strict:
            shown = f"{name}={value}" if name.startswith(("_include", "_revinclude")) else name
            raise invalid_argument(
                f"{type_} has no search parameter {shown[:80]!r}; with the header "
                "'Prefer: handling=lenient' such parameters are ignored"
            )
        else:
            search.ignored.append(name)
    return search


def _take(search: Search, name: str, value: str, vocabulary: Vocabulary) -> bool:
    """Read one parameter; return False if there is none of its name."""
    if name.partition(":")[0] in ("_include", "_revinclude"):
        include = _include(name, value, search.type, vocabulary)
        if include is None:
            return False
        search.includes.append(include)
    elif not _result_parameter(search, name, value, vocabulary):
        condition = _condition(search.type, name, value, vocabulary)
        if condition is None:
            return False
        if value.strip(","):  # without a value, a parameter says nothing
            search.conditions.append(condition)
    return True


def _result_parameter(search: Search, name: str, value: str, vocabulary: Vocabulary) -> bool:
    """Read a parameter that says what the result holds; return False for any other."""
    if name == "_count":
        search.count = _count(value)
    elif name == "_sort":
        keys = [key for key in value.split(",") if key]
        if len(keys) > _KEYS_MAX:
            raise invalid_argument(f"_sort: a search takes at most {_KEYS_MAX} keys here")
        search.order = [_order(search.type, key, vocabulary) for key in keys]
    elif name == "_elements":
        search.elements = tuple(part.rpartition(".")[2] for part in value.split(",") if part)
    elif name == "_summary":
        search.summary = cast("Summary", _one_of(name, value, ("text", "data", "count", "false")))
    elif name == "_total":
        search.total = cast("Total", _one_of(name, value, ("none", "estimate", "accurate")))
    else:
        return False
    return True


def _one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise invalid_argument(f"{name}: expected one of {', '.join(allowed)}")
    return value


def _count(value: str) -> int:
    number = resource_names.whole_number(value or str(_PAGE_DEFAULT))
    if number is None:
        raise invalid_argument(f"_count: expected a number from 0 to {_PAGE_MAX}")
    return min(number, _PAGE_MAX)


def _order(type_: str, key: str, vocabulary: Vocabulary) -> Order:
    name = key.removeprefix("-")
    if name in ("_id", "_lastUpdated"):
        return Order(name, key != name, None)
    indexed = vocabulary.find(type_, name)
    if indexed is None:
        raise invalid_argument(f"_sort: {type_} has no search parameter {name[:80]!r} to sort by")
    return Order(name, key != name, indexed)


def _include(name: str, value: str, type_: str, vocabulary: Vocabulary) -> Include | None:
    """Return what ``_include=Observation:subject`` adds; None if there is no such parameter."""
    plain, _, modifier = name.partition(":")
    if modifier not in ("", "iterate", "recurse"):
        raise invalid_argument(f"{name[:80]}: expected {plain} or {plain}:iterate")
    reverse = plain == "_revinclude"
    source, _, rest = (f"{type_}:*" if value == "*" and not reverse else value).partition(":")
    code, _, target = rest.partition(":")
    if (
        not code
        or not resource_names.is_resource_type(source)
        or (target and not resource_names.is_resource_type(target))
    ):
        raise invalid_argument(f"{plain}: expected a type and a parameter of it, such as Observation:subject")
    every = vocabulary.of_kind(source, "reference")
    chosen = tuple(each for each in every if code in ("*", each.parameter.code))
    return Include(chosen, target, reverse, bool(modifier)) if chosen else None


def _condition(type_: str, name: str, value: str, vocabulary: Vocabulary, depth: int = 0) -> Condition | None:
    """Return the condition that a parameter of the request means; None if the type has no such parameter."""
    if depth > _DEPTH_MAX:
        raise invalid_argument(f"{name[:80]}: chains of at most {_DEPTH_MAX} steps are followed")
    if name.startswith("_has:"):
        return _has(type_, name, value, vocabulary, depth)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if dot:
        return _chain(type_, (code, modifier, rest), value, vocabulary, depth)
    if code in ("_id", "_lastUpdated") and modifier:
        raise invalid_argument(f"{name[:80]}: {code} has no modifiers")
    if code == "_id":
        return Ids(tuple(unescaped(part) for part in split(value, ",")))
    if code == "_lastUpdated":
        return Updated([changed(part) for part in split(value, ",")])
    return _match(type_, code, modifier, value, vocabulary)


def _match(type_: str, code: str, modifier: str, value: str, vocabulary: Vocabulary) -> Condition | None:
    indexed = vocabulary.find(type_, code, modifier if modifier in ("text", "identifier") else "")
    if indexed is None:
        return None
    kind = indexed.parameter.kind
    if modifier == "missing":
        return Missing(indexed, _one_of(f"{code}:missing", value or "true", ("true", "false")) == "true")
    by_type = kind == "reference" and resource_names.is_resource_type(modifier)
    if modifier and modifier not in MODIFIERS[kind] and not by_type:
        raise unsupported(code, modifier, kind)
    alternatives = [
        comparison(kind, modifier, part, code, vocabulary.store) for part in split(value, ",") if part
    ]
    return Match(indexed, alternatives, negated=modifier == "not")


def _chain(
    type_: str, step: tuple[str, str, str], value: str, vocabulary: Vocabulary, depth: int
) -> Condition | None:
    """Return the condition of ``subject:Patient.name``; without a type, of all possible ones."""
    code, wanted, rest = step
    indexed = vocabulary.find(type_, code)
    if indexed is None or indexed.parameter.kind != "reference":
        return None
    targets = indexed.parameter.targets
    if wanted and not resource_names.is_resource_type(wanted):
        raise invalid_argument(f"{code}:{wanted[:80]}: expected a resource type, as in {code}:Patient.name")
    if not wanted and not targets:
        raise invalid_argument(f"{code}.{rest[:80]}: name the type, as in {code}:Patient.{rest[:80]}")
    found = [
        (target, _condition(target, rest, value, vocabulary, depth + 1))
        for target in ((wanted,) if wanted else targets)
    ]
    known = [(target, condition) for target, condition in found if condition is not None]
    return Chain(indexed, known) if known else None


def _has(type_: str, name: str, value: str, vocabulary: Vocabulary, depth: int) -> Condition | None:
    """Return the condition of ``_has:Observation:patient:code``."""
    _, source, code, rest = [*name.split(":", 3), "", "", ""][:4]
    if not resource_names.is_resource_type(source) or not rest:
        raise invalid_argument(f"{name[:80]}: expected a name such as _has:Observation:patient:code")
    indexed = vocabulary.find(source, code)
    condition = _condition(source, rest, value, vocabulary, depth + 1)
    if indexed is None or indexed.parameter.kind != "reference" or condition is None:
        return None
    if indexed.parameter.targets and type_ not in indexed.parameter.targets:
        return None
    return Has(indexed, condition)
