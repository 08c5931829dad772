"""Influence of words, lists of prompts, and the table that a long run goes on with."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from explorer.diffusion.sampling import Batch
from explorer.diffusion.schedulers import pulled
from explorer.errors import ExplorerError
from explorer.findings.prompt_lists import read_list
from explorer.findings.signals.measure import checked, measure
from explorer.findings.signals.observers import prompt_recipes
from explorer.findings.signals.tables import AGAINST, LISTED, SignalRow, SignalTable, accuracy
from explorer.findings.signals.trigger_words import word_influence
from explorer.findings.signals.wen import Wen
from tests.diffusion import tiny
from tests.findings.signals.alone import alone

SETTINGS = {"model": "m", "seeds": 2, "first_seed": 0, "steps": 4, "guidance": 3.0}


@pytest.fixture(scope="module", params=("sd1-kl", "sdxl", "sd2-v"))
def model(request, tmp_path_factory):
    return tiny.model(request.param, tmp_path_factory.mktemp(request.param))


def test_influence_is_the_gradient_of_the_pull_in_each_token(model):
    """One step, one seed, against central differences along random directions of one token's embedding."""
    recipes = prompt_recipes(model, ["ab b ab"], seeds=(5,), steps=1)
    found = word_influence(model, "ab b ab", seeds=(5,), steps=1)
    assert [(t.term, t.tokens) for t in found] == [("ab", 2), ("b", 1), ("ab (2)", 2)]
    run = Batch(model, recipes)
    timestep, levels = run.timesteps[0], run.stepper.levels(run.timesteps[0])
    words = model.family.encode(run.recipes, paired=True)
    with torch.no_grad():
        x = run.stepper.scale(run.latents, timestep)

        def pull(change):
            text = words.both["encoder_hidden_states"].clone()
            text[1, 3] += change  # the token "b", after the start and two letters of "ab"
            given = replace(words, both=words.both | {"encoder_hidden_states": text})
            return float(pulled(*model.family.predict(x, timestep, given), levels, run.kind).norm())
        width, step = words.text.shape[-1], 0.05
        slopes = torch.tensor([(pull(step * e) - pull(-step * e)) / (2 * step) for e in torch.eye(width)])
    assert found[1].gain == pytest.approx(float(slopes.norm()), rel=0.05)


def test_words_and_signals_use_every_seed_and_step(model):
    whole = word_influence(model, "ab b", seeds=(1, 2), steps=2)
    each = [word_influence(model, "ab b", seeds=(s,), steps=2) for s in (1, 2)]
    for number, term in enumerate(whole):
        assert term.gain == pytest.approx(sum(e[number].gain for e in each) / 2, rel=1e-2)


def test_one_interface_for_every_signal(model):
    names = checked(())
    every = measure(model, "a red boat", seeds=(0, 1), steps=4)
    assert tuple(every.results) == names and len(every.images) == 2
    for name in names:
        singly = measure(model, "a red boat", names=(name,), seeds=(0, 1), steps=4).results[name]
        assert singly.value == pytest.approx(every.results[name].value, rel=1e-2)
        assert singly.unet_evaluations > 0
    assert every.results["wen"].value == pytest.approx(
        alone(model, Wen(), ["a red boat"], seeds=(0, 1), steps=4).mean(), rel=1e-3)
    assert every.results["bright_ending"].map.shape == (16, 16)
    assert every.results["wen_first"].unet_evaluations == 4
    assert every.unet_evaluations == 2 * 2 * 4 + 2 * 6
    with pytest.raises(ExplorerError, match="Allowed: wen_first"):
        checked(("nothing",))


NEMO = (b"Caption;URL;type;mean_sscd;max_sscd;Index\n"
        b'"The boat; red";http://a/b;VM;0.9;0.95;1\nAnn <b>Graham</b>;http://c;TM;0.5;0.7;2\n'
        b'"The boat; red";http://a/b;VM;0.9;0.95;3\n')


def test_the_published_formats_are_read():
    found = read_list(NEMO)
    assert [(p.prompt, p.stratum) for p in found.prompts] == [("The boat; red", "VM"), ("Ann <b>Graham</b>", "TM")]
    assert (found.form, len(found.rows), len(found.prompts)) == ("NeMo CSV", 3, 2)
    lines = read_list(b'{"caption": "one", "index": 3, "url": "http://x"}\n{"caption": "two", "index": 4}\n')
    assert [(p.prompt, p.url) for p in lines.prompts] == [("one", "http://x"), ("two", "")]
    assert [p.prompt for p in read_list("\ufeffa; b\n\n c\n".encode()).prompts] == ["a; b", "c"]


@pytest.mark.parametrize(("data", "said"), [
    (b"", "no prompts"), (b"\xff\xfe", "UTF-8"), (b'{"caption": "a"}\n{"text": "b"}', "entry 2"),
    (b"Caption;type\n;VM\n", "line 2"), (b"Caption;type\n", "no prompts below")])
def test_a_damaged_list_is_one_sentence(data, said):
    with pytest.raises(ExplorerError, match=said):
        read_list(data)


def row(prompt, value, *, kind=LISTED, stratum=""):
    return SignalRow(kind, stratum, prompt, {"wen": value, "one_step": 2 * value}, 16, 0.5)


def test_a_table_goes_on_after_a_cut_in_the_middle_of_a_row(tmp_path):
    path = tmp_path / "out.csv"
    table = SignalTable(path, SETTINGS, names=("wen", "one_step"))
    first = row('one, "two"\nthree', 1.25, stratum="VM")
    table.add(first)
    table.add(row("four", 2.0))
    path.write_bytes(path.read_bytes()[:-9])
    again = SignalTable(path, SETTINGS, names=("wen", "one_step"))
    assert again.rows == [first] and again.done == {(LISTED, first.prompt)}
    again.add(row("four", 2.0))
    assert SignalTable(path, SETTINGS, names=("wen", "one_step")).rows == [first, row("four", 2.0)]


def test_a_table_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "out.csv"
    SignalTable(path, SETTINGS, names=("wen",)).add(row("a", 1.0))
    before = path.read_bytes()
    with pytest.raises(ExplorerError, match="other settings"):
        SignalTable(path, SETTINGS | {"steps": 5}, names=("wen",))
    with pytest.raises(ExplorerError, match="other signals"):
        SignalTable(path, SETTINGS, names=("wen", "clique"))
    assert path.read_bytes() == before
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ExplorerError, match="not a table"):
        SignalTable(path, SETTINGS, names=("wen",))


def test_accuracy_is_told_by_stratum():
    rows = [row("a", 5.0, stratum="VM"), row("b", 3.0, stratum="TM"), row("c", 4.0, kind=AGAINST),
            row("d", 1.0, kind=AGAINST)]
    found = {(r["stratum"], r["signal"]): r for r in accuracy(rows)}
    assert found["VM", "wen"]["auc"] == 1.0 and found["TM", "wen"]["auc"] == 0.5
    assert found["all", "wen"]["auc"] == 0.75 and found["all", "one_step"]["prompts"] == 2
    assert found["VM", "wen"]["tpr_at_1_fpr"] == 1.0 and found["TM", "wen"]["tpr_at_1_fpr"] == 0.0
    assert "auc" not in accuracy([replace(r, list=LISTED) for r in rows])[0]
