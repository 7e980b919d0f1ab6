"""A client of Speech as Google's libraries have them, whose answers are given."""

from __future__ import annotations

from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

SPEECH = "6780123456789012345"


class Transport:
    host = "speech.googleapis.com:443"

    def __init__(self, *answers: Any) -> None:
        self.answers, self.sent = list(answers), list[str]()
        self.operations_client = self

    def get_operation(self, name: str, retry: Any = 1, timeout: Any = None, compression: Any = None) -> Any:
        assert (retry, timeout, compression) == (None, 8.0, None)
        self.sent.append(f"get {name}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def cancel_operation(self, name: str) -> None:
        self.sent.append(f"cancel {name}")


class SpeechClient:
    """A client as Google's generator writes them."""

    def __init__(self, *answers: Any) -> None:
        self.transport = Transport(*answers)


def message(*, done: bool = False) -> operations_pb2.Operation:
    found = operations_pb2.Operation(name=SPEECH, done=done)
    if done:
        found.response.Pack(empty_pb2.Empty())
    return found
