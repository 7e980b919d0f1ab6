"""Another user's program on the port of a service that has ended: it takes down whatever it is sent.

Usage: python thief.py PORT UID RECORD ANSWER

It prints a line once it listens. ANSWER is the body of each of its answers; nothing stands for no answer.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO


def take(port: int) -> socket.socket:
    """Listen on a port as soon as it is free."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for _ in range(4000):
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(50)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            time.sleep(0.005)
        else:
            return listener
    raise TimeoutError(port)


def serve(client: socket.socket, record: BinaryIO, answer: bytes) -> None:
    """Take down what comes, and answer each piece of it."""
    with client:
        while content := client.recv(65536):
            record.write(content)
            if answer:
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}"
                client.sendall(head.encode() + b"\r\n\r\n" + answer)


def main(port: int, user: int, path: Path, answer: bytes) -> None:
    with path.open("ab", buffering=0) as record:
        me: int = getattr(os, "getuid", int)()  # as `systems.user`, which -I keeps away
        if user != me:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            me = os.getuid()
        listener = take(port)
        print(me, flush=True)  # noqa: T201 - its starter waits for this
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, record, answer), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4].encode())
