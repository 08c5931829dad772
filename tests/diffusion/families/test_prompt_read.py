"""How much of a prompt a model reads: what is said to be unread changes nothing, what is read does."""

from __future__ import annotations

import pytest
import torch

from explorer.records import PromptRead
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows


@pytest.fixture(scope="module")
def unets(tmp_path_factory):
    made = {}

    def get(variant):
        if variant not in made:
            made[variant] = tiny.model(variant, tmp_path_factory.mktemp(variant))
        return made[variant]
    return get


def text_of(model, recipe, prompt, **more):
    with torch.inference_mode():
        return model.family.encode([recipe(model, prompt=prompt, **more)], paired=False).text


def holds(model, recipe):
    """The end that is said to be unread may be exchanged; one word of what is read may not."""
    assert model.family.prompt_read("a b").unread == ""
    words = [f"{'ab'[n % 2]}" for n in range(2 * model.family.facts.tokens)]
    prompt = " ".join(words)
    read = model.family.prompt_read(prompt)
    if model.info.family not in ("zimage", "klein"):  # a chat's frame takes places of its own
        assert read.tokens > model.family.facts.tokens - 2
    assert read.unread and prompt.endswith(read.unread)
    kept = prompt[:len(prompt) - len(read.unread)]
    whole = text_of(model, recipe, prompt)
    assert torch.equal(text_of(model, recipe, kept + read.unread.replace("a", "b")), whole)
    shorter = kept.rstrip()
    assert not torch.equal(text_of(model, recipe, shorter[:-1] + "c" + prompt[len(shorter):]), whole)


@pytest.mark.parametrize("family", [f for f in tiny_flows.FAMILIES if f != "flux2"])
def test_a_flow_models_unread_end_changes_nothing(flows, family):
    holds(flows(family), tiny_flows.recipe)


@pytest.mark.parametrize("variant", tiny.VARIANTS)
def test_a_unets_unread_end_changes_nothing(unets, variant):
    holds(unets(variant), tiny.recipe)


@pytest.mark.parametrize("dialect", ["a1111", "comfyui"])
def test_programs_that_read_in_chunks_leave_nothing(unets, dialect):
    model = unets("sd1-kl")
    prompt = "a " * 100 + "b"
    assert model.family.prompt_read(prompt, dialect) == PromptRead(101)
    whole, other = (text_of(model, tiny.recipe, p, dialect=dialect) for p in (prompt, prompt[:-1] + "c"))
    assert not torch.equal(whole, other)


def test_a_processor_that_adds_words_of_its_own_is_not_counted(flows):
    assert flows("flux2").family.prompt_read("a b") is None
