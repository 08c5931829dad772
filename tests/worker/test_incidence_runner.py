"""Incidence on a tiny model: works that two prompts make and the others do not, so that the truth is known."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections import Counter
from pathlib import Path

import pytest

from explorer.cases.store import CaseStore
from explorer.closeness.pixel_scores import tiled_l2
from explorer.errors import Cancelled, ExplorerError
from explorer.evidence.agreed_plan import write_plan
from explorer.evidence.draws import simple_draw
from explorer.evidence.incidence import spending, zero_limit
from explorer.evidence.incidence_records import Drawn, FirstLook, IncidenceLook, IncidencePlan, PromptOutcome
from explorer.evidence.incidence_results import SHEET, elsewhere, results, sheet, sheet_csv
from explorer.evidence.incidence_words import summary_lines
from explorer.evidence.plan_on_record import put_plan
from explorer.images.decode import png_bytes
from explorer.images.prepare import fit_square
from explorer.jobs.tasks import RunIncidence
from explorer.records import ReplaySettings
from explorer.records.incidence_settings import IncidenceSettings, PopulationAsked
from explorer.run import QUIET
from explorer.search.engine import BatchRoom, BatchUnit, LocalEngine
from explorer.search.expand import expand
from explorer.texts import say
from explorer.worker.runners import loading
from tests.heard import Heard
from tests.report.test_incidence_part import AGREED, both_signed
from tests.worker.test_runners import Work, sources, work  # noqa: F401

PROMPTS = tuple(f"prompt {n}" for n in range(12))
MEMORISED = (PROMPTS[3], PROMPTS[7])
EFFORT = {"seeds": 3, "steps": 2, "guidance": 1.0, "scheduler": "ddim", "absolute": 0.001}


@pytest.fixture
def truth(work):  # noqa: F811
    """Every picture that the model makes of the prompts with the plan's seeds, by (prompt, seed)."""
    task = RunIncidence(work.case.id, "any", IncidenceSettings(()), work.settings.model)
    model = loading.model(work.context(task), work.settings.model)
    made = {}

    def keep(_, part):
        made.update({(i.recipe.prompt, i.recipe.seed): i.rgb for i in part.images})

    asked = ReplaySettings(PROMPTS[0], more_prompts=PROMPTS[1:], seeds=3, steps=(2,), guidances=(1.0,),
                           schedulers=("ddim",))
    recipes = tuple(expand(asked, model=model.ref, info=model.info))
    LocalEngine(model, BatchRoom(16)).run([BatchUnit(recipes)], keep, run=QUIET)
    return made


@pytest.fixture
def works(truth, tmp_path):
    """A folder with one picture of each of two prompts."""
    folder = tmp_path / "works"
    folder.mkdir()
    for prompt in MEMORISED:
        (folder / f"{prompt}.png").write_bytes(png_bytes(truth[prompt, 0]))
    return str(folder)


@pytest.fixture
def hits(truth):
    """Prompt to how many of its replays are near copies, by comparing each picture with each work."""
    seen = {key: fit_square(rgb, 64) for key, rgb in truth.items()}
    return {p: sum(min(tiled_l2(seen[m, 0], seen[p, s]) for m in MEMORISED) < EFFORT["absolute"]
                   for s in range(3)) for p in PROMPTS}


def asked(work, works, lines=PROMPTS, **changes):  # noqa: F811
    blob = work.case.put_blob("\n".join(lines).encode())
    population = PopulationAsked("mine", "log", "claimant", blob, changes.pop("prompts", 12))
    settings = IncidenceSettings((population,), "How often?", works, **(EFFORT | changes))
    return RunIncidence(work.case.id, "plan1", settings, work.settings.model, work.settings.clip)


def stopped(work, task):  # noqa: F811
    """Runs the task until a few prompts are through, as when a worker is asked to stop."""
    with pytest.raises(Cancelled):
        work.run(task, Heard(when=lambda: len(work.case.records(PromptOutcome)) >= 3))


def test_every_prompt_is_counted_and_every_hit_found(work, works, hits):  # noqa: F811
    told, many = work.run(asked(work, works)), sum(hits.values())
    part, = told["populations"]
    assert 2 <= many < 36 and (part["prompts"], part["replays"], part["hits"]) == (12, 36, many)
    assert part["misses"] == 36 - many and {w["work"] for w in part["works"]} == {f"{m}.png" for m in MEMORISED}
    assert part["estimate"]["share"] == pytest.approx(many / 36) and part["refusals"] == 0
    plan, = work.case.records(IncidencePlan)
    rows = list(csv.reader(io.StringIO(sheet_csv(work.case, plan).decode())))
    assert tuple(rows[0]) == SHEET and len(rows) == 13
    assert {r[5]: int(r[7]) for r in rows[1:]} == hits
    assert all(int(r[6]) == int(r[7]) + int(r[8]) + int(r[9]) for r in rows[1:])
    hit = next(o for o in work.case.records(PromptOutcome) if o.hits).hits[0]
    assert work.case.blob(hit.image_sha256)[:4] == b"\x89PNG" and hit.distance < 0.001


def test_plan_and_draw_are_logged_before_the_first_replay_and_can_be_drawn_again(work, works):  # noqa: F811
    work.run(asked(work, works, prompts=5))
    kinds = [e.kind for e in work.case.log()]
    assert kinds.index("IncidencePlan") < kinds.index("Drawn") < kinds.index("PromptOutcome")
    drawn, = work.case.records(Drawn)
    assert drawn.order == simple_draw(12, 5, drawn.seed).order and len(set(drawn.order)) == 5
    assert sorted(o.line for o in work.case.records(PromptOutcome)) == sorted(drawn.order)


def test_under_an_agreed_plan_no_side_draws_until_it_suits(work, works):  # noqa: F811
    """Alone, another title is another draw, and the report says so; under a plan only the plan decides."""
    def drawn(name, question):
        task = asked(work, works, prompts=5)
        work.run(dataclasses.replace(task, incidence_id=name,
                                     settings=dataclasses.replace(task.settings, question=question)))
        plan = work.case.record(IncidencePlan, name)
        return work.case.record(Drawn, f"{name}/0").order, " ".join(summary_lines(results(work.case, plan)))

    (one, said), (other, _) = drawn("a", "How often?"), drawn("b", "How often at all?")
    assert one != other and "gets another draw" in said
    put_plan(work.case, write_plan(both_signed(AGREED)))
    (one, said), (other, _) = drawn("c", "How often?"), drawn("d", "How often at all?")
    assert one == other and "could not be repeated until it suited" in said


def test_a_stopped_plan_goes_on_and_repeats_nothing(work, works):  # noqa: F811
    task = asked(work, works)
    stopped(work, task)
    before = {o.id: o for o in work.case.records(PromptOutcome)}
    assert 0 < len(before) < 12
    plan, = work.case.records(IncidencePlan)
    assert results(work.case, plan).look is None
    assert all(row[7:9] == ("", "") for row in sheet(work.case, plan))  # no peeking
    whole = work.run(task)
    after = {o.id: o for o in work.case.records(PromptOutcome)}
    assert len(after) == 12 and all(after[name] == one for name, one in before.items())
    assert work.run(task) == whole and len(work.case.records(IncidencePlan)) == 1


def test_a_prompt_that_a_log_has_twice_counts_twice(work, works, hits):  # noqa: F811
    told = work.run(asked(work, works, lines=(PROMPTS[3], PROMPTS[0], PROMPTS[3]), prompts=3))
    part, = told["populations"]
    assert (part["in_population"], part["replays"]) == (3, 9)
    assert part["hits"] == 2 * hits[PROMPTS[3]] + hits[PROMPTS[0]]
    assert sum(o.unet_evaluations > 0 for o in work.case.records(PromptOutcome)) == 2  # replayed once


def test_a_sequential_plan_ends_at_a_look_and_pays_for_looking(work, works, hits):  # noqa: F811
    quiet = tuple(p for p in PROMPTS if not hits[p])
    told = work.run(asked(work, works, lines=quiet, prompts=len(quiet), looks=(0.5, 1.0), enough=0.99))
    look, = work.case.records(IncidenceLook)
    half = round(len(quiet) / 2)
    assert len(quiet) > 4 and look.ended and look.prompts == (half,) == (len(work.case.records(PromptOutcome)),)
    first = spending((0.5, 1.0))[0]
    assert look.confidence == first > 0.95 and told["populations"][0]["estimate"]["high"] == zero_limit(
        half, confidence=first)


@pytest.mark.parametrize("design", ["stratified", "weighted", "listed"])
def test_other_designs_weigh_what_they_drew(work, works, design):  # noqa: F811
    lines = PROMPTS
    if design == "listed":
        lines = ("caption;type", *(f"{p};{'VM' if n in (3, 7) else 'TM'}" for n, p in enumerate(PROMPTS)))
    told = work.run(asked(work, works, lines=lines, design=design, prompts=8))
    drawn, = work.case.records(Drawn)
    plan, = work.case.records(IncidencePlan)
    looks = work.case.records(FirstLook)
    assert bool(looks) == (design != "listed")
    if looks:
        kinds = [e.kind for e in work.case.log()]
        assert kinds.index("IncidencePlan") < kinds.index("FirstLook") < kinds.index("Drawn")
    found = {o.line: len(o.hits) for o in work.case.records(PromptOutcome)}
    if drawn.strata:
        many = Counter(drawn.strata)
        share = sum(drawn.sizes[s] / 12 * found[i] / (3 * many[s])
                    for i, s in zip(drawn.order, drawn.strata, strict=True))
    else:
        share = sum(found[i] / 3 / (c * 12) for i, c in zip(drawn.order, drawn.chances, strict=True)) / 8
    assert told["populations"][0]["estimate"]["share"] == pytest.approx(share)
    if design != "weighted":
        assert sum(float(row[14]) for row in sheet(work.case, plan)) == pytest.approx(12, abs=0.1)


def test_only_the_named_works_are_protected_and_the_others_are_rivals(work, works):  # noqa: F811
    told = work.run(asked(work, works, only=("prompt 3.png",), margin=0.8))
    assert [w["work"] for w in told["populations"][0]["works"]] == ["prompt 3.png"]
    plan, = work.case.records(IncidencePlan)
    assert (plan.works.works, plan.works.others) == (1, 1)


def test_populations_made_of_the_works_and_a_case_s_own_picture(work, works):  # noqa: F811
    settings = IncidenceSettings((PopulationAsked("captions", "captions"), PopulationAsked("titles", "rewordings")),
                                 works="case", **EFFORT)
    told = work.run(RunIncidence(work.case.id, "plan2", settings, work.settings.model, work.settings.clip))
    assert [p["in_population"] for p in told["populations"]] == [1, 1]
    prompts = {o.population: o.prompt for o in work.case.records(PromptOutcome)}
    assert prompts == {0: "a door", 1: "a drawing of noise.png"}


@pytest.mark.parametrize(("change", "said"), [
    ({"design": "best"}, "no design"), ({"looks": (0.5,)}, "rising shares"), ({"seeds": 0}, "outside its range"),
    ({"only": ("nobody",)}, "called nobody"), ({"works": "/nowhere/at/all"}, "collection")])
def test_what_cannot_be_planned_is_refused_before_anything_is_on_record(work, works, change, said):  # noqa: F811
    task = asked(work, works, **{k: v for k, v in change.items() if k != "works"})
    if "works" in change:
        task = dataclasses.replace(task, settings=dataclasses.replace(task.settings, works=change["works"]))
    with pytest.raises(ExplorerError, match=said):
        work.run(task)
    assert not work.case.records(IncidencePlan)


def test_a_model_that_was_changed_ends_the_plan(work, works):  # noqa: F811
    task = asked(work, works)
    stopped(work, task)
    (Path(works) / "prompt 3.png").write_bytes((Path(works) / "prompt 7.png").read_bytes())
    with pytest.raises(ExplorerError, match="have changed since"):
        work.run(task)


def test_plans_of_the_model_in_other_cases_are_told_beside_the_answer(work, works):  # noqa: F811
    work.run(asked(work, works, prompts=2))
    other = Work(work.settings)
    other.run(asked(other, works, prompts=2))
    plan, = other.case.records(IncidencePlan)
    assert (plan.earlier, plan.elsewhere) == (0, 1)
    assert say("incidence_said.elsewhere", n=1) in summary_lines(results(other.case, plan))
    assert work.case.records(IncidencePlan)[0].elsewhere == 0
    counsel = CaseStore(work.settings.cases).create("between us", counsel_only=True)
    counsel.commit(plan)
    assert elsewhere(CaseStore(work.settings.cases), work.case.id, plan.model) == 1  # nothing of it crosses over
