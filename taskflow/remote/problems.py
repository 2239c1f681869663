"""Problem details turned back into the errors that they were."""

from __future__ import annotations

import re

import msgspec

from taskflow.errors import CODES, InvalidArguments, TaskflowError
from taskflow.kernel import (
    access,
    flow_errors,
    limits,
    operations,
    request_errors,
    schedule,
    stored,
    webhooks,
)

assert all((access, flow_errors, limits, operations, request_errors, schedule, stored, webhooks))
"""Imported so that `CODES` knows their errors."""
LONGEST = 1_000


class Field(msgspec.Struct):
    pointer: str = ""
    code: str = ""
    message: str = ""


class Problem(msgspec.Struct):
    """RFC 9457, as the API fills it in."""

    code: str
    detail: str = ""
    hint: str = ""
    errors: list[Field] = []


def error_of(status: int, content: bytes, server: str) -> TaskflowError:
    """The error for an answer that is none."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except msgspec.MsgspecError:
        return _strange(status, server)
    kind = CODES.get(problem.code)
    message, hint = problem.detail[:LONGEST], problem.hint[:LONGEST]
    if kind is None:  # of a newer API
        return TaskflowError(f"{problem.code} {message}".strip(), hint)
    error = kind(message, hint)
    fields = [(field.pointer, field.message) for field in problem.errors]
    if isinstance(error, InvalidArguments):
        error.errors = tuple((_path(where), said) for where, said in fields) or (("", message),)
    elif isinstance(error, request_errors.InvalidRequest):
        error.fields = tuple(fields)
    return error


def _strange(status: int, server: str) -> TaskflowError:
    """What proxies and other servers say."""
    if status == 401:
        return access.NotAuthenticated(f"{server} takes no such key")
    if status == 403:
        return access.NotAllowed(f"{server} refused the request")
    if status == 404:
        return request_errors.RouteNotFound(
            f"there is no API at {server}", "Give the address of taskflow serve, without /api/v1."
        )
    if status == 429:
        return access.RateLimited(f"{server} takes no more requests for now")
    if status >= 500:
        return request_errors.InternalError(f"{server} answered {status}", "Try again later.")
    return request_errors.InvalidRequest(f"{server} answered {status}")


def _path(pointer: str) -> str:
    """ "/args/order/lines/0" as "order.lines[0]"."""
    dotted = pointer.removeprefix("/args/").replace("/", ".")
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", dotted)
