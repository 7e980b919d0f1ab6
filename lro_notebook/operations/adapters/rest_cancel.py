"""What google-api-core needs to cancel an operation over REST."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lro_notebook.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CANCEL = "google.longrunning.Operations.CancelOperation"


@contextmanager
def possible(cancel: Any, name: str) -> Iterator[None]:
    """Let a client cancel over REST, if it has a request for that.

    Most libraries have a rule for it without a body, as their API has; there google-api-core ends in a
    KeyError. With the body that it expects, it sends an empty one.

    Parameters
    ----------
    cancel : callable
        The client's method, or a partial of it.
    name : str
        The operation.

    Raises
    ------
    ConfigError
        There is no rule for this name.
    """
    while isinstance(cancel, partial):
        cancel = cancel.func
    asked = getattr(cancel, "__self__", None)
    rules = getattr(getattr(asked, "transport", None) or asked, "_http_options", None)
    over_rest = isinstance(rules, dict)
    for rule in rules.get(_CANCEL, ()) if isinstance(rules, dict) else ():
        rule.setdefault("body", "*")
    try:
        yield
    except ValueError as error:  # what it raises where no rule fits
        if not over_rest:
            raise
        raise ConfigError(
            f"operation {name} cannot be cancelled over REST: its client has no such request. Make the "
            "client with transport='grpc', and watch its operation"
        ) from error
