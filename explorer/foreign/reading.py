"""The one reader for JSON and the one for safetensors tables of files that somebody else made.

Both check form, depth and numbers, and say in one sentence what is wrong. No weight is read here.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError

MOST_BYTES = 16 << 20  # of a JSON file, and of a safetensors table
MOST_DEPTH = 32
MOST_DIGITS = 40  # of a whole number: transformers writes "no limit" as a one with thirty zeros
WIDTHS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16,
          "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F4": 4,
          "F6_E2M3": 6, "F6_E3M2": 6}


@dataclass(frozen=True)
class Tensor:
    """One row of a safetensors table."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class TensorTable:
    """What a safetensors file holds: its tensors by name, and the texts that its maker put beside them."""

    tensors: dict[str, Tensor]
    texts: dict[str, str]


def parse_json(text: str | bytes) -> Any:
    """A JSON value; ValueError for damaged text, deep nesting, endless numbers and broken letters."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MB of JSON")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {MOST_DEPTH} levels") from None
    _check_tree(value)
    return value


def parse_object(text: str | bytes) -> dict[str, Any]:
    """As `parse_json`, for a JSON object."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; ExplorerError if it is missing, too large, damaged or odd."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MB of JSON")
        return parse_object(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror or "" if isinstance(error, OSError) else str(error)
        raise ExplorerError("foreign.reading_cannot_read", path=path, why=why or type(error).__name__) from error


def read_table(path: Path) -> TensorTable:
    """The table of a safetensors file; ExplorerError if the file is not one, or not whole."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > min(MOST_BYTES, size - 8):
                raise ValueError("its table is longer than the file, or than any model's")
            rows = parse_object(file.read(length))
        return _table(rows, size - 8 - length)
    except (OSError, ValueError, struct.error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ExplorerError("foreign.reading_cannot_read_safetensors", path_name=path.name, why=why) from error


def _table(rows: dict[str, Any], size: int) -> TensorTable:
    texts = rows.pop("__metadata__", None) or {}
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise ValueError("its maker's notes are no texts")
    return TensorTable({name: _row(name, row, size) for name, row in rows.items()}, texts)


def _row(name: str, row: Any, size: int) -> Tensor:
    if not isinstance(row, dict) or str(row.get("dtype")) not in WIDTHS:
        raise ValueError(f"the row {name!r:.60} names no number type")
    shape, offsets = row.get("shape"), row.get("data_offsets")
    if not _naturals(shape) or not _naturals(offsets) or len(offsets) != 2:
        raise ValueError(f"the row {name!r:.60} has no shape or place")
    bits = math.prod(shape) * WIDTHS[row["dtype"]]
    if not offsets[0] <= offsets[1] <= size or bits != 8 * (offsets[1] - offsets[0]):
        raise ValueError(f"the row {name!r:.60} does not fit the file")
    return Tensor(row["dtype"], tuple(shape))


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that no computer holds")
    return value


def _constant(text: str) -> float:
    if text == "NaN":
        raise ValueError("no number where one belongs")
    return float(text)  # diffusers writes an open bound as Infinity


def _check_tree(value: Any) -> None:
    """ValueError for what lies too deep, and for letters that are none (half of a pair)."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH} levels")
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and not item.isascii():
                item.encode()  # UnicodeEncodeError is a ValueError
        level = below
