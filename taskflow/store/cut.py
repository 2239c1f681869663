"""Ends a connection under whoever waits on it.

Closing it would not do: libpq waits in poll(), and a descriptor that is closed wakes nobody, while
a socket that is shut down, through a second descriptor of it, does.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Any

import psycopg


def cut(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """From any thread: a wait for an answer on `connection` fails at once, as if the peer had gone.

    For answers that will never come, because the network swallows packets or the server is frozen.
    """
    with suppress(psycopg.Error, OSError):
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as shared:
            shared.shutdown(socket.SHUT_RDWR)
