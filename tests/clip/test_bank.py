"""Cached term embeddings: the same numbers, exact order, mapped from disk, rebuilt when they do not fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from explorer.clip import bank as bank_module
from explorer.clip.bank import TermBank, open_bank
from explorer.clip.encoder import Encoder
from explorer.clip.terms import TermList, term_list
from tests.heard import Heard


def opened(encoder: Encoder, terms: TermList, cache: Path | None) -> tuple[int, TermBank]:
    """How often progress was reported, and the bank."""
    run = Heard()
    bank = open_bank(encoder, terms, cache=cache, run=run)
    return len(run.reports), bank


TERMS = term_list("things", "flavor", [*(f"thing {i} of {i * 7}" for i in range(50)),
                                       "word " * 79, "猫", "?"])


def test_second_opening_reads_the_same_from_disk(encoder: Encoder, tmp_path: Path) -> None:
    steps, first = opened(encoder, TERMS, tmp_path)
    again, second = opened(encoder, TERMS, tmp_path)
    assert steps == 1 and again == 0 and len(list(tmp_path.iterdir())) == 1
    assert isinstance(second.embeddings, np.memmap) and np.array_equal(first.embeddings, second.embeddings)
    assert np.abs(second.embeddings - encoder.encode_texts(TERMS.terms)).max() < 1e-4
    for i in (0, 17, 50, 51, 52):
        assert list(second.token_ids(i)) == encoder.token_ids(TERMS.terms[i])[:76]


def test_without_a_cache_nothing_is_written(encoder: Encoder, tmp_path: Path) -> None:
    _, bank = opened(encoder, TERMS, None)
    assert len(bank.embeddings) == len(TERMS) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other"])
def test_damaged_or_foreign_files_are_rebuilt(encoder: Encoder, tmp_path: Path, damage: str) -> None:
    _, first = opened(encoder, TERMS, tmp_path)
    want, path = np.array(first.embeddings), next(tmp_path.iterdir())
    good = path.read_bytes()
    other = good.replace(encoder.fingerprint.encode(), b"0" * 64)
    path.write_bytes({"cut": good[:-40], "noise": b"\xff" * 500, "empty": b"", "other": other}[damage])
    steps, bank = opened(encoder, TERMS, tmp_path)
    assert steps == 1 and np.array_equal(bank.embeddings, want)
    assert opened(encoder, TERMS, tmp_path)[0] == 0


def test_another_clip_or_list_has_its_own_file(encoder: Encoder, tmp_path: Path) -> None:
    opened(encoder, TERMS, tmp_path)
    opened(dataclasses.replace(encoder, fingerprint="f" * 64), TERMS, tmp_path)
    opened(encoder, term_list("things", "flavor", TERMS.terms[:-1]), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_no_space_left_costs_only_the_cache(encoder: Encoder, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(bank_module.os, "replace", full)
    _, bank = opened(encoder, TERMS, tmp_path)
    assert len(bank.embeddings) == len(TERMS) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("sign", [1, -1])
def test_top_is_exact(sign: int) -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(5000, 8)).astype(np.float32)
    embeddings[4000:4100] = embeddings[7]  # ties
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    terms = TermList("x", "flavor", tuple(map(str, range(5000))))
    bank = TermBank(terms, embeddings, np.empty(0), np.empty(0))
    query = embeddings[7]
    sims = embeddings @ query
    want = sorted(range(5000), key=lambda i: (-sign * sims[i], i))
    for k in (1, 5, 50, 101, 2048, 5000, 9000):
        assert [i for i, _ in bank.top(query, k, sign=sign)] == want[:k]
    assert bank.top(query, 0) == []
