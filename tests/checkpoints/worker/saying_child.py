"""A worker for tests that says to its parent what the file says, whatever that is.

This file runs in a worker, whose entry point tests replace; it is no module of the tests.  It imports nothing
of the library, so that it starts quickly.
"""

from __future__ import annotations

import os
import socket
import time

HELLO = b'{"held": [], "missing": []}'


def main() -> None:
    """Send the content of each file to the parent as it is, and go on as its last line says."""
    connection = socket.socket(fileno=os.dup(0))
    connection.sendall(len(HELLO).to_bytes(8, "big") + HELLO)
    _, (descriptor,), _, _ = socket.recv_fds(connection, 2**16, 1)
    answer, _, then = os.read(descriptor, 2**24).rpartition(b"\n")
    connection.sendall(answer)
    match then.decode():
        case "exit":
            return
        case "close":
            connection.close()
            os.close(0)
        case "flood":
            while True:
                connection.sendall(bytes(2**20))
        case "drip":
            while True:
                connection.sendall(b"\0")
                time.sleep(0.01)
    time.sleep(60)


if __name__ == "saying":
    main()
elif __name__ == "mute":
    time.sleep(60)
elif __name__ == "failing":
    raise ImportError("no such library")
elif __name__ == "babbling":
    socket.socket(fileno=os.dup(0)).sendall(b"\xff" * 100)
    time.sleep(60)
