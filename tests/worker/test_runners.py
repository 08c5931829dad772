"""Runners on a tiny model and CLIP with random weights, run in this process."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.errors import Cancelled, ExplorerError
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.job import Job
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import (
    EmbedSubject,
    EncodeText,
    ExportCase,
    GenerateSubject,
    ImportPackage,
    InspectModel,
    Interrogate,
    RenderExhibit,
    ReplayPackage,
    RunSearch,
    UnloadModels,
    VerifyPackage,
)
from explorer.records import Environment, ModelRef, Recipe, ReplaySettings, SearchPlan, Variation, from_json
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.loop import run_task
from tests.clip.conftest import write_clip
from tests.diffusion import tiny
from tests.diffusion.families import tiny_others
from tests.heard import Heard, Killed


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, str]:
    """Folders with a tiny model and a tiny CLIP."""
    folder = tmp_path_factory.mktemp("sources")
    tiny.pipeline("sd1-tiny", folder / "tokens").save_pretrained(folder / "model", safe_serialization=True)
    return {"model": str(folder / "model"), "clip": str(write_clip(folder / "clip"))}


@pytest.fixture
def work(settings, sources):
    """Runs a task on a case with one subject, and hands back its result."""
    settings = dataclasses.replace(settings, device="cpu", model=sources["model"], clip=sources["clip"])
    return Work(settings)


class Work:
    def __init__(self, settings) -> None:
        self.settings, self.table = settings, LoadedTable(10**9)
        self.case = CaseStore(settings.cases).create("A case")
        rgb = np.random.default_rng(0).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        self.subject = self.case.add_subject(png_bytes(rgb), "noise.png", caption="a door")

    def context(self, task, run=None) -> Context:
        queue = Queue(self.settings.database)
        job: Job = queue.get(queue.submit(task, case_id=self.case.id))
        return Context(self.settings, queue, job, self.table, run or Heard())

    def run(self, task, run=None):
        return run_task(task, self.context(task, run))

    def end(self, task, when, error=Cancelled):
        """Runs a task until `when` holds at one of its ticks, and ends it there."""
        with pytest.raises(error):
            self.run(task, Heard(when=when, error=error))

    def search(self, **settings) -> RunSearch:
        plain = ReplaySettings(**({"prompt": "", "seeds": 4, "steps": (2,), "guidances": (2.0,),
                                   "width_px": tiny.SIZE_PX, "height_px": tiny.SIZE_PX} | settings))
        return RunSearch(self.case.id, self.subject.id, "q", plain, self.settings.model, self.settings.clip)


def test_every_task_has_a_runner_that_can_be_imported():
    from explorer.jobs.tasks import TASKS
    shipped = [task.RUNNER.split(":") for task in TASKS.values() if task.__module__.startswith("explorer.")]
    assert len(shipped) > 30
    for module, function in shipped:  # read, not imported: torch and faiss do not share a process
        assert f"\ndef {function}(task: " in Path(importlib.util.find_spec(module).origin).read_text("utf-8")


def test_a_model_that_its_own_pipeline_runs_is_searched_too(work, tmp_path):
    """Nothing is known of how it takes a prompt, and nothing is said of that."""
    tiny_others.PIPELINES["pixart"](tmp_path / "parts").save_pretrained(tmp_path / "model")
    task = work.search(prompt="a door", seeds=2, guidances=(3.0,))
    assert work.run(dataclasses.replace(task, model=str(tmp_path / "model")))["state"] == "done"
    plan = work.case.record(SearchPlan, "q")
    assert plan.read is None and plan.read_negative is None
    work.run(dataclasses.replace(work.search(prompt="a door", seeds=1, negative_prompt="b " * 90), search_id="r"))
    plan = work.case.record(SearchPlan, "r")
    assert plan.read.unread == "" and plan.read_negative.unread


def test_embedding_and_prompts_are_written_once(work):
    task = EmbedSubject(work.case.id, work.subject.id, work.settings.clip)
    found = work.run(task)
    assert work.run(task) == found
    stored = work.case.embedding(work.subject.id, found["clip_fingerprint"])
    vector = np.frombuffer(work.case.blob(stored.blob), "<f4")
    assert vector.shape == (24,) and abs(float(vector @ vector) - 1) < 1e-5
    assert [e.kind for e in work.case.log()].count("Embedding") == 1
    work.run(Interrogate(work.case.id, work.subject.id, clip=work.settings.clip, mode="fast", lists=(),
                         own_terms=("red door", "blue house", "tree")))
    texts = [p.text for p in work.case.prompts(work.subject.id)]
    assert "a door" in texts and len(texts) >= 2


def test_the_model_judges_the_best_prompts_and_their_words(work):
    task = Interrogate(work.case.id, work.subject.id, clip=work.settings.clip, mode="fast", lists=(),
                       own_terms=("red", "blue", "tree"), rerank=2, model=work.settings.model)
    told = work.run(task)
    prompts = work.case.prompts(work.subject.id)
    judged = [p for p in prompts if p.replay_score is not None]
    assert told["judged"] == len(judged) == 2 and judged == prompts[:2]
    assert told["prompt"] == prompts[0].text == "a door"  # the person's own words stay first
    assert all(p.replay_score < 0 for p in judged) and told["caption_model"] == ""
    note = next(e for e in reversed(work.case.log()) if e.kind == "prompts searched")
    assert note.body["unet_evaluations"] >= 2 * 4 * 8 and note.body["judged_by"]
    length = work.case.head()
    assert work.run(task) == told and work.case.head() == length  # nothing new: nothing written
    again = dataclasses.replace(task, model="/no/such/model")
    told = work.run(again)
    assert told["judged"] == 0 and "no model" in told["not_judged"]


def test_search_resumes_without_repeats_and_shows_the_best_again(work):
    task = work.search(strengths=(0.6,))
    work.end(task, lambda: work.case.count_replays(work.subject.id) >= 4, Killed)
    assert work.case.searches(work.subject.id) == []
    summary = work.run(task)
    replays = work.case.replays(work.subject.id, search_id="q", limit=-1)
    assert len(replays) == 5 == summary["planned_tries"] and summary["effort"]["tries"] == 5
    assert {r.recipe.seed for r in replays} == {0, 1, 2, 3}
    assert [r.exhibit for r in replays] == [True, True, True, False, False]
    assert summary["best_replay_id"] == replays[0].id
    assert {r.recipe.prompt for r in replays} == {"a door"}  # the subject's caption: no prompt was given
    best = replays[0]
    assert set(best.hashes) == {"noise", "latents", "array", "png"} and "clip_cosine" in best.closeness
    assert best.image_sha256 == best.hashes["png"]
    assert read_png(work.case.blob(best.image_sha256)).shape == (tiny.SIZE_PX, tiny.SIZE_PX, 3)
    assert work.case.record(Environment, best.environment_sha256).facts["device"] == "cpu"
    kinds = [e.kind for e in work.case.log()]
    assert kinds.count("Replay") == 5 and kinds.count("Exhibit") == 3 and kinds.count("SearchPlan") == 1
    assert kinds.index("SearchPlan") < kinds.index("Replay")
    assert check_chain(work.case.log()) == ()
    length = work.case.head()
    assert work.run(task)["best_replay_id"] == best.id
    assert work.case.head() == length  # nothing new: nothing written


def test_a_listed_recipe_is_replayed_as_it_is(work):
    other = ModelRef("elsewhere", "e" * 64, "sd1")
    given = Recipe(other, "(a door:1.3)", 11, 2, 2.0, "ddim", tiny.SIZE_PX, tiny.SIZE_PX, dialect="a1111",
                   clip_skip=1, noise_source="a1111-nv-philox", variation=Variation(5, 0.3))
    again = dataclasses.replace(given, seed=12, start_sha256=work.subject.pixels_sha256, strength=0.5,
                                noise_source="torch-cpu", variation=None)
    summary = work.run(work.search(prompt="(a door:1.3)", recipes=(given, again)))
    made = work.case.replays(work.subject.id, search_id="q", order_by="time", limit=-1)
    assert summary["planned_tries"] == len(made) == 2
    for replay, wanted in zip(made, (given, again), strict=True):
        model, config = replay.recipe.model, replay.recipe.scheduler_config
        assert config and replay.recipe == dataclasses.replace(wanted, model=model, scheduler_config=config)
        assert model.fingerprint != other.fingerprint
    plan = work.case.record(SearchPlan, "q")
    assert from_json(ReplaySettings, plan.settings).recipes == (given, again)  # what was asked is in the log
    length = work.case.head()
    work.run(work.search(prompt="(a door:1.3)", recipes=(given, again)))
    assert work.case.head() == length  # nothing new: nothing written


def test_a_cancelled_search_says_so_and_keeps_its_replays(work):
    task = work.search(seeds=30)
    work.end(task, lambda: work.case.count_replays(work.subject.id) >= 1)
    summary, = work.case.searches(work.subject.id)
    assert summary.state == "cancelled" and summary.effort.tries == work.case.count_replays(work.subject.id)
    assert work.case.replays(work.subject.id)[0].id == summary.best_replay_id


def test_a_replay_becomes_an_exhibit_and_twice_gives_equal_bytes(work):
    work.run(work.search(seeds=5))
    replay = next(r for r in work.case.replays(work.subject.id) if not r.exhibit)
    work.run(RenderExhibit(work.case.id, replay.id, work.settings.model))
    shown = work.case.replay(replay.id)
    assert shown.exhibit and shown.recipe == replay.recipe
    from explorer.diffusion.exhibit import exhibit
    from explorer.worker.runners import loading
    context = work.context(InspectModel())
    again = exhibit(loading.model(context, work.settings.model), shown.recipe)
    assert again.hashes == shown.hashes


def test_a_package_replays_to_the_byte_and_says_what_it_could_not_do(work, sources, tmp_path):
    work.run(work.search(strengths=(0.6,)))
    done = work.run(ExportCase(work.case.id, str(tmp_path / "case.zip")))
    assert done["exhibits"] == 3 and done["head_hash"] == work.case.head()[1]
    report = work.run(VerifyPackage(done["path"], expect=done["head_hash"]))
    assert report["state"] == "consistent" and report["exhibits"] == 3
    verdict = work.run(ReplayPackage(done["path"], work.settings.model))
    assert (verdict["exhibits"], verdict["identical"]) == (3, 3)
    assert all(v["same_environment"] for v in verdict["verdicts"])
    tiny.pipeline("sd1-kl", tmp_path / "tokens").save_pretrained(tmp_path / "other", safe_serialization=True)
    verdict = work.run(ReplayPackage(done["path"], str(tmp_path / "other")))
    assert {v["state"] for v in verdict["verdicts"]} == {"not replayed"}
    assert "another model" in verdict["verdicts"][0]["why"]
    imported = work.run(ImportPackage(done["path"]))
    assert CaseStore(work.settings.cases).open(imported["case_id"]).read_only


def test_a_subject_is_made_with_its_recipe(work):
    made = work.run(GenerateSubject(work.case.id, ReplaySettings("a tree", first_seed=7, steps=(2,),
                                                                 width_px=32, height_px=32),
                                    work.settings.model))
    subject = work.case.subject(made["subject_id"])
    assert (subject.origin, subject.recipe.prompt, subject.recipe.seed) == ("generated", "a tree", 7)
    assert subject.width_px == 32


def test_models_are_loaded_once_and_dropped_on_request(work):
    info = work.run(InspectModel(work.settings.model, load=True))
    assert info["loaded"] and len(work.table.sizes()) == 1
    assert not work.run(InspectModel(work.settings.model))["loaded"]
    assert len(work.run(EncodeText("door", work.settings.clip))["embedding"]) == 24
    assert len(work.table.sizes()) == 2
    assert work.run(UnloadModels())["freed_bytes"] > 0
    assert work.table.sizes() == {}
    with pytest.raises(ExplorerError):
        work.run(InspectModel("/no/such/model"))


def test_the_table_drops_what_was_used_longest_ago():
    table = LoadedTable(100)
    loads = []

    def get(name, size, expected=0):
        return table.get(name, lambda: loads.append(name) or name, size_of=lambda _: size,
                         expected_bytes=expected)
    get("a", 40), get("b", 40), get("a", 40), get("c", 40)
    assert list(table.sizes()) == ["a", "c"]
    get("d", 30, expected=100)
    assert list(table.sizes()) == ["d"]
    get("huge", 500)
    assert list(table.sizes()) == ["huge"]
    assert loads == ["a", "b", "c", "d", "huge"]
