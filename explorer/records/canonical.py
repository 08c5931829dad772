"""Canonical JSON (RFC 8785) of records, and its SHA-256: what the log's chain and recipe digests run over.

JSON cannot carry every value that a record holds: whole numbers beyond 2**53 (seeds go to 2**64) and
infinite or undefined scores. These are written as {"$int": "..."} and {"$float": "inf"} and come back
unchanged.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from typing import Any

import rfc8785

from explorer.records.json_form import to_json

LARGEST = 2**53 - 1


def pack(value: Any) -> Any:
    """A record or JSON-like value as values that RFC 8785 can write; TypeError for anything else."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST else {"$int": str(value)}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, dict):
        return {str(k): pack(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return pack(to_json(value))
    if hasattr(value, "item"):  # a numpy scalar
        return pack(value.item())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def unpack(value: Any) -> Any:
    """The value that `pack` wrote."""
    if isinstance(value, dict):
        if value.keys() == {"$int"}:
            return int(value["$int"])
        if value.keys() == {"$float"}:
            return float(value["$float"])
        return {k: unpack(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unpack(v) for v in value]
    return value


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a record or JSON-like value."""
    return rfc8785.dumps(pack(value))


def read(text: str | bytes) -> Any:
    """The value behind canonical bytes."""
    return unpack(json.loads(text))


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical bytes of a record or JSON-like value."""
    return hashlib.sha256(canonical(value)).hexdigest()
