"""The prefix cache gives what plain encoding gives, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from explorer.clip.encoder import Encoder, load_encoder
from explorer.clip.tower import CausalTower
from explorer.errors import ExplorerError
from tests.clip.conftest import MODEL_CFG, write_clip

STEMS = ["a red disc", "a bird (small)", "wow!", "Пример, 例え", "one, two, three, " + "four " * 40]
TERMS = ["blue", "by Ada Lee", "'90s style", "#art", "x", "a very long term of quite a few words"]


def plain(encoder: Encoder, texts: list[str]) -> np.ndarray:
    with torch.no_grad():
        return encoder.model.encode_text(open_clip.tokenize(texts), normalize=True).numpy()


@pytest.mark.parametrize("stem", STEMS)
def test_extension_equals_plain_encoding(encoder: Encoder, stem: str) -> None:
    prefix = encoder.tower.prefix([encoder.tower.start_id, *encoder.token_ids(f"{stem},")])
    made = encoder.tower.extend(prefix, [encoder.token_ids(t) for t in TERMS])
    assert np.abs(made - plain(encoder, [f"{stem}, {t}" for t in TERMS])).max() < 1e-4


def test_growing_and_cutting_a_prefix_changes_nothing(encoder: Encoder) -> None:
    tower = encoder.tower
    first = tower.prefix([tower.start_id, *encoder.token_ids("a red disc, blue sky,")])
    for text in ("a red disc, blue moon over hills,", "a red", "other words", "a red disc, blue sky,"):
        ids = [tower.start_id, *encoder.token_ids(text)]
        grown, fresh = tower.prefix(ids, known=first), tower.prefix(ids)
        assert grown.ids == fresh.ids
        for a, b in zip((*grown.keys, *grown.values), (*fresh.keys, *fresh.values), strict=True):
            assert torch.allclose(a, b, atol=1e-5)


def test_custom_text_clip_with_layer_scale_and_bias(tmp_path: Path) -> None:
    encoder = load_encoder(str(write_clip(tmp_path, custom=True, ls_init_value=0.5, proj_bias=True)))
    assert encoder.tower is not None
    assert np.abs(encoder.encode_texts(TERMS) - plain(encoder, TERMS)).max() < 1e-4


def test_no_room_left(encoder: Encoder) -> None:
    tower = encoder.tower
    prefix = tower.prefix([tower.start_id, *([320] * 70)])
    assert tower.extend(prefix, [[320] * 5]).shape == (1, encoder.dim)
    with pytest.raises(ExplorerError, match="at most 75"):
        tower.extend(prefix, [[320] * 6])


@pytest.mark.parametrize(("options", "why"), [
    ({"no_causal_mask": True}, "not causal"), ({"pool_type": "last"}, "pools 'last'"),
    ({"embed_cls": True}, "pools")])
def test_other_towers_are_refused(options: dict, why: str) -> None:
    model = open_clip.CustomTextCLIP(**dict(MODEL_CFG, text_cfg={**MODEL_CFG["text_cfg"], **options}))
    with pytest.raises(ExplorerError, match=why):
        CausalTower(model, start_id=49406, end_id=49407)


def test_refused_tower_still_encodes(plain_encoder: Encoder) -> None:
    assert plain_encoder.tower is None and "not causal" in plain_encoder.tower_note
    assert np.abs(plain_encoder.encode_texts(TERMS) - plain(plain_encoder, TERMS)).max() < 1e-6
