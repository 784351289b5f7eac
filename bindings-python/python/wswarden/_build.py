"""Objects of a user's type from a message's value, which is what ``json.loads`` would give.

No library is imported here: a type can only be pydantic's or msgspec's if that was imported before.
"""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Callable
from typing import Any

Build = Callable[[Any, "str | bytes"], Any]
"""Takes the value and the message as it came; raises ``ValueError`` when a validator of the type refuses it."""


def builder(kind: Any) -> Build:
    """What makes objects of ``kind``.

    Raises:
        TypeError: for what is no type that messages can have.
    """
    if kind is None or kind is Any or typing.is_typeddict(kind):
        return lambda value, _message: value
    msgspec, pydantic = sys.modules.get("msgspec"), sys.modules.get("pydantic")
    if hasattr(kind, "model_validate"):
        if kind.model_config.get("strict"):
            return lambda _value, message: kind.model_validate_json(message)
        return _either(kind.model_validate, kind.model_validate_json)
    if hasattr(kind, "validate_python"):
        return _either(kind.validate_python, kind.validate_json)
    if msgspec is not None and _fits(kind, lambda part: issubclass(part, msgspec.Struct)):
        return lambda value, _message: msgspec.convert(value, kind, str_keys=True)
    if pydantic is not None:
        adapter = pydantic.TypeAdapter(kind)
        return _either(adapter.validate_python, adapter.validate_json)
    if msgspec is not None:
        return lambda value, _message: msgspec.convert(value, kind, str_keys=True)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return lambda value, _message: kind(**value)
    raise TypeError(f"messages cannot be {kind!r}: import pydantic or msgspec, or give a dataclass or a TypedDict")


def _either(of_value: Callable[[Any], Any], of_message: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Builds of the value, or, where that is refused, of the message.

    Strict parts take less from Python's values than from JSON: a UUID is no str there.
    """

    def build(value: Any, message: Any) -> Any:
        try:
            return of_value(value)
        except ValueError:
            return of_message(message)

    return build


def _fits(kind: Any, test: Callable[[type], bool]) -> bool:
    """Whether a type, or any part of a union or list, passes the test."""
    if isinstance(kind, type) and test(kind):
        return True
    return any(_fits(part, test) for part in typing.get_args(kind))
