"""JSON Schemas from what people have.

No library is imported here: a value can only be pydantic's or msgspec's if that was imported before.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """What stands for ``value`` in a policy document: a schema, a file, a table."""
    if isinstance(value, Path):
        return f"file:{value}"
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    schema = schema_of(value)
    if schema is None:
        raise TypeError(f"a policy cannot hold a value of type {type(value).__name__}")
    return schema


def from_json(text: str) -> Any:
    """A schema written as JSON text. A name that stands twice in an object is refused: which one would count?"""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the schema has the name {name!r} twice in one object")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=once)


def schema_of(kind: Any) -> dict[str, Any] | None:
    """The JSON Schema of a type; None for what is no type that can have one.

    Asked in turn: pydantic models and adapters, msgspec structs and unions, then dataclasses and
    TypedDicts by pydantic or, without it, by msgspec.
    """
    for method in ("model_json_schema", "json_schema"):
        make = getattr(kind, method, None)
        if callable(make):
            return typing.cast("dict[str, Any]", make())
    if not _is_type(kind):
        return None
    msgspec, pydantic = sys.modules.get("msgspec"), sys.modules.get("pydantic")
    if msgspec is not None and _holds_struct(kind, msgspec):
        return _by_msgspec(kind, msgspec)
    if pydantic is not None:
        try:
            return typing.cast("dict[str, Any]", pydantic.TypeAdapter(kind).json_schema())
        except pydantic.errors.PydanticUserError:
            if msgspec is None:
                raise
    if msgspec is not None:
        return _by_msgspec(kind, msgspec)
    name = getattr(kind, "__name__", str(kind))
    raise TypeError(f"the JSON Schema of {name} is made by pydantic or msgspec: import one of them before the policy")


def _is_type(kind: Any) -> bool:
    return (
        dataclasses.is_dataclass(kind)
        or typing.is_typeddict(kind)
        or isinstance(kind, type)
        or typing.get_origin(kind) is not None
    )


def _holds_struct(kind: Any, msgspec: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return True
    return any(_holds_struct(argument, msgspec) for argument in typing.get_args(kind))


def _by_msgspec(kind: Any, msgspec: Any) -> dict[str, Any]:
    """msgspec writes its definitions below ``$defs``; a schema is one document."""
    return typing.cast("dict[str, Any]", msgspec.json.schema(kind))
