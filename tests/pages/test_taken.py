"""What a file claims of itself, replayed in one click; plots of cost and of dose; packages stay unchanged."""

from __future__ import annotations

import io

import pytest
from PIL import Image, PngImagePlugin

from explorer.cases.store import CaseStore
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import FindNamedFiles
from explorer.jobs.worker_queue import Board
from explorer.records import Variation
from explorer.settings import WORLD, load_settings
from explorer.world.example_cases import open_told, read
from explorer.world.figures import read_card
from pages.shared.texts import say
from tests.pages.test_pages import press, written

CLAIM = ("a red ball\nNegative prompt: blur\nSteps: 9, Sampler: DDIM, CFG scale: 3.5, Seed: 41, Size: 64x64, "
         "Model hash: 0123456789, Clip skip: 3, RNG: NV, Variation seed: 7, Variation seed strength: 0.25")


@pytest.fixture
def claiming(home):
    """A case whose image carries A1111's text."""
    (home / "cases").mkdir(parents=True)
    out, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("parameters", CLAIM)
    Image.new("RGB", (64, 64), "red").save(out, "PNG", pnginfo=text)
    case = CaseStore(home / "cases").create("claims")
    return case.id, case.add_subject(out.getvalue(), "claims.png").id


def test_the_claimed_recipe_is_replayed_as_it_stands(opened, claiming, home):
    app = opened("subject", claiming)
    assert "whether that is the loaded one is not known" in written(app)
    app = press(app, say("embedded.take"))
    task = Queue(load_settings(home).database).active()[0].task
    assert (task.settings.prompt, task.settings.negative_prompt) == ("a red ball", "blur")
    assert (task.settings.first_seed, task.settings.seeds, task.settings.steps) == (41, 1, (9,))
    assert task.settings.guidances == (3.5,) and task.settings.schedulers == ("ddim",)
    assert app.query_params["search"] == task.search_id
    recipe, = task.settings.recipes  # and every part that no setting of the page stands for
    assert (recipe.dialect, recipe.clip_skip, recipe.noise_source) == ("a1111", 2, "a1111-nv-philox")
    assert recipe.variation == Variation(7, 0.25) and recipe.not_replayable


def test_a_package_is_read_and_not_changed_and_runs_in_a_case_of_ones_own(opened, home):
    (home / "cases").mkdir(parents=True)
    case = open_told(CaseStore(home / "cases"), read()[0])
    for step in ("prompt", "neighbours", "replay", "subject"):
        app = opened(step, (case.id, case.subjects()[0].id))
        offered = {b.label for b in app.button}
        assert say("subject.own_case") in offered
        assert not offered & {say(k) for k in ("subject.run", "prompt.find", "neighbours.find", "replay.start")}
    press(app, say("subject.own_case"))
    jobs = Queue(load_settings(home).database).active()
    assert jobs and all(j.case_id != case.id for j in jobs)


def test_the_methods_page_quotes_the_card(opened):
    text = written(opened("methods"))
    for dose in read_card(WORLD).doses:
        assert f"| {dose.works} | {dose.came_back} | {100 * dose.share:.1f}% |" in text


def test_two_pictures_settings_stand_side_by_side(opened, claiming, home):
    case = CaseStore(home / "cases").open(claiming[0])
    out, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("parameters", CLAIM.replace("Seed: 41", "Seed: 42"))
    Image.new("RGB", (64, 64), "blue").save(out, "PNG", pnginfo=text)
    case.add_subject(out.getvalue(), "other.png")
    app = opened("subject", claiming)
    box = next(b for b in app.selectbox if b.label == say("compared.with"))
    told = written(box.select(box.options[0]).run())
    assert "| seed | 41 | 42 |" in told and say("compared.count", n=1, all=14) in told


def test_what_the_settings_name_is_looked_for_and_what_was_found_is_said(opened, claiming, home):
    press(opened("subject", claiming), say("named.look"))
    queue = Queue(load_settings(home).database)
    board = Board(queue, kind="desk", pid=1, born_s=0.0, device="")
    job = board.take()
    assert job.task == FindNamedFiles(*claiming, "world")
    board.done(job.id, {"model": "other", "adapters": [["ink", "/lora/ink.safetensors"]], "missing": ["gone"]})
    app = opened("subject", claiming)
    assert say("named.missing", name="gone") in written(app)
    assert "name **another** model (hash `0123456789`)" in written(app)
    press(app, say("named.use", name="ink"))
    assert load_settings(home).model == "world + /lora/ink.safetensors*1"
