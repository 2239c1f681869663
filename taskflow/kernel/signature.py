"""A handler's arguments as one JSON object: bound, checked and encoded; decoded and handed over.

The trick: at definition a `msgspec.Struct` is generated from the parameters; one cached decoder
then turns stored bytes into typed values in well under a microsecond. On the way in, values whose
exact type already is the annotation skip every check but the encoder's; only others are converted,
and whatever passes here has been proved to bind in the worker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Self
from uuid import UUID

import msgspec
from msgspec import inspect as minspect

from taskflow.errors import (
    ArgumentsNotObject,
    InvalidArguments,
    TaskflowError,
    UnsupportedType,
    nearest,
)
from taskflow.kernel import codec
from taskflow.kernel.handler import EMPTY, HandlerShape, Parameter, read_handler
from taskflow.kernel.mismatch import explain_mismatch, show
from taskflow.kernel.storable import MAX_BYTES, MAX_DIGITS, is_pydantic

Problem = tuple[str, str]

_NATIVE = (datetime, date, time, timedelta, UUID, Decimal, bytes, bytearray)
_REFUSALS = (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError)
_PLAIN_KINDS: dict[type[minspect.Type], type] = {
    minspect.IntType: int,
    minspect.FloatType: float,
    minspect.StrType: str,
    minspect.BoolType: bool,
    minspect.NoneType: type(None),
    minspect.BytesType: bytes,
    minspect.DateTimeType: datetime,
    minspect.DateType: date,
    minspect.TimeType: time,
    minspect.TimeDeltaType: timedelta,
    minspect.UUIDType: UUID,
    minspect.DecimalType: Decimal,
}
_encode_row = msgspec.json.Encoder(enc_hook=codec.enc_hook).encode


class Signature:
    """What a task's handler takes, and the way its arguments are stored.

    Build it once per task with `Signature.of(handler)`. Unannotated arguments take anything that
    has a JSON form, and come back as plain JSON values.
    """

    def __init__(self, shape: HandlerShape) -> None:
        self.shape = shape
        self.takes_context = shape.takes_context
        self.is_async = shape.is_async
        parameters = shape.parameters
        positional = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        self._positional = tuple(p.name for p in positional)
        self._keyword_only = tuple(p.name for p in parameters[len(positional) :])
        self._named = {p.name: p for p in parameters}
        self._by_keyword = frozenset(
            p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY
        )
        self._required = frozenset(p.name for p in parameters if p.is_required)
        self._takes_extra = shape.extra is not EMPTY
        self._kinds = {p.name: plain_kinds(p.annotation) for p in parameters}
        # Positional arguments alone are enough when no keyword-only argument is required.
        self._full = len(positional) if self._required <= set(self._positional) else -1
        struct = _argument_struct(shape)
        self._decode = msgspec.json.Decoder(struct, dec_hook=codec.dec_hook).decode
        self._result = msgspec.json.Decoder(shape.result, dec_hook=codec.dec_hook)
        self.has_result = shape.result not in (None, type(None))
        """May the handler return a value? Not if it is annotated with None."""

    @classmethod
    def of(cls, handler: Callable[..., Any], localns: Mapping[str, Any] | None = None) -> Self:
        """Read `handler`; raises `InvalidDefinition` where it cannot be a task."""
        return cls(read_handler(handler, localns))

    def __str__(self) -> str:
        return self.shape.text

    # --- the caller's side ------------------------------------------------------------------------

    def encode(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int = MAX_BYTES
    ) -> bytes:
        """The JSON object for a call, at most `limit` bytes; defaults not given are left out.

        Raises `InvalidArguments` naming every argument that is wrong, or an `UnstorableValue`.
        """
        if kwargs or len(args) != self._full:
            values = self.gather(args, kwargs)
        else:
            values = dict(zip(self._positional, args, strict=True))
        kinds_of = self._kinds
        for name, value in values.items():
            kinds = kinds_of.get(name, ())
            if kinds is not None and type(value) not in kinds:
                return self._encode_checked(values, limit)
        return codec.encode(values, limit=limit)

    def encode_many(
        self, items: Sequence[tuple[Any, ...] | Mapping[str, Any]], limit: int = MAX_BYTES
    ) -> tuple[bytes, list[tuple[int, TaskflowError]]]:
        """One JSON array of argument objects, and (position, error) of each item left out of it.

        An item is a tuple of positional or a dict of named arguments; `limit` holds for each item.
        """
        rows = self._encode_uniform(items, limit)
        errors: list[tuple[int, TaskflowError]] = []
        if rows is None:
            rows = []
            for position, item in enumerate(items):
                try:
                    rows.append(self._encode_item(item, limit))
                except TaskflowError as error:
                    errors.append((position, error))
        return b"[" + b",".join(rows) + b"]", errors

    def check(self, raw: codec.Json) -> None:
        """Raise what `bind` would raise for these stored arguments, or for a caller's JSON text."""
        self.bind(raw)

    def gather(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call by name; their values are not looked at."""
        values = dict(zip(self._positional, args, strict=False))
        fits = len(args) <= len(self._positional) and values.keys().isdisjoint(kwargs)
        values |= kwargs
        known = kwargs.keys() <= self._by_keyword or (
            self._takes_extra and (kwargs.keys() & self._named.keys()) <= self._by_keyword
        )
        if not (fits and known and self._required <= values.keys()):
            raise self._refuse(self._binding_problems(args, kwargs))
        return values

    def check_values(self, values: dict[str, Any]) -> None:
        """Raise what `encode` would raise for these, be they all arguments or some."""
        if problems := self._conversion_problems(values):
            raise self._refuse(problems)

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the argument object; defaults where JSON can express them."""
        hints = [p.annotation for p in self.shape.parameters]
        extra = [self.shape.extra] if self._takes_extra else []
        found, definitions = msgspec.json.schema_components(
            hints + extra, schema_hook=_schema_hook, ref_template="#/$defs/{name}"
        )
        properties = {}
        for parameter, schema in zip(self.shape.parameters, found, strict=False):
            properties[parameter.name] = schema | _published_default(parameter)
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.shape.name,
            "type": "object",
            "properties": properties,
            "required": [p.name for p in self.shape.parameters if p.is_required],
            "additionalProperties": found[-1] if extra else False,
        }
        return whole | ({"$defs": definitions} if definitions else {})

    # --- the worker's side ------------------------------------------------------------------------

    def bind(self, raw: codec.Json) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Stored arguments as `(args, kwargs)` for the handler, without its context."""
        try:
            values = msgspec.structs.astuple(self._decode(raw))
        except _REFUSALS as error:
            raise self._complain_of_json(raw, error) from None
        if not self._keyword_only and not self._takes_extra:
            return values, {}
        count = len(self._positional)
        kwargs = dict(zip(self._keyword_only, values[count:], strict=True))
        if self._takes_extra:
            try:
                kwargs |= self._extra(raw)
            except _REFUSALS as error:
                raise self._complain_of_json(raw, error) from None
        return values[:count], kwargs

    def decode_result(self, raw: codec.Json) -> Any:
        """A stored result as the type that the handler is annotated to return.

        One that no longer fits, because the annotation changed since, comes back as plain JSON.
        """
        try:
            return self._result.decode(raw)
        except _REFUSALS:
            return codec.decode(raw)

    # --- inside -----------------------------------------------------------------------------------

    def _binding_problems(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Iterable[Problem]:
        count = len(self._positional)
        if len(args) > count:
            plural = "" if count == 1 else "s"
            yield "", f"takes {count} positional argument{plural}, got {len(args)}"
        given = set(self._positional[: len(args)])
        for name in kwargs:
            if name in given:
                yield name, "given twice, by position and by name"
            elif name in self._named and name not in self._by_keyword:
                yield name, "must be given by position"
        yield from self._name_problems(given | kwargs.keys())

    def _name_problems(self, names: Iterable[str]) -> Iterable[Problem]:
        names = set(names)
        for name in sorted(names - self._named.keys(), key=str):
            if not self._takes_extra:
                close = nearest(str(name), self._named.keys() - names)
                yield str(name), "unknown" + (f', did you mean "{close[0]}"?' if close else "")
        for name, parameter in self._named.items():
            if parameter.is_required and name not in names:
                yield name, "missing"

    def _encode_checked(self, values: dict[str, Any], limit: int) -> bytes:
        """`encode` for values that are not plainly of their annotated types."""
        try:
            # First, because this bounds size and depth, which the conversions below do not.
            out = codec.encode(values, limit=limit)
        except UnsupportedType:
            if problems := self._conversion_problems(values):
                raise self._refuse(problems) from None
            raise
        if problems := self._conversion_problems(values):
            raise self._refuse(problems)
        try:
            self._decode(out)
            if self._takes_extra:
                self._extra(out)
        except _REFUSALS:
            # Python and JSON disagree now and then: a Decimal is a float to one, text to the other.
            raise self._refuse(self._decoding_problems(values)) from None
        return out

    def _conversion_problems(self, values: Mapping[str, Any]) -> list[Problem]:
        problems = []
        for name, value in values.items():
            kinds = self._kinds.get(name, ())
            if kinds is not None and type(value) in kinds:
                continue
            hint = self._hint(name)
            try:
                plain = msgspec.to_builtins(value, builtin_types=_NATIVE, enc_hook=codec.enc_hook)
            except _REFUSALS:
                problems.append((name, f"expected {_hint_name(hint)}, got {show(value)}"))
                continue
            try:
                msgspec.convert(plain, hint, dec_hook=codec.dec_hook)
            except _REFUSALS as error:
                problems.append(explain_mismatch(name, hint, value, error))
        return problems

    def _decoding_problems(self, values: Mapping[str, Any]) -> list[Problem]:
        problems = []
        for name, value in values.items():
            hint = self._hint(name)
            try:
                msgspec.json.decode(_encode_row(value), type=hint, dec_hook=codec.dec_hook)
            except _REFUSALS as error:
                problems.append(explain_mismatch(name, hint, value, error))
        return problems

    def _hint(self, name: str) -> Any:
        parameter = self._named.get(name)
        if parameter is not None:
            return parameter.annotation
        return self.shape.extra if self._takes_extra else Any

    def _encode_item(self, item: Any, limit: int) -> bytes:
        if isinstance(item, tuple):
            return self.encode(item, {}, limit)
        if isinstance(item, Mapping):
            return self.encode((), item, limit)
        raise InvalidArguments(
            f"expected a tuple or a dict of arguments for each job, got {show(item)}",
            "Write (1,) for one argument.",
        )

    def _encode_uniform(self, items: Sequence[Any], limit: int) -> list[bytes] | None:
        """All rows at once where all are full tuples of plain values; None if one is not."""
        if set(map(type, items)) != {tuple} or set(map(len, items)) != {self._full}:
            return None
        for name, column in zip(self._positional, zip(*items, strict=True), strict=True):
            kinds, found = self._kinds[name], set(map(type, column))
            if kinds is None or not found <= kinds or Decimal in found:
                return None
            if float in found and any(type(v) is float and v - v != 0.0 for v in column):
                return None
            if str in found and any(type(v) is str and len(v) > limit for v in column):
                return None
        names = self._positional
        try:
            rows = [_encode_row(dict(zip(names, item, strict=True))) for item in items]
        except _REFUSALS:
            return None
        if max(map(len, rows)) > min(limit, MAX_DIGITS):
            return None
        return rows if not codec.is_suspicious(b"".join(rows)) else None

    def _extra(self, raw: codec.Json) -> dict[str, Any]:
        found = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return {
            name: msgspec.json.decode(part, type=self.shape.extra, dec_hook=codec.dec_hook)
            for name, part in found.items()
            if name not in self._named
        }

    def _complain_of_json(self, raw: codec.Json, error: Exception) -> TaskflowError:
        values = codec.decode(raw)
        if not isinstance(values, dict):
            return ArgumentsNotObject(
                f"expected a JSON object of named arguments, got {show(values)}",
                f"The task takes {self}.",
            )
        known = {name: value for name, value in values.items() if name in self._named}
        checked = values if self._takes_extra else known
        problems = [*self._name_problems(values), *self._decoding_problems(checked)]
        return self._refuse(problems or [("", str(error))])

    def _refuse(self, problems: Iterable[Problem]) -> InvalidArguments:
        return InvalidArguments.listing(problems, f"The task takes {self}.")


def plain_kinds(hint: Any) -> frozenset[type] | None:
    """The exact types that fit an annotation without a look at the value; None if all do."""
    info = minspect.type_info(hint)
    if isinstance(info, minspect.AnyType):
        return None
    options = info.types if isinstance(info, minspect.UnionType) else (info,)
    kinds = set()
    for option in options:
        if isinstance(option, minspect.EnumType):
            kinds.add(option.cls)
        elif type(option) in _PLAIN_KINDS and not _is_constrained(option):
            kinds.add(_PLAIN_KINDS[type(option)])
    return frozenset(kinds)


def _is_constrained(info: minspect.Type) -> bool:
    return any(getattr(info, field) is not None for field in info.__struct_fields__)


def _same(value: Any) -> Any:
    return value


def _argument_struct(shape: HandlerShape) -> type[msgspec.Struct]:
    """A struct with one field per parameter; fields are numbered, so that no name can clash."""
    fields: list[Any] = []
    for index, parameter in enumerate(shape.parameters):
        # A factory, because msgspec copies or refuses mutable defaults where Python shares them.
        field = (
            msgspec.field(name=parameter.name)
            if parameter.is_required
            else msgspec.field(
                name=parameter.name, default_factory=partial(_same, parameter.default)
            )
        )
        fields.append((f"a{index}", parameter.annotation, field))
    return msgspec.defstruct(
        "Arguments",
        fields,
        kw_only=True,
        forbid_unknown_fields=shape.extra is EMPTY,
    )


def _published_default(parameter: Parameter) -> dict[str, Any]:
    if parameter.is_required:
        return {}
    try:
        return {"default": codec.decode(codec.encode(parameter.default))}
    except TaskflowError:
        return {}


def _schema_hook(kind: Any) -> dict[str, Any]:
    if is_pydantic(kind):
        return dict(kind.model_json_schema())
    raise NotImplementedError


def _hint_name(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) else str(hint)
