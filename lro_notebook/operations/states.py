"""What the words for a state mean, in whichever words an API has them. Pure, and never raises.

``SUCCEEDED``, ``JOB_STATE_DONE`` and ``COMPLETE`` say the same. The words are those of the enums in
Google's published API descriptions.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How something that has a state is: not begun, under way, being stopped, or how it ended.
Outcome = Literal["pending", "running", "cancelling", "succeeded", "failed", "cancelled", ""]

LONGEST = 80  # characters of a field's name, or of an enum's value, that an API has
_ENUM = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_TYPE_ENDS = frozenset({"STATE", "STATUS", "STAGE"})  # the word that ends the name of such a type
_WORDS: Mapping[Outcome, str] = {
    "pending": "PENDING QUEUED NOT_STARTED WAITING SUBMITTED CREATED ACCEPTED SCHEDULED BLOCKED RUNNABLE "
    "READY NEW STOPPED DELAYED SUSPENDED RESOURCE_CLEANING_UP NOT_EXECUTED UNSUBMITTED",
    "running": "RUNNING IN_PROGRESS PROCESSING WORKING STARTED STARTING INITIALIZING FINALIZING "
    "PREPARING EXECUTING ACTIVE SETUP_DONE ATTEMPT_FAILURE DRAINING UPDATING PAUSED TRAINING "
    "DEPLOYING APPLYING APPLYING_DEPLOYMENT PENDING_USER_ACTION INCOMPLETE VALIDATING "
    "ASSIGNED",
    "cancelling": "CANCELLING CANCELING CANCEL_PENDING CANCEL_STARTED CANCEL_IN_PROGRESS "
    "CANCELLATION_IN_PROGRESS CANCELLATION_REQUESTED CANCEL_REQUESTED STOPPING ABORTING TERMINATING",
    "succeeded": "SUCCEEDED SUCCESS SUCCESSFUL DONE COMPLETE COMPLETED FINISHED PARTIALLY_SUCCEEDED "
    "PARTIAL_SUCCESS PASSED UPDATED DRAINED SKIPPED WARNING COMPLETED_WITH_ERRORS "
    "COMPLETED_WITH_INACTIVE_VMS SUCCEEDED_WITH_ERRORS PROPAGATED APPLIED",
    "failed": "FAILED FAILURE ERROR ERRORED INTERNAL_ERROR TIMEOUT TIMED_OUT EXPIRED ABORTED REJECTED "
    "UNEXECUTED APPROVAL_REJECTED FAILED_VALIDATION FAILED_ROLLED_BACK ROLLED_BACK UNSUPPORTED "
    "INCOMPATIBLE_ENVIRONMENT INCOMPATIBLE_ARCHITECTURE UNSUPPORTED_ENVIRONMENT BUDGET_EXCEEDED OVERRUN",
    "cancelled": "CANCELLED CANCELED TERMINATED HALTED ABANDONED",
}
_OUTCOMES: Mapping[str, Outcome] = {
    word: outcome for outcome, words in _WORDS.items() for word in words.split()
}
ENDED: frozenset[Outcome] = frozenset({"succeeded", "failed", "cancelled"})


def is_enum(text: str) -> bool:
    """Tell whether `text` is the value of an enum, such as ``STATE_UNSPECIFIED``, and no word for people."""
    return _ENUM.fullmatch(text) is not None


def is_name(key: object) -> TypeGuard[str]:
    """Tell whether `key` can be the name of a field of an API: text that is not too long."""
    return isinstance(key, str) and len(key) <= LONGEST


def state_word(value: object) -> str:
    """Return a state's enum value without its type's name; empty for UNSPECIFIED and anything else."""
    return _state_word(value) if is_name(value) else ""


@lru_cache(maxsize=4096)
def _state_word(value: str) -> str:
    if "UNSPECIFIED" in value or not is_enum(value):
        return ""
    words = value.split("_")
    starts = (
        place
        for place, word in enumerate(words[1:], 1)
        if words[place - 1] in _TYPE_ENDS and word[0].isalpha()
    )
    return "_".join(words[next(starts, 0) :])


def outcome_of(value: object) -> Outcome:
    """Return what a state says: of ``JOB_STATE_SUCCEEDED`` "succeeded"; empty for other words."""
    return _OUTCOMES.get(state_word(value), "")


def outcome_of_step(value: object) -> Outcome:
    """Return what the state of a step says, also where the word has another before it: ``IMPORT_DONE``."""
    word = state_word(value)
    while word:
        if (outcome := _OUTCOMES.get(word, "")) or word.startswith("NOT_"):
            return outcome
        word = word.partition("_")[2]
    return ""
