"""The agreed plan: what is signed cannot be changed unseen, and a run outside it is told apart."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import ExplorerError
from explorer.evidence.agreed_plan import (
    AgreedPlan,
    PlannedEffort,
    PlannedModel,
    PlannedRun,
    Population,
    SignedPlan,
    broken_signatures,
    departures,
    list_sha256,
    make_key,
    read_plan,
    sign,
    write_plan,
)

WORK, MODEL = "a" * 64, "b" * 64
PLAN = AgreedPlan(
    question="Does the model give this picture back?", works=(WORK,), models=(PlannedModel("SD 1.5", MODEL),),
    effort=PlannedEffort(16, 50, (7.5, 30.0), "euler", 512, 512, (0.2,)), score="tiled_l2", near_copy=0.15,
    level=0.05,
    populations=(Population("a log of prompts", list_sha256(["one", "two"]), 2),), controls="made after the date",
    controls_sha256="c" * 64, control_works=200)
KEPT = PlannedRun(WORK, MODEL, 16, 50, 7.5, "euler", 512, 512, "tiled_l2", (0.2,), "c" * 64, level=0.05)


def clock():
    return "2026-11-30T12:00:00Z"


@pytest.fixture(scope="module")
def both():
    """The plan with two sides' signatures."""
    signed = sign(SignedPlan(PLAN), make_key(b"secret"), name="Ada", password=b"secret", clock=clock)
    return sign(signed, make_key(None), name="Bob", password=None, clock=clock)


def test_a_signed_plan_comes_back_from_its_file_and_holds(both):
    again = read_plan(write_plan(both))
    assert again == both and not broken_signatures(again) and again.plan.sha256 == PLAN.sha256
    assert write_plan(again) == write_plan(both)


def changed(value):
    """Another value of the same kind."""
    if isinstance(value, str):
        return value + "x" if len(value) != 64 else value[:-1] + ("0" if value[-1] != "0" else "1")
    if isinstance(value, (int, float)):
        return value + 1 if value >= 1 else value / 2
    return None


@pytest.mark.parametrize("path", [
    ("question",), ("works", 0), ("models", 0, "fingerprint"), ("models", 0, "name"), ("effort", "seeds"),
    ("effort", "steps"), ("effort", "guidance", 0), ("effort", "scheduler"), ("effort", "strengths", 0), ("score",),
    ("near_copy",), ("level",), ("populations", 0, "sha256"), ("populations", 0, "prompts"), ("controls",),
    ("controls_sha256",), ("control_works",), ("notes",)])
def test_whatever_is_altered_after_signing_is_found(both, path):
    value = json.loads(write_plan(both))
    at = value["plan"]
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = changed(at[path[-1]])
    assert broken_signatures(read_plan(json.dumps(value).encode())) == ["Ada", "Bob"]


@pytest.mark.parametrize("field", ["name", "time", "public_key", "signature"])
def test_an_altered_signature_is_found(both, field):
    value = json.loads(write_plan(both))
    value["signatures"][0][field] = changed(value["signatures"][0][field])
    assert len(broken_signatures(read_plan(json.dumps(value).encode()))) == 1


def test_the_plan_names_every_field_of_it():
    """A field that is left out of the signed form could be changed unseen."""
    for part in fields(AgreedPlan):
        if part.name in ("question", "controls", "notes", "score", "controls_sha256"):
            assert replace(PLAN, **{part.name: getattr(PLAN, part.name) + "?"}).sha256 != PLAN.sha256


def test_one_key_signs_once_and_a_wrong_password_opens_nothing(both):
    key = make_key(b"right")
    signed = sign(SignedPlan(PLAN), key, name="Ada", password=b"right", clock=clock)
    with pytest.raises(ExplorerError, match="signed this plan already"):
        sign(signed, key, name="Bob", password=b"right", clock=clock)
    for password in (b"wrong", None):
        with pytest.raises(ExplorerError, match="cannot be opened"):
            sign(SignedPlan(PLAN), key, name="Ada", password=password, clock=clock)
    with pytest.raises(ExplorerError, match="name of whoever signs"):
        sign(SignedPlan(PLAN), key, name=" ", password=b"right", clock=clock)


@pytest.mark.parametrize(("change", "name"), [
    ({"work": "d" * 64}, "work"), ({"model_fingerprint": "e" * 64}, "model"), ({"seeds": 17}, "seeds"),
    ({"steps": 20}, "steps"), ({"guidance": 9.0}, "guidance"), ({"scheduler": "ddim"}, "scheduler"),
    ({"width_px": 768}, "size"), ({"strengths": (0.2, 0.4)}, "strengths"), ({"score": "ssim"}, "score"),
    ({"controls_sha256": "f" * 64}, "controls"), ({"level": 0.01}, "level"),
    ({"population_sha256": "f" * 64}, "population"), ({"near_copy": 0.3}, "near_copy"),
    ({"near_copy": PLAN.near_copy, "margin": 0.8}, "near_copy"), ({"first_seed": 100}, "first_seed"),
    ({"confidence": 0.5}, "level"), ({"protected": ("d" * 64,)}, "protected"), ({"protected": ("",)}, "protected"),
    ({"besides": ("adapters",)}, "adapters"), ({"besides": ("given",)}, "given")])
def test_a_run_outside_the_plan_is_told(change, name):
    assert departures(PLAN, KEPT) == () == departures(PLAN, replace(KEPT, guidance=30.0))
    assert departures(PLAN, replace(KEPT, **change)) == (name,)


def test_a_model_that_the_plan_names_with_its_adapter_keeps_to_it_and_without_it_does_not():
    over = replace(KEPT, model_fingerprint="a" * 64, besides=("adapters",))
    both = replace(PLAN, models=(PlannedModel("the model + style.safetensors*0.8", "a" * 64),))
    assert departures(both, over) == () and departures(both, KEPT) == ("model",)
    assert departures(PLAN, over) == ("model", "adapters")
    assert departures(both, replace(over, besides=("adapters", "given"))) == ("given",)


def test_how_many_prompts_are_drawn_is_part_of_the_plan_where_it_says_so():
    fixed = replace(PLAN, populations=(replace(PLAN.populations[0], drawn=2),))
    run = replace(KEPT, work="", population_sha256=PLAN.populations[0].sha256, confidence=0.95, protected=(WORK,))
    assert fixed.sha256 != PLAN.sha256 and departures(PLAN, replace(run, drawn=1)) == ()
    assert departures(fixed, replace(run, drawn=2)) == () and departures(fixed, replace(run, drawn=1)) == ("drawn",)


def test_an_unknown_version_is_never_inside_a_plan():
    unknown = replace(PLAN, models=(PlannedModel("some model", ""),))
    assert departures(unknown, replace(KEPT, model_fingerprint="")) == ("model",)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["plan", "signatures", "works", "effort", "level", "x"]), inner)).map(
            lambda v: json.dumps(v).encode()))
def test_what_is_no_plan_is_refused_in_a_sentence(data):
    with pytest.raises(ExplorerError):
        read_plan(data)


def test_plans_that_cannot_be_run_are_refused():
    for change in ({"question": " "}, {"works": (), "populations": ()}, {"models": ()}, {"level": 1.0},
                   {"looks": (0.5,)}, {"works": ("no hash",)}, {"schema": "other/1"}):
        with pytest.raises(ExplorerError, match="cannot be used"):
            read_plan(write_plan(SignedPlan(replace(PLAN, **change))))


def test_a_plan_without_a_margin_is_named_as_plans_were_that_knew_none():
    assert PLAN.sha256 == "1c149b562ae061b89712e19caadc717d3103e9368a86b36595631cb190ecaeef"
    assert replace(PLAN, margin=0.8).sha256 != PLAN.sha256
    assert departures(replace(PLAN, margin=0.8), replace(KEPT, near_copy=PLAN.near_copy, margin=0.8)) == ()
