"""Records as plain JSON values and back.

Every record goes to the case store and into packages by `to_json` and comes back by `from_json`;
tuples become lists on the way and are restored.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from typing import Any

LATER = "later"  # metadata of a field that records did not always have: left out of JSON where it is its default


def to_json(record: Any) -> Any:
    """A record as plain JSON values (tuples as lists, bytes refused)."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_json(getattr(record, f.name)) for f in dataclasses.fields(record)
                if not (f.metadata.get(LATER) and getattr(record, f.name) == f.default)}
    if isinstance(record, dict):
        return {str(k): to_json(v) for k, v in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_json(v) for v in record]
    if isinstance(record, bytes):
        raise TypeError("records hold no bytes; store a blob and keep its SHA-256")
    return record


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """The fields' types; resolving their names anew for each record would take most of a read's time."""
    return typing.get_type_hints(kind)


def from_json(kind: Any, value: Any) -> Any:
    """The record of type `kind` that `to_json` turned into `value`.

    TypeError for unknown keys and for values of another type, ValueError for numbers out of range: what is
    read may come from the other side's package.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(kind) if a is not type(None)]
        return None if value is None else from_json(inner[0], value)
    if origin is tuple:
        return tuple(from_json(typing.get_args(kind)[0], v) for v in _of(list, value))
    if origin is dict:
        return {k: from_json(typing.get_args(kind)[1], v) for k, v in _of(dict, value).items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        unknown = set(_of(dict, value)) - set(hints)
        if unknown:
            raise TypeError(f"{kind.__name__} has no field {sorted(unknown)[0]!r}")
        return kind(**{k: from_json(hints[k], v) for k, v in value.items()})
    return value if kind is Any else _of(kind, value)


def _of(kind: type, value: Any) -> Any:
    """The value itself, if it is of the type; a whole number, which lost its point in JSON, as a float."""
    if kind is float and type(value) is int:
        if abs(value) > 2**1000:
            raise ValueError("a number is too large")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{str(value)[:40]!r} stands where {kind.__name__} belongs")
    return value
