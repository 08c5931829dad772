"""The table of GGUF files: read as the library reads it, and spoiled ones end in a sentence."""

from __future__ import annotations

import random
import struct

import gguf
import numpy as np
import pytest

from explorer.errors import ExplorerError
from explorer.foreign.gguf_reading import TYPES, read_gguf


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    writer = gguf.GGUFWriter(str(path), "flux")
    writer.add_string("general.name", "a small one")
    writer.add_array("general.tags", ["one", "two"])
    writer.add_array("places", [1, 2, 3])
    rows = np.random.default_rng(0).normal(size=(8, 64)).astype(np.float32)
    writer.add_tensor("plain", rows)
    writer.add_tensor("halv", rows.astype(np.float16))
    writer.add_tensor("half", rows.astype(np.float16))
    writer.add_tensor("packed", gguf.quants.quantize(rows, gguf.GGMLQuantizationType.Q8_0),
                      raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_table_is_what_the_library_reads(good):
    table = read_gguf(good)
    theirs = {t.name: (t.tensor_type.name, tuple(int(n) for n in reversed(t.shape)))
              for t in gguf.GGUFReader(str(good)).tensors}
    assert {n: (t.dtype, t.shape) for n, t in table.tensors.items()} == theirs
    assert table.texts["general.name"] == "a small one" and table.texts["general.architecture"] == "flux"


def test_the_types_are_those_of_the_library():
    for number, (name, count, size) in TYPES.items():
        kind = gguf.GGMLQuantizationType(number)
        assert kind.name == name and gguf.GGML_QUANT_SIZES[kind] == (count, size)


def spoiled(change, good, tmp_path):
    data = bytearray(good.read_bytes())
    path = tmp_path / "spoiled.gguf"
    path.write_bytes(change(data))
    return path


def put(at, form, value):
    def change(data):
        struct.pack_into(form, data, at, value)
        return data
    return change


@pytest.mark.parametrize(("change", "says"), [
    (lambda d: b"GGML" + d[4:], "does not begin as one"),
    (put(4, "<I", 1), "version is 1"),
    (put(4, "<I", 0x03000000), "version"), (put(8, "<Q", 1 << 40), "more than any"),
    (put(8, "<Q", 0), "more than any"), (put(16, "<Q", 1 << 40), "more than any"),
    (lambda d: d[:40], "ends within"),
    (lambda d: d[:-600], "does not fit the file"), (put(24, "<Q", 1 << 60), "longer than any"),
    (lambda d: d.replace(b"halv", b"pain"), "")])
def test_spoiled_tables_end_in_a_sentence(good, tmp_path, change, says):
    path = spoiled(change, good, tmp_path)
    if not says:  # a name is only a name
        assert "pain" in read_gguf(path).tensors
        return
    with pytest.raises(ExplorerError, match="Cannot read the GGUF file spoiled") as told:
        read_gguf(path)
    assert says in str(told.value)


def test_two_rows_of_one_name_and_types_that_nothing_computes(good, tmp_path):
    with pytest.raises(ExplorerError, match="stands in it twice"):
        read_gguf(spoiled(lambda d: d.replace(b"halv", b"half"), good, tmp_path))
    place = good.read_bytes().index(b"packed") + 6 + 4 + 16
    with pytest.raises(ExplorerError, match="nothing here can compute"):
        read_gguf(spoiled(put(place, "<I", 17), good, tmp_path))


@pytest.mark.parametrize("seed", range(40))
def test_noise_in_the_table_is_read_or_refused_and_never_anything_else(good, tmp_path, seed):
    draw = random.Random(seed)
    data = bytearray(good.read_bytes())
    for _ in range(draw.randint(1, 12)):
        data[draw.randrange(400)] = draw.randrange(256)
    path = tmp_path / "noise.gguf"
    path.write_bytes(data[:draw.randint(20, len(data))])
    try:
        table = read_gguf(path)
    except ExplorerError as error:
        assert "noise.gguf" in str(error)
    else:
        assert sum(np.prod(t.shape) for t in table.tensors.values()) < 1 << 20
