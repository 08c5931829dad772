"""A measured search recovers several prompts, alike for every picture, and shares its seeds among them."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.clip.encoder import load_encoder
from explorer.clip.terms import term_list
from explorer.records import PromptCandidate
from explorer.records.policy import RECOVERED, Policy
from explorer.search.measured_search import recover_prompts, settings_of
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest
from tests.heard import Heard


@pytest.fixture(scope="module")
def terms(world) -> tuple:
    rows = read_manifest(open_world())[:40]
    return (term_list("titles", "flavor", (r["title"] for r in rows)),
            term_list("creators", "artist", (f"by {r['creator']}" for r in rows if r["creator"])))


def recovered(terms, cache, *, weighed=False) -> list[PromptCandidate]:
    rgb = np.random.default_rng(3).integers(0, 256, (64, 48, 3), np.uint8)
    run = Heard()
    found = recover_prompts(load_encoder("world"), rgb, subject_id="s", terms=terms, cache=cache, weighed=weighed,
                            run=run)
    assert run.ticks and not run.reports  # a part of a longer run: it says nothing of its own
    return list(found)


def test_prompts_begin_with_different_nearest_terms_and_come_out_alike(terms, tmp_path):
    found = recovered(terms, tmp_path)
    heads = [p.text.split(", ")[0].casefold() for p in found]
    assert len({p.text for p in found}) == len(found) == RECOVERED
    assert heads[::2] == heads[1::2] == [p.text.casefold() for p in found[1::2]]  # each string, then its head alone
    assert len(set(heads)) == RECOVERED // 2
    assert all(p.bits > 0 and p.tokens > 0 and -1 <= p.similarity <= 1 for p in found)
    titles = {t.casefold() for t in terms[0].terms}
    assert all(any(p.text.casefold().startswith(t) for t in titles) for p in found[2:])
    weighed = recovered(terms, tmp_path, weighed=True)
    assert [p.text for p in weighed] == [p.text for p in found]
    assert all(p.terms for p in weighed[::2]) and not any(p.terms for p in found)


def test_where_terms_are_few_there_are_fewer_prompts(terms, tmp_path):
    found = recovered((term_list("titles", "flavor", ["a door", "a window"]),), tmp_path)
    assert {"a door", "a window"} < {p.text for p in found} and len(found) <= 4
    assert 1 <= len(recovered(terms[1:], tmp_path)) <= 2


def test_the_seeds_are_shared_and_the_effort_stays():
    policy = Policy(seeds=16)
    for prompts, used in ((["a"], 1), (["a", "b", "c"], 2), (["a", "b", "c", "d"], 4), (list("abcdefg"), 4)):
        settings = settings_of(policy, prompts)
        assert (settings.prompt, *settings.more_prompts) == tuple(prompts[:used])
        assert settings.seeds * used == policy.effort().tries == 16
    assert settings_of(Policy("caption", seeds=16), ["a", "b"]).more_prompts == ()


def test_a_caption_and_recovered_prompts_are_different_policies():
    assert Policy("caption").prompts == 1 and Policy().prompts == RECOVERED
    assert len({Policy("caption").id, Policy().id, Policy(seeds=64).id}) == 3
