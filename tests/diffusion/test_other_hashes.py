"""A file named by another program's hash: the same, another, or not known; never the same unasked."""

from __future__ import annotations

import hashlib
import struct

import pytest
import torch
from safetensors.torch import save_file

from explorer.diffusion.other_hashes import OTHER, SAME, UNKNOWN, compared, found_among, hashes_of


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sub" / "Ink Style.safetensors"
    path.parent.mkdir()
    save_file({"x": torch.randn(300_000, generator=torch.Generator().manual_seed(1))}, path, metadata={"a": "b"})
    return path


def test_every_kind_of_hash(file):
    data, known = file.read_bytes(), hashes_of(file)
    header = struct.unpack("<Q", data[:8])[0]
    assert known.sha256 == hashlib.sha256(data).hexdigest()
    assert known.tensors == hashlib.sha256(data[8 + header:]).hexdigest()
    assert known.old == hashlib.sha256(data[0x100000:0x110000]).hexdigest()[:8]
    for named in (known.sha256, known.sha256[:10].upper(), f"sha256:{known.sha256}", known.tensors[:12]):
        assert compared(named, file) == SAME
    assert compared("0123456789", file) == OTHER
    for named in (known.old, "", "blake3:" + "0" * 64, "not a hash", "abc"):
        assert compared(named, file) == UNKNOWN
    assert compared(known.sha256, file.with_name("gone")) == UNKNOWN


def test_adapters_are_found_by_name_and_not_offered_with_another_hash(file):
    folders, known = [file.parent.parent], hashes_of(file)
    assert found_among("ink style", "", folders) == file
    assert found_among("styles\\Ink Style.safetensors", known.tensors[:12], folders) == file
    assert found_among("ink style", "0123456789ab", folders) is None
    assert found_among("ink", "", folders) is None
