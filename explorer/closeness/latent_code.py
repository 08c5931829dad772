"""A decodable code for arrays: uniform quantising, then adaptive arithmetic coding in context.

The length of what `encode` returns is what a starting image or given noise costs at most: `decode`
gives the same quantised array back from those bytes alone. Arithmetic coder after Witten, Neal and
Cleary 1987; symbol counts adapt as they go, so no table travels along.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

_TOP, _HALF, _QUARTER = (1 << 32) - 1, 1 << 31, 1 << 30
_HEAD = struct.Struct(">fHHHhh")  # step, channels, rows, columns, smallest and largest level
_CONTEXTS = 4


def quantise(values: np.ndarray, step: float) -> np.ndarray:
    """(c, h, w) int32 levels: values / step, rounded, limited to ±32000."""
    return np.clip(np.rint(values / np.float32(step)), -32000, 32000).astype(np.int32)


def encode(levels: np.ndarray, step: float) -> bytes:
    """(c, h, w) integer levels as bytes that `decode` turns back into the values levels · step."""
    low, high = int(levels.min()), int(levels.max())
    writer = _Writer()

    def give(at: tuple[int, int, int], model: _Counts) -> int:
        writer.put(model, int(levels[at]) - low)
        return int(levels[at])

    _walk(levels.shape, low, high, give)
    return _HEAD.pack(step, *levels.shape, low, high) + writer.finish()


def decode(data: bytes) -> np.ndarray:
    """(c, h, w) float32 values that `encode` wrote."""
    step, channels, rows, columns, low, high = _HEAD.unpack(data[:_HEAD.size])
    levels = np.zeros((channels, rows, columns), np.int32)
    reader = _BitReader(data[_HEAD.size:])

    def take(at: tuple[int, int, int], model: _Counts) -> int:
        levels[at] = low + reader.get(model)
        return int(levels[at])

    _walk(levels.shape, low, high, take)
    return levels.astype(np.float32) * np.float32(step)


def shape_of(data: bytes) -> tuple[int, int, int] | None:
    """(c, h, w) of the values in a code; None for bytes too few to be one."""
    return _HEAD.unpack(data[:_HEAD.size])[1:4] if len(data) > _HEAD.size else None


def code_bits(levels: np.ndarray) -> float:
    """About the bits that `encode` would take, without writing them (within a few bits of it)."""
    low, high = int(levels.min()), int(levels.max())
    total = 0.0

    def count(at: tuple[int, int, int], model: _Counts) -> int:
        nonlocal total
        total -= np.log2(model.share(int(levels[at]) - low))
        model.add(int(levels[at]) - low)
        return int(levels[at])

    _walk(levels.shape, low, high, count)
    return total + 8 * _HEAD.size + 2


class _Counts:
    """Adaptive symbol counts of one context; every symbol starts at 1, seen ones gain 24."""

    def __init__(self, size: int):
        self.counts = np.ones(size, np.int64)
        self.total = size

    def share(self, symbol: int) -> float:
        return self.counts[symbol] / self.total

    def bounds(self, symbol: int) -> tuple[int, int]:
        below = int(self.counts[:symbol].sum())
        return below, below + int(self.counts[symbol])

    def find(self, target: int) -> int:
        return int(np.searchsorted(np.cumsum(self.counts), target, side="right"))

    def add(self, symbol: int) -> None:
        self.counts[symbol] += 24
        self.total += 24
        if self.total > 1 << 20:
            self.counts = (self.counts + 1) // 2
            self.total = int(self.counts.sum())


def _walk(shape: tuple[int, ...], low: int, high: int,
          visit: Callable[[tuple[int, int, int], _Counts], int]) -> None:
    """Visits every place in order with the counts of its context: how large its two neighbours are.

    Encoder and decoder both walk here, so that they can never disagree. A single level needs no code.
    """
    if low == high:
        if low:
            for at in np.ndindex(*shape):
                visit(at, _Counts(1))
        return
    for channel in range(shape[0]):
        contexts = [_Counts(high - low + 1) for _ in range(_CONTEXTS)]
        above = [0] * shape[2]
        for row in range(shape[1]):
            left = 0
            for column in range(shape[2]):
                size = abs(left) + abs(above[column])
                context = min(_CONTEXTS - 1, size if size < 3 else 3)
                left = above[column] = visit((channel, row, column), contexts[context])


class _Writer:
    def __init__(self) -> None:
        self.low, self.high, self.pending = 0, _TOP, 0
        self.bits: list[int] = []

    def put(self, model: _Counts, symbol: int) -> None:
        start, end = model.bounds(symbol)
        span = self.high - self.low + 1
        self.low, self.high = self.low + span * start // model.total, self.low + span * end // model.total - 1
        model.add(symbol)
        while True:
            if self.high < _HALF:
                self._bit(0)
            elif self.low >= _HALF:
                self._bit(1)
                self.low, self.high = self.low - _HALF, self.high - _HALF
            elif self.low >= _QUARTER and self.high < 3 * _QUARTER:
                self.pending += 1
                self.low, self.high = self.low - _QUARTER, self.high - _QUARTER
            else:
                return
            self.low, self.high = 2 * self.low, 2 * self.high + 1

    def _bit(self, bit: int) -> None:
        self.bits += [bit] + [1 - bit] * self.pending
        self.pending = 0

    def finish(self) -> bytes:
        self.pending += 1
        self._bit(0 if self.low < _QUARTER else 1)
        return np.packbits(np.array(self.bits, np.uint8)).tobytes()


class _BitReader:
    def __init__(self, data: bytes) -> None:
        self.bits = np.unpackbits(np.frombuffer(data, np.uint8)).tolist()
        self.at, self.low, self.high, self.value = 0, 0, _TOP, 0
        for _ in range(32):
            self.value = 2 * self.value + self._next()

    def _next(self) -> int:
        self.at += 1
        return self.bits[self.at - 1] if self.at <= len(self.bits) else 0

    def get(self, model: _Counts) -> int:
        span = self.high - self.low + 1
        symbol = model.find(((self.value - self.low + 1) * model.total - 1) // span)
        start, end = model.bounds(symbol)
        self.low, self.high = self.low + span * start // model.total, self.low + span * end // model.total - 1
        model.add(symbol)
        while True:
            if self.high >= _HALF:
                if self.low >= _HALF:
                    shift = _HALF
                elif self.low >= _QUARTER and self.high < 3 * _QUARTER:
                    shift = _QUARTER
                else:
                    return symbol
                self.low, self.high, self.value = self.low - shift, self.high - shift, self.value - shift
            self.low, self.high = 2 * self.low, 2 * self.high + 1
            self.value = 2 * self.value + self._next()
