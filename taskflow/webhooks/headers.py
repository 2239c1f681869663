"""Headers that somebody else chose: what may be among them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from taskflow.errors import InvalidArguments

MOST = 50
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")
_OURS = re.compile(
    r"host|content-(length|encoding)|transfer-encoding|connection|keep-alive|te|trailer|upgrade"
    r"|expect|accept-encoding|proxy-.*|webhook-.*"
)
"""What frames or routes the request, or vouches for it."""


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with their names in lower case. Raises `InvalidArguments`."""
    if len(headers) > MOST:
        raise InvalidArguments.listing([("headers", f"expected at most {MOST}")], "")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidArguments.listing(
                [("headers", f"{name[:100]!a} is not plain ASCII on one line")], ""
            )
        if _OURS.fullmatch(name.lower()) or name.lower() in checked:
            raise InvalidArguments.listing([("headers", f"{name!a} cannot be set")], "")
        checked[name.lower()] = value
    return checked
