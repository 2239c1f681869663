"""Where the API is and the key that opens it; a key is never an argument of a command.

Whoever lists processes sees command lines, so the key comes from TASKFLOW_API_KEY or from a file
that only its owner can read. It is sent over TLS; without it to this machine alone, unless the
settings say that the way is safe by other means, as inside of a mesh.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

from taskflow.errors import ConfigurationError

URL = "TASKFLOW_API_URL"
KEY = "TASKFLOW_API_KEY"
PREFIX = "/api/v1"


class Address:
    """A checked address with its key; neither is in its repr."""

    __slots__ = ("base", "is_local", "key", "server")

    def __init__(self, url: str, key: str, *, plain_http: bool = False) -> None:
        self.base, self.is_local = _base(url, plain_http=plain_http)
        self.server = self.base.removesuffix(PREFIX)
        """For people."""
        self.key = _checked_key(key)

    def __repr__(self) -> str:
        return f"<Address {self.server}>"


def find_key() -> str:
    """The key of the environment, else of the key file. Raises `ConfigurationError`."""
    if given := os.environ.get(KEY):
        return given
    path = key_file()
    if not path.is_file():
        raise ConfigurationError(
            "no key for the REST API was found",
            f"Set {KEY}, or write the key to {path}, readable by you alone. See taskflow keys.",
        )
    mode = path.stat().st_mode
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path} can be read by others", f"Run chmod 600 {path}.")
    return path.read_text(encoding="utf-8")


def key_file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "taskflow" / "key"


def _base(url: str, *, plain_http: bool) -> tuple[str, bool]:
    parts = urlsplit(url.strip())
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(
            "the address of the REST API is none", "Write https://jobs.example.com."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            "the address of the REST API holds more than a host and a path",
            f"The key belongs into {KEY}.",
        )
    is_local = _is_loopback(host)
    if parts.scheme == "http" and not is_local and not plain_http:
        raise ConfigurationError(
            f"http would send the key to {host} for everybody on the way to read",
            "Use https; where something else keeps the way safe, set api_plain_http.",
        )
    shown = f"[{host}]" if ":" in host else host
    where = f"{parts.scheme}://{shown}{f':{port}' if port else ''}"
    return f"{where}{parts.path.rstrip('/').removesuffix(PREFIX)}{PREFIX}", is_local


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_key(key: str) -> str:
    """A key that a header can carry; what it is stays out of the error."""
    found = key.strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigurationError(
            "the key for the REST API is no key", f"Copy it once more into {KEY}: one line, tf_..."
        )
    return found
