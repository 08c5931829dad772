"""The one reader for JSON and the one for safetensors tables, over generated damage."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from explorer.errors import ExplorerError
from explorer.foreign.reading import MOST_DEPTH, parse_json, parse_object, read_json, read_table

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2**63, 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(), lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(), inside, max_size=4),
    max_leaves=20)
ROWS = st.dictionaries(st.text(max_size=8), PLAIN | st.fixed_dictionaries({}, optional={
    "dtype": st.sampled_from(["F32", "F16", "I64", "BOOL", "X", ["F32"], None, 3]),
    "shape": st.none() | st.lists(st.integers(-2, 5) | st.integers(2**62, 2**64) | st.text(max_size=2), max_size=4),
    "data_offsets": st.lists(st.integers(-1, 64) | st.integers(2**62, 2**64), max_size=3)}), max_size=4)


def table(path, rows, *, body=b"", length=None):
    text = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


@given(PLAIN)
def test_json_comes_back_as_it_was_written(value):
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize("text", [
    "[" * 100_000, '{"a":' * 100_000, "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), "1" * 5000, "1e999",
    "-1e999", "NaN", "[NaN]", "9" * 41, '"\\ud800"', '{"\\udfff": 1}', b"\xff\xfe", b'"\xff"', "", "{",
    "[1,]", "nul"])
def test_odd_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', "true"])
def test_an_object_is_an_object(text, tmp_path):
    with pytest.raises(ValueError, match="no JSON object"):
        parse_object(text)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ExplorerError, match="no JSON object"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("kind", ["missing", "folder", "large"])
def test_files_that_cannot_be_read(tmp_path, kind):
    path = tmp_path / "a.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(1 << 30)  # sparse: takes no room
    with pytest.raises(ExplorerError, match="cannot be read"):
        read_json(path)


def test_an_honest_table(tmp_path):
    import numpy as np
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros((4,), np.int64)}, tmp_path / "a.safetensors",
              metadata={"made by": "us"})
    found = read_table(tmp_path / "a.safetensors")
    assert {k: (t.dtype, t.shape) for k, t in found.tensors.items()} == {"a": ("F32", (2, 3)), "b": ("I64", (4,))}
    assert found.texts == {"made by": "us"}


@pytest.mark.parametrize("rows", [
    None, [], "x", 3, {"a": None}, {"a": []}, {"a": "x"}, {"a": {"dtype": "F32"}}, {"a": {"dtype": ["F32"]}},
    {"a": {"dtype": "F32", "shape": None, "data_offsets": [0, 4]}}, b"[" * 5000, b'{"a":' * 5000,
    {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 2**70]}}, {"__metadata__": {"a": 1}},
    {"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, {"__metadata__": "x"},
    {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, {"a": {"dtype": "F32", "shape": [2**40] * 9,
                                                                          "data_offsets": [0, 4]}}])
def test_tables_that_are_none(tmp_path, rows):
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        read_table(table(tmp_path / "a.safetensors", rows, body=bytes(4)))


@pytest.mark.parametrize("length", [0, 7, 10**6, 2**40, 2**64 - 1])
def test_lengths_that_lie(tmp_path, length):
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        read_table(table(tmp_path / "a.safetensors", {"a": 1}, length=length))
    (tmp_path / "b.safetensors").write_bytes(bytes(length % 8))
    with pytest.raises(ExplorerError, match="cannot be read as a safetensors file"):
        read_table(tmp_path / "b.safetensors")


@settings(max_examples=200, deadline=None)
@given(rows=ROWS | PLAIN, body=st.binary(max_size=64))
def test_any_table_is_read_or_refused(tmp_path_factory, rows, body):
    path = table(tmp_path_factory.getbasetemp() / "any.safetensors", rows, body=body)
    try:
        found = read_table(path)
    except ExplorerError:
        return
    assert all(isinstance(n, int) and n >= 0 for t in found.tensors.values() for n in t.shape)


def test_open_bounds_are_read():
    """As diffusers writes them into the configs of some schedulers."""
    assert parse_json('{"lambda_min_clipped": -Infinity}') == {"lambda_min_clipped": float("-inf")}
