"""Every error in one form: RFC 9457 problem details with the stable code that the SDK raises.

`type` leads to what the API says about the code, `request_id` to the line in the log, `errors` to
the fields that are wrong, each by its JSON pointer (RFC 6901).
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from taskflow import errors
from taskflow.kernel import access, flow_errors, webhooks
from taskflow.kernel.limits import LimitNotFound
from taskflow.kernel.operations import OperationNotFound
from taskflow.kernel.request_errors import (
    BulkRefused,
    IdempotencyMismatch,
    InternalError,
    InvalidRequest,
    PreconditionMissing,
    RequestTooLarge,
    RouteNotFound,
    StillRunning,
    TooSlow,
    UnreadableType,
    WrongMethod,
)
from taskflow.kernel.schedule import ScheduleNotFound
from taskflow.kernel.stored import ResultUnavailable
from taskflow.store.call import DriverError

__all__ = [
    "BulkRefused",
    "IdempotencyMismatch",
    "InternalError",
    "InvalidRequest",
    "PreconditionMissing",
    "RequestTooLarge",
    "RouteNotFound",
    "StillRunning",
    "TooSlow",
    "UnreadableType",
    "WrongMethod",
]
"""What handlers raise and other rooms know, too."""

MEDIA_TYPE = "application/problem+json"
PAGES = "/problems/"
"""Where the API explains each code; see docs.py."""
log = logging.getLogger("taskflow.api")
_FIELD = re.compile(r"(?:unknown|required) field `(\w+)`")


STATUSES: dict[type[errors.TaskflowError], HTTPStatus] = {
    access.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    access.NotAllowed: HTTPStatus.FORBIDDEN,
    access.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    access.QuotaExceeded: HTTPStatus.TOO_MANY_REQUESTS,
    access.VersionConflict: HTTPStatus.PRECONDITION_FAILED,
    access.LastAdmin: HTTPStatus.CONFLICT,
    access.NameTaken: HTTPStatus.CONFLICT,
    access.UserNotFound: HTTPStatus.NOT_FOUND,
    access.KeyNotFound: HTTPStatus.NOT_FOUND,
    access.TenantNotFound: HTTPStatus.NOT_FOUND,
    errors.JobNotFound: HTTPStatus.NOT_FOUND,
    errors.QueueNotFound: HTTPStatus.NOT_FOUND,
    errors.UnknownTask: HTTPStatus.NOT_FOUND,
    errors.WorkerNotRegistered: HTTPStatus.NOT_FOUND,
    OperationNotFound: HTTPStatus.NOT_FOUND,
    ScheduleNotFound: HTTPStatus.NOT_FOUND,
    LimitNotFound: HTTPStatus.NOT_FOUND,
    flow_errors.WorkflowNotFound: HTTPStatus.NOT_FOUND,
    flow_errors.RunNotFound: HTTPStatus.NOT_FOUND,
    flow_errors.BatchNotFound: HTTPStatus.NOT_FOUND,
    RouteNotFound: HTTPStatus.NOT_FOUND,
    WrongMethod: HTTPStatus.METHOD_NOT_ALLOWED,
    UnreadableType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    webhooks.EndpointNotFound: HTTPStatus.NOT_FOUND,
    webhooks.SourceNotFound: HTTPStatus.NOT_FOUND,
    webhooks.DeliveryNotFound: HTTPStatus.NOT_FOUND,
    webhooks.EndpointChanged: HTTPStatus.PRECONDITION_FAILED,
    webhooks.SignatureInvalid: HTTPStatus.UNAUTHORIZED,
    errors.JobStateConflict: HTTPStatus.CONFLICT,
    errors.UniqueConflict: HTTPStatus.CONFLICT,
    errors.JobFailed: HTTPStatus.CONFLICT,
    errors.JobCancelled: HTTPStatus.CONFLICT,
    flow_errors.RunStateConflict: HTTPStatus.CONFLICT,
    flow_errors.BatchStateConflict: HTTPStatus.CONFLICT,
    BulkRefused: HTTPStatus.CONFLICT,
    StillRunning: HTTPStatus.CONFLICT,
    ResultUnavailable: HTTPStatus.GONE,
    IdempotencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    PreconditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.PayloadTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.DatabaseUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ReadOnlyDatabase: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SchemaMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SchemaMismatch: HTTPStatus.SERVICE_UNAVAILABLE,
    TooSlow: HTTPStatus.SERVICE_UNAVAILABLE,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Statuses that are not 400; a class counts for those derived from it."""


class FieldError(msgspec.Struct, frozen=True):
    pointer: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    hint: str = ""
    errors: list[FieldError] = []


def status_of(error: errors.TaskflowError) -> HTTPStatus:
    for kind in type(error).__mro__:
        if kind in STATUSES:
            return STATUSES[kind]
    return HTTPStatus.BAD_REQUEST


def problem_of(error: errors.TaskflowError, path: str, request_id: str) -> Problem:
    status = status_of(error)
    found: list[FieldError] = []
    if isinstance(error, errors.InvalidArguments):
        found = [FieldError(pointer(path), error.code, said) for path, said in error.errors if path]
    elif isinstance(error, InvalidRequest):
        found = [FieldError(where, error.code, said) for where, said in error.fields]
    elif isinstance(error, flow_errors.InvalidWorkflow):
        found = [FieldError(pointer(error.place, ""), error.code, error.message)]
    elif isinstance(error, BulkRefused):
        found = [FieldError(*item) for item in error.items]
    return Problem(
        f"{PAGES}{error.code}", title_of(type(error)), status.value,
        error.message or status.phrase, path, error.code, request_id, error.hint, found,
    )  # fmt: skip


def title_of(kind: type[errors.TaskflowError]) -> str:
    return (kind.__doc__ or "").partition("\n")[0]


def pointer(path: str, within: str = "/args") -> str:
    """ "order.lines[0].price" as the JSON pointer within `args`."""
    return f"{within}/" + path.replace("[", "/").replace("]", "").replace(".", "/")


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The exception handler of the whole application."""
    problem, headers = found_in(request.scope, error)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


async def send_answer(scope: Any, send: Any, error: Exception) -> None:
    """The same from outside of the framework: of what goes wrong before a handler, and after it."""
    problem, headers = found_in(scope, error)
    body = msgspec.json.encode(problem)
    told = {**headers, "content-type": MEDIA_TYPE, "content-length": str(len(body))}
    raw = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def found_in(scope: Any, error: Exception) -> tuple[Problem, dict[str, str]]:
    """The problem that an exception is, and the headers that go with it; logs the unforeseen."""
    ours = explain(error)
    request_id = str(scope.get("taskflow_request_id", ""))
    if isinstance(ours, InternalError):
        log.error("request %s failed", request_id, exc_info=error)
    problem = problem_of(ours, scope["path"], request_id)
    headers = {}
    if isinstance(error, HTTPException) and error.headers:
        headers = {name: str(value) for name, value in error.headers.items()}
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = "5"
    is_known = "retry-after" in (scope.get("taskflow_headers") or {})
    if problem.status == HTTPStatus.TOO_MANY_REQUESTS and not is_known:
        headers["retry-after"] = "1"
    return problem, headers


def explain(error: Exception) -> errors.TaskflowError:
    """One of ours for whatever was raised."""
    if isinstance(error, errors.TaskflowError):
        return error
    if isinstance(error, ValidationException):
        return _invalid(error)
    if isinstance(error, HTTPException):
        return _by_status(error)
    if isinstance(error, RecursionError):
        return errors.PayloadTooDeep("the JSON is nested too deeply", "Use at most 64 levels.")
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("the body is not UTF-8")
    return _refused(error) or InternalError("something went wrong", "The log knows the request id.")


def _refused(error: Exception) -> errors.TaskflowError | None:
    """What Postgres refused with a state of its own that says enough."""
    state = getattr(error, "sqlstate", None) if isinstance(error, DriverError) else None
    if state == "42501":
        return access.NotAllowed("this is not yours to do or to see")
    if state in ("57014", "55P03"):
        return TooSlow("the database took too long", "Ask for less, or try again later.")
    if state in ("40001", "40P01"):
        return errors.JobStateConflict("others changed the same at the same time", "Try again.")
    if state is not None and state.startswith("22"):
        return InvalidRequest("the database cannot take a value: out of range, or not readable")
    return None


def _invalid(error: ValidationException) -> InvalidRequest:
    extra = error.extra if isinstance(error.extra, list) else []
    fields = [
        (_place(item), str(item.get("message", ""))[:300])
        for item in extra
        if isinstance(item, dict)
    ]
    said = "; ".join(f"{where}: {text}" if where else text for where, text in fields)
    ours = InvalidRequest((said or str(error.detail))[:1000])
    ours.fields = tuple(fields)
    return ours


def _place(item: dict[str, Any]) -> str:
    """A field of the body as a JSON pointer; a parameter by its name."""
    name = str(item.get("key", "")).replace("[", ".").replace("]", "")
    if item.get("source") != "body" and name.partition(".")[0] != "data":
        return name
    inner = name.removeprefix("data").lstrip(".")
    named = _FIELD.search(str(item.get("message", "")))
    return "/" + "/".join(part for part in (*inner.split("."), named[1] if named else "") if part)


def _by_status(error: HTTPException) -> errors.TaskflowError:
    if error.status_code == 404:
        return RouteNotFound("there is no such route", "GET /openapi.json lists them.")
    if error.status_code == 405:
        return WrongMethod("the route takes other methods", "GET /openapi.json lists them.")
    if error.status_code == 401:
        return access.NotAuthenticated(error.detail)
    if error.status_code == 403:
        return access.NotAllowed(error.detail)
    if error.status_code == 413:
        return RequestTooLarge(error.detail)
    if error.status_code == 415:
        return UnreadableType(error.detail)
    return InvalidRequest(error.detail) if error.status_code < 500 else InternalError(error.detail)
