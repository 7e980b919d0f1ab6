"""Where notifications go: ``notifications.ndjson`` in the data directory, a line for each message."""

from __future__ import annotations

import itertools
import logging
import os
from typing import TYPE_CHECKING

from lro_notebook.errors import ConfigError
from lro_notebook.local.identity import data_directory
from lro_notebook.local.notifications import changes, messages
from lro_notebook.local.operations.records import microseconds

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from lro_notebook.local.notifications.messages import Message

logger = logging.getLogger(__name__)


class Notifications:
    """Watches the changes of a database, and appends the messages that stores ask for to a file.

    A message is in the file once the request that caused it is answered.

    Parameters
    ----------
    path : Path
        The file; made with the first message, for its owner alone.
    """

    script = changes.SCRIPT

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identifiers = itertools.count(microseconds())

    def collect(self, connection: sqlite3.Connection) -> Sequence[Message]:
        """Return the messages of a transaction that is about to be committed."""
        return changes.collect(connection)

    def tell(self, collected: Sequence[Message]) -> None:
        """Append the messages of a transaction that was committed."""
        moment = microseconds()
        lines = [
            messages.line(message, identifier=next(self._identifiers), moment=moment) + b"\n"
            for message in collected
        ]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            with os.fdopen(data_directory.open_private(self._path, flags), "ab") as file:
                file.write(b"".join(lines))
        except (OSError, ConfigError):  # the data are committed: a request must not fail for its message
            logger.exception("%d notifications could not be written", len(lines))
