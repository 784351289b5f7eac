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
        # Strict models take less from Python values than from JSON: a UUID is no str there.
        if kind.model_config.get("strict"):
            return lambda _value, message: kind.model_validate_json(message)
        return lambda value, _message: kind.model_validate(value)
    if hasattr(kind, "validate_python"):
        return lambda value, _message: kind.validate_python(value)
    if msgspec is not None and _fits(kind, lambda part: issubclass(part, msgspec.Struct)):
        return lambda value, _message: msgspec.convert(value, kind)
    if pydantic is not None:
        adapter = pydantic.TypeAdapter(kind)
        return lambda value, _message: adapter.validate_python(value)
    if msgspec is not None:
        return lambda value, _message: msgspec.convert(value, kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return lambda value, _message: kind(**value)
    raise TypeError(f"messages cannot be {kind!r}: import pydantic or msgspec, or give a dataclass or a TypedDict")


def _fits(kind: Any, test: Callable[[type], bool]) -> bool:
    """Whether a type, or any part of a union or list, passes the test."""
    if isinstance(kind, type) and test(kind):
        return True
    return any(_fits(part, test) for part in typing.get_args(kind))
