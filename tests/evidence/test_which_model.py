"""Which model made a picture: ranks hold their level, and names are given only where one source is left."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.evidence.which_model import (
    BENCHMARK,
    OTHERS,
    judge,
    left,
    measured_rates,
    not_asked_rate,
    ranks,
    signs,
    source_p,
)
from explorer.evidence.which_records import Candidate
from explorer.records import ModelRef
from explorer.texts import say

LEVEL = 0.05


def source(draw, shift, n=39):
    """(n, 2, 2): two models' (first loss, error); hardness is common to both, `shift` parts the errors."""
    hard = draw.normal(0, 1, n)
    losses = draw.normal(0, 0.1, (n, 2))
    errors = np.stack([hard, hard + shift], 1) + draw.normal(0, 0.02, (n, 2))
    return np.stack([losses, errors], 2)


def candidate(name, p, autoencoder="a"):
    return Candidate(ModelRef(name, name * 8, "sd1"), name, p, 0.0, -1.0, autoencoder)


def test_a_picture_of_the_source_is_ruled_out_as_often_as_the_level_says():
    draw = np.random.default_rng(0)
    out = []
    for _ in range(400):
        own = draw.normal(0, 1, (20, 5))
        rival = draw.normal(0.5, 1, (20, 5))
        out.append(source_p(own[0], own[1:], [rival]) <= LEVEL)
    assert 0.02 <= np.mean(out) <= 0.085  # exactly 1/20 in expectation


def test_the_smallest_p_is_one_of_all_pictures_and_the_picture():
    own = np.random.default_rng(1).normal(0, 1, (19, 3))
    assert source_p(np.full(3, 50.0), own, [own + 3]) == pytest.approx(1 / 20)


def test_models_are_told_apart_by_their_errors_difference_though_hardness_hides_it():
    draw = np.random.default_rng(2)
    sources = {0: source(draw, 0.5), 1: source(draw, -0.5), OTHERS: source(draw, 0.0) + np.array([2.0, 0.0])}
    one = source(draw, 0.5, 1)[0]
    found = left(ranks(one, sources), level=LEVEL)
    assert found.kind == "one" and found.models == (0,)
    assert left(ranks(source(draw, 5.0, 1)[0], sources), level=LEVEL).kind == "none"


def test_models_that_are_alike_are_both_left():
    draw = np.random.default_rng(3)
    sources = {0: source(draw, 0.0), 1: source(draw, 0.0), OTHERS: source(draw, 0.0) + np.array([2.0, 0.0])}
    assert left(ranks(source(draw, 0.0, 1)[0], sources), level=LEVEL).kind == "several"


@pytest.mark.parametrize(("p", "kind"), [
    ((0.5, 0.01, 0.01), "one"), ((0.5, 0.5, 0.01), "several"), ((0.01, 0.01, 0.01), "none"),
    ((0.01, 0.01, 0.5), "none"), ((0.5, 0.01, 0.5), "open")])
def test_what_is_left_is_what_is_said(p, kind):
    found = judge("s", [candidate("x", p[0]), candidate("y", p[1], "b")], p[2], pictures=39, other_pictures=39,
                  level=LEVEL)
    assert found.kind == f"which_{kind}" and found.numbers["p_others"] == p[2]
    assert ("x" in found.statement) == (kind in ("one", "several", "open"))


def test_a_name_comes_with_how_often_names_were_wrong_and_with_what_cannot_be_seen(world):
    rates = measured_rates(world)
    counted = json.loads((world / BENCHMARK).read_text("utf-8"))["false_named"]
    assert f"{counted['pictures']} pictures" in rates and f"{counted['hits']} pictures were given a wrong" in rates
    found = judge("s", [candidate("x", 0.5), candidate("y", 0.01, "b")], 0.01, pictures=39, other_pictures=39,
                  level=LEVEL, error_rate=rates)
    assert found.error_rate == rates and say("limit.which.unnoticed") in found.limits
    assert measured_rates(world / "nowhere") == ""


def test_models_that_were_not_asked_have_a_rate_of_their_own(world):
    """Among all pictures the wrong names of relatives that nobody asked about would be lost."""
    by = json.loads((world / BENCHMARK).read_text("utf-8"))
    apart = [by["by_source"][n]["false_named"] for n in by["by_source"]
             if n in by["checkpoints"] and n not in by["asked"]]
    said = not_asked_rate(world)
    assert f"{sum(a['hits'] for a in apart)} of {sum(a['pictures'] for a in apart)} pictures" in said
    assert len(by["relatives"]) > 1 and all(f"with {n} models asked, {run['hits']} of" in said.lower()
                                            for n, run in by["relatives"].items())
    found = judge("s", [candidate("x", 0.5), candidate("y", 0.01, "b")], 0.01, pictures=39, other_pictures=39,
                  level=LEVEL, not_asked=said)
    assert said in found.limits and not_asked_rate(world / "nowhere") == ""


def test_one_autoencoder_and_earlier_questions_are_said():
    found = judge("s", [candidate("x", 0.5), candidate("y", 0.01)], 0.01, pictures=39, other_pictures=39,
                  level=LEVEL, earlier_tests=2)
    assert "x and y" in found.limits[0] and "2 times before" in found.limits[1]


def test_signs_are_means_and_differences_from_them():
    told = signs(np.array([[[1.0, 2.0], [3.0, 6.0]]]))
    assert told.tolist() == [[2.0, 4.0, -1.0, -2.0, 1.0, 2.0]]


def test_drawings_sent_through_an_autoencoder_that_are_left_are_said_below_the_name():
    assert left({0: 0.5, 1: 0.01, OTHERS: 0.01, OTHERS - 1: 0.5}, level=LEVEL).through
    for through_p, said in ((0.5, True), (0.01, False)):
        found = judge("s", [candidate("x", 0.5), candidate("y", 0.01, "b")], 0.01, pictures=39, other_pictures=39,
                      level=LEVEL, through_p=through_p)
        assert found.kind == "which_one" and ("no network made" in " ".join(found.limits)) is said


def test_a_picture_that_was_changed_names_no_model():
    found = judge("s", [candidate("x", 0.5), candidate("y", 0.01, "b")], 0.01, pictures=39, other_pictures=39,
                  level=LEVEL, changed=True)
    assert found.kind == "which_changed" and "No model is named" in found.statement and not found.numbers
