"""The one reader for the tables of GGUF files that somebody else made; the specification is ggml's `docs/gguf.md`.

Everything is checked before any library maps the file: counts, lengths, types, and that each tensor lies in it. No
weight is read here.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

from explorer.errors import ExplorerError
from explorer.foreign.reading import Tensor, TensorTable

MAGIC, VERSIONS = b"GGUF", (2, 3)
MOST_TENSORS, MOST_NOTES, MOST_ITEMS = 1 << 16, 1 << 12, 1 << 20
MOST_LETTERS, MOST_NAME, MOST_HEADER = 1 << 20, 1 << 9, 64 << 20
MOST_SIDES, USUAL_ALIGNMENT = 4, 32
# Number of ggml's type -> (name, numbers a block, bytes a block), for those that diffusers can compute with.
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
         7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
         12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 20: ("IQ4_NL", 32, 18),
         23: ("IQ4_XS", 256, 136), 30: ("BF16", 1, 2)}
BITS = {name: 8 * size / count for name, count, size in TYPES.values()}
# Types of notes: struct's letter for numbers; texts and lists have their own form.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


def read_gguf(path: Path) -> TensorTable:
    """The table of a GGUF file, shapes as torch has them; ExplorerError if the file is not one, or not whole."""
    try:
        with path.open("rb") as file:
            return _HeaderReader(file, path.stat().st_size).table()
    except (OSError, ValueError, struct.error) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ExplorerError("model_files.cannot_read_gguf", name=path.name, why=why) from error


class _HeaderReader:
    """Reads a header from its start; ValueError for anything out of bounds."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def table(self) -> TensorTable:
        if self._bytes(4) != MAGIC:
            raise ValueError("it does not begin as one")
        if (version := self._number("I")) not in VERSIONS:
            raise ValueError(f"its version is {version}, and 2 and 3 are read")
        tensors, notes = self._number("Q"), self._number("Q")
        if not 0 < tensors <= MOST_TENSORS or notes > MOST_NOTES:
            raise ValueError("it says that it holds more than any model's")
        texts = self._notes(notes)
        rows = [self._row() for _ in range(tensors)]
        alignment = texts.get("general.alignment", USUAL_ALIGNMENT)
        if type(alignment) is not int or not 0 < alignment <= 1 << 16 or alignment & (alignment - 1):
            raise ValueError("its alignment is none")
        begin = -(-self.file.tell() // alignment) * alignment
        for name, _, offset, size in rows:
            if offset % alignment or begin + offset + size > self.size:
                raise ValueError(f"the row {name!r:.60} does not fit the file")
        found = {name: tensor for name, tensor, *_ in rows}
        if len(found) != len(rows):
            raise ValueError("a row stands in it twice")
        return TensorTable(found, {k: v for k, v in texts.items() if isinstance(v, str)})

    def _notes(self, count: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(count):
            name = self._text(MOST_NAME)
            if name in found:
                raise ValueError("a note stands in it twice")
            found[name] = self._value(self._number("I"))
        return found

    def _value(self, kind: int) -> Any:
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind == _TEXT:
            return self._text(MOST_LETTERS)
        if kind != _LIST:
            raise ValueError(f"a note is of the unknown type {kind}")
        inner, count = self._number("I"), self._number("Q")
        if count > MOST_ITEMS or inner not in (*_NUMBERS, _TEXT):
            raise ValueError("a list among its notes is longer than any model's, or a list of lists")
        if inner == _TEXT:
            for _ in range(count):
                self._text(MOST_LETTERS)
        else:
            self._bytes(count * struct.calcsize("<" + _NUMBERS[inner]))
        return None  # lists say nothing that is used here

    def _row(self) -> tuple[str, Tensor, int, int]:
        name, sides = self._text(MOST_NAME), self._number("I")
        if not 0 < sides <= MOST_SIDES:
            raise ValueError(f"the row {name!r:.60} has {sides} sides")
        shape = tuple(reversed([self._number("Q") for _ in range(sides)]))
        number, offset = self._number("I"), self._number("Q")
        if number not in TYPES:
            raise ValueError(f"the row {name!r:.60} is of the type {number}, with which nothing here can compute")
        kind, block, size = TYPES[number]
        if not all(0 < side < 1 << 32 for side in shape) or shape[-1] % block:
            raise ValueError(f"the row {name!r:.60} has no shape of its type")
        return name, Tensor(kind, shape), offset, math.prod(shape) // block * size

    def _text(self, most: int) -> str:
        length = self._number("Q")
        if length > most:
            raise ValueError("a text in it is longer than any model's")
        return self._bytes(length).decode("utf-8")  # UnicodeDecodeError is a ValueError

    def _number(self, kind: str) -> Any:
        return struct.unpack("<" + kind, self._bytes(struct.calcsize("<" + kind)))[0]

    def _bytes(self, count: int) -> bytes:
        if self.file.tell() + count > min(self.size, MOST_HEADER):
            raise ValueError("it ends within its table, or its table is longer than any model's")
        return self.file.read(count)

