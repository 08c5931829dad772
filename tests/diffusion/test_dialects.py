"""Weighted prompts: what the brackets mean (golden vectors), and what that does to the text's embedding."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.diffusion.dialects import check_dialect, parse
from explorer.diffusion.families.weighting import equally_long, token_chunks
from explorer.diffusion.sampling import sample
from explorer.errors import ExplorerError
from explorer.findings.case_ledger import recipe_ledger
from explorer.records import ReplaySettings
from tests.diffusion import tiny

VECTORS = json.loads(Path(__file__).with_name("dialects.json").read_text("utf-8"))
CASES = [(dialect, prompt, parts) for dialect, rows in VECTORS.items() for prompt, parts in rows]
LONG = "a" * 40 + ", " + "b" * 60  # a letter is a token of the tiny tokenizer


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    made = {}

    def get(variant):
        if variant not in made:
            made[variant] = tiny.model(variant, tmp_path_factory.mktemp("parts"))
        return made[variant]
    return get


def encoded(model, prompt, dialect, *, negative="", guided=True):
    recipe = tiny.recipe(model, prompt=prompt, negative_prompt=negative, dialect=dialect)
    return model.family.encoding(recipe, paired=guided)


def letters(model, prompt):
    """How many rows stand before the prompt's own: the start mark."""
    return len(model.pipe.tokenizer(prompt, add_special_tokens=False).input_ids)


@pytest.mark.parametrize(("dialect", "prompt", "parts"), CASES)
def test_brackets_mean_what_they_mean_there(dialect, prompt, parts):
    made = parse(prompt, dialect)
    assert [[p.text for p in part] for part in made] == [[t for t, _ in part] for part in parts]
    assert [p.weight for part in made for p in part] == pytest.approx(
        [w for part in parts for _, w in part], abs=1e-5)


@pytest.mark.parametrize("variant", ["sd1-tiny", "sd2-v", "sdxl"])
@pytest.mark.parametrize("dialect", ["a1111", "comfyui"])
def test_without_weights_every_dialect_is_the_pipelines_own_encoding(models, variant, dialect):
    model = models(variant)
    ours, plain = (encoded(model, "a red boat", d, negative="grey") for d in (dialect, "plain"))
    for name in ("text", "untext", "pooled", "unpooled"):
        one, other = getattr(ours, name), getattr(plain, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert torch.allclose(one, other, atol=1e-5), name


def test_a1111_scales_rows_and_keeps_the_mean(models):
    model = models("sd1-tiny")
    plain = encoded(model, "a red boat", "plain").text
    ours = encoded(model, "a (red:1.5) boat", "a1111").text
    weights = torch.ones(77, 1)
    start = 1 + letters(model, "a ")
    weights[start:start + letters(model, "red")] = 1.5
    wanted = plain * weights
    assert torch.allclose(ours, wanted * (plain.mean() / wanted.mean()), atol=1e-4)
    assert not torch.allclose(ours, plain, atol=1e-2)


def test_comfyui_goes_from_the_empty_prompt_through_the_words(models):
    model = models("sd1-tiny")
    plain, empty = (encoded(model, text, "plain").text for text in ("a red boat", ""))
    ours = encoded(model, "a (red:1.5) boat", "comfyui").text
    start = 1 + letters(model, "a ")
    row = slice(start, start + letters(model, "red"))
    assert torch.allclose(ours[row], empty[row] + 1.5 * (plain - empty)[row], atol=1e-4)
    rest = [i for i in range(77) if not row.start <= i < row.stop]
    assert torch.allclose(ours[rest], plain[rest], atol=1e-5)


def test_long_prompts_go_on_in_further_chunks_cut_as_the_dialect_cuts(models):
    model = models("sd1-tiny")
    pipe = model.pipe

    def lengths(prompt, dialect):
        return [len(c) for c in token_chunks(pipe, pipe.tokenizer, prompt, dialect)]
    assert lengths(LONG, "a1111") == [75, 26]  # the comma lies too far back
    assert lengths("a" * 60 + ", " + "b" * 60, "a1111") == [61, 60]
    assert lengths("a BREAK b", "a1111") == [1, 1] and lengths("", "a1111") == [0]
    assert lengths("a" * 74 + " bbb", "comfyui") == [74, 3]  # a short word is not cut
    assert lengths("a" * 100, "comfyui") == [75, 25]
    assert encoded(model, LONG, "a1111").text.shape[0] == 2 * 77


def test_repeated_rows_change_no_image(models):
    """One prompt of two chunks, the other of one: in one batch as alone."""
    model = models("sd1-tiny")
    recipes = [tiny.recipe(model, prompt=p, dialect="a1111", negative_prompt="(grey)") for p in (LONG, "boat")]
    assert [r.shape[0] for r in equally_long([torch.zeros(154, 2), torch.zeros(231, 2)])] == [462, 462]

    def latents(these):
        return [r.latents for r in sample(model, these)]
    together, alone = latents(recipes), [latents([r])[0] for r in recipes]
    assert np.abs(np.stack(together) - np.stack(alone)).max() < 1e-4
    assert np.abs(alone[1] - latents([tiny.recipe(model, prompt="boat", negative_prompt="(grey)")])[0]).max() > 0


def test_what_cannot_be_replayed_is_refused_in_a_sentence():
    for prompt in ("[a:b:0.5]", "[cow|horse] in a field", "a cat AND a dog", "boat <lora:x:0.8>"):
        with pytest.raises(ExplorerError, match="cannot be replayed"):
            check_dialect(prompt, "a1111")
        check_dialect(prompt, "plain")
    for prompt in ("[a (b:1.2)]", "ANDROID", "a:b", "(time 10:2 pm)"):
        check_dialect(prompt, "a1111")
    with pytest.raises(ExplorerError, match="embedding"):
        check_dialect("embedding:mine", "comfyui")
    with pytest.raises(ExplorerError, match="plain, a1111"):
        check_dialect("a", "compel")
    with pytest.raises(ExplorerError, match="weight 99"):
        check_dialect("(a:99)", "a1111")


def test_the_ledger_charges_brackets_as_text(models):
    model = models("sd1-tiny")
    bits = [next(e.bits for e in recipe_ledger(tiny.recipe(model, prompt=p, dialect="a1111"), ReplaySettings(p))
                 if e.source == "prompt") for p in ("red boat", "(red:1.3) boat")]
    assert bits[1] > bits[0] + 20


def test_a1111s_other_settings_of_emphasis(models):
    """No norm: rows times weights and no more; ignore: as without brackets; none: brackets are letters."""
    model = models("sd1-tiny")
    norm, bare = encoded(model, "a (red:1.3) boat", "a1111"), encoded(model, "a (red:1.3) boat", "a1111-no-norm")
    one = encoded(model, "a red boat", "a1111")
    start = 1 + letters(model, "a ")
    assert torch.allclose(bare.text[start], one.text[start] * 1.3, atol=1e-5)
    assert torch.allclose(bare.text[0], one.text[0], atol=1e-6) and not torch.allclose(norm.text[0], one.text[0])
    assert torch.equal(encoded(model, "a (red:1.3) [boat]", "a1111-ignore").text,
                       encoded(model, "a red boat", "a1111").text)
    assert torch.allclose(encoded(model, "a (red:1.3) boat BREAK x", "a1111-none").text,
                          encoded(model, "a (red:1.3) boat BREAK x", "plain").text, atol=1e-5)
