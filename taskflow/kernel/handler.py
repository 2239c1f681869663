"""What a handler takes and gives: reads a function once, at definition.

The trick: everything that could surprise later is refused here, with the name of the argument and
the way out: `*args`, methods, generators, annotations that have no JSON form or cannot be resolved.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from taskflow.errors import InvalidDefinition
from taskflow.kernel.storable import is_pydantic

EMPTY = inspect.Parameter.empty


class Parameter(msgspec.Struct, frozen=True):
    """One named argument of a task."""

    name: str
    annotation: Any
    kind: inspect._ParameterKind
    default: Any = EMPTY

    @property
    def is_required(self) -> bool:
        return self.default is EMPTY


class HandlerShape(msgspec.Struct, frozen=True):
    """A handler without its body: the context is taken out of the parameters."""

    name: str
    parameters: tuple[Parameter, ...]
    extra: Any
    """Annotation of `**kwargs`, or `EMPTY` where there is none."""
    takes_context: bool
    is_async: bool
    result: Any
    text: str
    """The parameters as a person would write them, for messages."""


def read_handler(
    handler: Callable[..., Any], localns: Mapping[str, Any] | None = None
) -> HandlerShape:
    """The shape of `handler`; raises `InvalidDefinition` if it cannot be a task.

    Takes plain and async functions, callable objects, bound methods and `functools.partial`.
    `localns` resolves annotations that name classes local to a function.
    """
    name, function = _unwrap(handler)
    signature = _signature(handler, name)
    hints = _Hints(function, dict(localns or {}))
    given = list(signature.parameters.values())
    if given and given[0].name in ("self", "cls") and not hints.raw(given[0]):
        raise InvalidDefinition(
            f"{name} looks like a method, whose object a worker would not have",
            "Use a plain function, or decorate a method that is bound to an object.",
        )
    takes_context = bool(given) and _is_context(given[0], hints)
    if takes_context:
        del given[0]
    extra: Any = EMPTY
    parameters = []
    for parameter in given:
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise InvalidDefinition(
                f"{name} takes *{parameter.name}, but arguments are stored by name",
                f"Take one list instead: {parameter.name}: list[...].",
            )
        annotation = _storable(hints.of(parameter, name), parameter.name, name)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            extra = annotation
        else:
            parameters.append(
                Parameter(parameter.name, annotation, parameter.kind, parameter.default)
            )
    return HandlerShape(
        name=name,
        parameters=tuple(parameters),
        extra=extra,
        takes_context=takes_context,
        is_async=inspect.iscoroutinefunction(function),
        result=_result_type(hints),
        text=_text(signature, given, hints),
    )


def read_batch_handler(handler: Callable[..., Any]) -> HandlerShape:
    """The shape of one job of a handler that takes a list of them: a single argument, `item`.

    `def index(documents: list[Document]) -> list[str | Exception]` has jobs that take a Document
    and give a str. Raises `InvalidDefinition` if it is no such handler.
    """
    whole = read_handler(handler)
    if len(whole.parameters) != 1 or whole.extra is not EMPTY:
        raise InvalidDefinition(
            f"{whole.name} takes {whole.text}, but a handler of many jobs takes one list of them",
            "Write (items: list[Item]), or (contexts: list[Context], items: list[Item]).",
        )
    (given,) = whole.parameters
    if given.kind is inspect.Parameter.KEYWORD_ONLY:
        raise InvalidDefinition(
            f"{whole.name} takes its jobs by name only, but they are given by position",
            f"Write ({given.name}: list[Item]), without the star.",
        )
    hints = _Hints(_unwrap(handler)[1], {})
    first = next(iter(_signature(handler, whole.name).parameters.values()))
    if whole.takes_context and not _is_list(hints.of(first, whole.name)):
        raise InvalidDefinition(
            f"{whole.name} takes one context, but each of its jobs has its own",
            f"Annotate it: {first.name}: list[Context].",
        )
    answer = hints.result()
    if typing.get_origin(answer) in (typing.Union, types.UnionType):  # ... | None: all succeeded
        answer = next((o for o in typing.get_args(answer) if o is not type(None)), Any)
    if answer not in (None, type(None), Any, EMPTY) and not _is_list(answer):
        raise InvalidDefinition(
            f"{whole.name} returns {_shown(answer)}, but a handler of many jobs returns a list",
            "Annotate it with None or list[Result], one for each job.",
        )
    item = Parameter("item", _item_of(given.annotation, whole.name), given.kind)
    return msgspec.structs.replace(
        whole,
        parameters=(item,),
        result=None if answer in (None, type(None)) else _without_outcomes(_element(answer)),
        text=f"(item: {_shown(item.annotation)})",
    )


def _item_of(hint: Any, handler: str) -> Any:
    if hint is Any:
        return Any
    if not _is_list(hint):
        raise InvalidDefinition(
            f"{handler} takes {_shown(hint)}, but a handler of many jobs takes a list of them",
            "Annotate it with list[Item], where Item is what one job takes.",
        )
    return _element(hint)


def _is_list(hint: Any) -> bool:
    return (typing.get_origin(hint) or hint) in (list, collections.abc.Sequence)


def _shown(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint))


def _element(hint: Any) -> Any:
    """T of list[T]; Any where that is not said."""
    return next(iter(typing.get_args(hint)), Any)


class _Verbatim(str):
    """Annotation text that `inspect` prints without the quotes of a string annotation."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _text(signature: inspect.Signature, given: list[inspect.Parameter], hints: _Hints) -> str:
    written = [p.replace(annotation=_Verbatim(hints.raw(p))) if hints.raw(p) else p for p in given]
    return str(signature.replace(parameters=written, return_annotation=EMPTY))


def _unwrap(handler: Callable[..., Any]) -> tuple[str, Any]:
    """The name to use in messages, and the function whose annotations count."""
    function: Any = handler
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type) or not callable(function):
        raise InvalidDefinition(
            f"{function!r} is not a function", "Decorate a def, an async def, or a callable object."
        )
    if isinstance(function, staticmethod | classmethod):
        raise InvalidDefinition(
            f"{function.__qualname__} is a {type(function).__name__}", "Use a plain function."
        )
    if not isinstance(function, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        function = type(function).__call__
    function = inspect.unwrap(function)
    name = str(getattr(function, "__qualname__", function)).rpartition("<locals>.")[2]
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidDefinition(
            f"{name} is a generator, so calling it would run nothing", "Return a value instead."
        )
    return name, function


def _signature(handler: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        if sys.version_info >= (3, 14):
            import annotationlib

            return inspect.signature(handler, annotation_format=annotationlib.Format.FORWARDREF)
        return inspect.signature(handler)
    except (TypeError, ValueError) as error:
        raise InvalidDefinition(f"the parameters of {name} cannot be read: {error}") from None


class _Hints:
    """Annotations of one function: resolved together, else one by one, so that one that cannot
    be resolved (an import under TYPE_CHECKING, say) spoils no other."""

    def __init__(self, function: Any, localns: dict[str, Any]) -> None:
        function = getattr(function, "__func__", function)
        self._globals = getattr(function, "__globals__", {})
        code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
        for free, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
            try:
                localns.setdefault(free, cell.cell_contents)
            except ValueError:  # the enclosing function has not assigned it yet
                continue
        self._locals = localns
        self.function = function
        try:
            self._hints = typing.get_type_hints(function, None, localns, include_extras=True)
        except Exception:  # noqa: BLE001 - annotations are the user's code and may raise anything
            self._hints = {}

    def raw(self, parameter: inspect.Parameter) -> str:
        """The annotation as written, or "" where there is none."""
        annotation = parameter.annotation
        if annotation is EMPTY:
            return ""
        if isinstance(annotation, str):
            return annotation
        return getattr(annotation, "__forward_arg__", "") or inspect.formatannotation(annotation)

    def of(self, parameter: inspect.Parameter, handler: str) -> Any:
        if parameter.annotation is EMPTY:
            return Any
        found = self._hints.get(parameter.name, EMPTY)
        if found is not EMPTY:
            return found
        try:
            return self.evaluate(parameter.annotation)
        except Exception as error:  # noqa: BLE001 - annotations are the user's code
            raise InvalidDefinition(
                f"{handler}: the annotation {self.raw(parameter)!r} of argument "
                f'"{parameter.name}" cannot be resolved ({error})',
                "Import or define it at module level, above the task and not under TYPE_CHECKING.",
            ) from None

    def evaluate(self, annotation: Any) -> Any:
        text = getattr(annotation, "__forward_arg__", annotation)
        if not isinstance(text, str):
            return annotation

        def holder() -> None: ...

        holder.__annotations__ = {"it": text}
        return typing.get_type_hints(holder, self._globals, self._locals, include_extras=True)["it"]

    def result(self) -> Any:
        if "return" in self._hints:
            return self._hints["return"]
        try:
            return self.evaluate(inspect.signature(self.function).return_annotation)
        except Exception:  # noqa: BLE001 - a result that cannot be typed is returned untyped
            return Any


def _is_context(parameter: inspect.Parameter, hints: _Hints) -> bool:
    if parameter.kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        return False
    if parameter.annotation is EMPTY:
        return parameter.name == "ctx"
    try:
        hint = hints.of(parameter, "")
    except InvalidDefinition:
        written = hints.raw(parameter).strip("'\" ").partition("[")[0]
        return written.rpartition(".")[2].partition(" ")[0] == "Context"
    return any(_is_context_class(option) for option in (hint, *typing.get_args(hint)))


def _is_context_class(hint: Any) -> bool:
    hint = typing.get_origin(hint) or hint
    if not isinstance(hint, type):
        return False
    return any(
        base.__name__ == "Context" and base.__module__ not in ("contextvars", "decimal")
        for base in hint.__mro__
    )


def _result_type(hints: _Hints) -> Any:
    """The annotated result without the outcomes that a handler may return in its place."""
    hint = hints.result()
    return Any if hint is EMPTY else _without_outcomes(hint)


def _without_outcomes(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kept = [o for o in typing.get_args(hint) if not _is_outcome(o)]
        hint = functools.reduce(lambda a, b: a | b, kept) if kept else Any
    if _is_outcome(hint) or next(unstorable(hint), None) is not None:
        return Any
    return hint


def _is_outcome(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseException)


def _storable(hint: Any, parameter: str, handler: str) -> Any:
    if hint is object:
        return Any
    if any(_is_context_class(option) for option in (hint, *typing.get_args(hint))):
        raise InvalidDefinition(f'{handler}: the context "{parameter}" must come first')
    for reason in unstorable(hint):
        raise InvalidDefinition(
            f'{handler}: argument "{parameter}" cannot be stored as JSON: {reason}',
            "Use plain types, dataclasses, msgspec.Struct or pydantic models.",
        )
    return hint


def unstorable(hint: Any) -> Iterator[str]:
    """Why values of this annotation could not come back from JSON; nothing if they can."""
    try:
        msgspec.json.Decoder(hint, dec_hook=lambda _kind, value: value)
        stack: list[Any] = [msgspec.inspect.type_info(hint)]
    except Exception as error:  # noqa: BLE001 - msgspec passes on what the classes raise
        yield str(error).splitlines()[0]
        return
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, msgspec.inspect.CustomType) and not is_pydantic(node.cls):
            yield f"{node.cls.__qualname__} has no JSON form"
        elif isinstance(node, tuple):
            stack.extend(node)
        elif isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            stack.extend(getattr(node, name) for name in node.__struct_fields__)
