"""What can be wrong with a request to the REST API: raised by the API, and again by its clients."""

from __future__ import annotations

from typing import Self

from taskflow.errors import TaskflowError


class InvalidRequest(TaskflowError):
    """A request is not what the API takes; `errors` says where."""

    code = "TF173"
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def at(cls, pointer: str, message: str) -> Self:
        error = cls(f"{pointer}: {message}" if pointer else message)
        error.fields = ((pointer, message),)
        return error


class BulkRefused(TaskflowError):
    """Nothing of an atomic bulk call was done, since some of its items cannot be."""

    code = "TF125"
    items: tuple[tuple[str, str, str], ...] = ()
    """(pointer, code, message) of each that cannot."""


class RouteNotFound(TaskflowError):
    """The API has no such route."""

    code = "TF174"


class IdempotencyMismatch(TaskflowError):
    """An Idempotency-Key was used before with another request."""

    code = "TF175"


class StillRunning(TaskflowError):
    """A request with this Idempotency-Key is under way."""

    code = "TF176"


class PreconditionMissing(TaskflowError):
    """A change of something that others may change, too, names no version in If-Match."""

    code = "TF177"


class UnreadableType(TaskflowError):
    """The body of a request is of a type that the route does not take."""

    code = "TF213"


class RequestTooLarge(TaskflowError):
    """The body of a request is larger than the API takes."""

    code = "TF178"


class TooSlow(TaskflowError):
    """The database took longer than the API waits."""

    code = "TF179"


class InternalError(TaskflowError):
    """Something unforeseen went wrong in the API; its log knows more by the request id."""

    code = "TF195"


class WrongMethod(TaskflowError):
    """A route of the API does not take this method."""

    code = "TF199"
