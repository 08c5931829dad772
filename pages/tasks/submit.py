"""What the screens put on the queue, and what they ask it; everything heavy happens in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.diffusion.describe import describe_model
from explorer.errors import ExplorerError
from explorer.findings.series import evaluations_per_s
from explorer.jobs import flows, launch
from explorer.jobs.flows import InvestigationJobs, OwnTest
from explorer.jobs.job import Job
from explorer.jobs.tasks import InspectModel
from explorer.jobs.timings import timing_of
from explorer.records import Environment, ModelInfo, Replay, ReplaySettings, from_json
from explorer.records.policy import Policy
from explorer.search.expand import PlanSummary
from explorer.settings import WORLD
from explorer.world.example_cases import evaluation_s, read
from explorer.world.figures import read_card
from pages.shared.state import Here, remember
from pages.shared.texts import minutes, say

TRY_SEEDS = 16
TRY_STRENGTHS = (0.3, 0.6)


def submit(here: Here, task: Any, *, after: str | None = None) -> str:
    """Puts a task on the queue and sees to its worker; returns the job's id, which the address keeps too."""
    job_id = launch.submit(here.settings, task, owner=here.person, after=after)
    remember(job=job_id)
    return job_id


def demonstrate(here: Here, case_id: str, subject_id: str, settings: ReplaySettings,
                policy: Policy | None) -> InvestigationJobs:
    """The whole loop of one of the bundled examples, as it was made: always with the bundled model."""
    flow = flows.investigate(here.queue, case_id, subject_id, settings=settings, policy=policy)
    launch.ensure_workers(here.settings)
    remember(search=flow.search_id, job=flow.replays)
    return flow


def run_all(here: Here, case_id: str, subject_id: str, settings: ReplaySettings) -> InvestigationJobs:
    """Puts the whole loop on the queue: embed, neighbours, prompt, measured test, replays."""
    chosen, case = here.settings, here.store.open(case_id)
    caption = case.subject(subject_id).caption
    case.close()
    test = test_of(here, caption)
    flow = flows.investigate(here.queue, case_id, subject_id, settings=settings, model=chosen.model,
                             clip=chosen.clip, collection=chosen.neighbours_from, policy=test.policy,
                             controls=test.controls, known=test.known)
    launch.ensure_workers(chosen)
    remember(search=flow.search_id, job=flow.replays)
    return flow


def ask_known(here: Here, case_id: str, subject_id: str, words: str) -> None:
    """Puts a test of familiarity on the queue, beside the controls that are set for this model."""
    chosen = here.settings
    controls = "world" if chosen.model == "world" else chosen.controls
    jobs = flows.ask_known(here.queue, case_id, subject_id, words=words, controls=controls, model=chosen.model,
                           clip=chosen.clip, owner=here.person)
    launch.ensure_workers(chosen)
    remember(job=jobs[-1])


def test_of(here: Here, caption: str = "") -> OwnTest:
    """The measured test that "Run it all" makes of a picture with this caption; without a policy where none."""
    return flows.own_test(here.settings, model_info(here), caption=caption)


def default_replays(prompt: str = "") -> ReplaySettings:
    """What "Run it all" replays: seeds from noise, and img2img at two strengths."""
    return ReplaySettings(prompt=prompt, seeds=TRY_SEEDS, strengths=TRY_STRENGTHS)


def active(here: Here, *names: str, case_only: bool = True) -> list[Job]:
    """Jobs that run, wait or were interrupted, the oldest first; of this case, of some kinds."""
    case_id = here.case.id if here.case and case_only else None
    found = here.queue.active(case_id=case_id)
    return [j for j in reversed(found) if not names or j.name in names]


def failed(here: Here, *names: str) -> Job | None:
    """The newest job of these kinds in this case, where it did not end well."""
    if here.case is None:
        return None
    found = [j for j in here.queue.recent(limit=60, case_id=here.case.id) if j.name in names]
    return found[0] if found and found[0].state in ("failed", "cancelled") else None


def model_info(here: Here, source: str = "") -> ModelInfo | None:
    """What is known of a model without loading it; None until a worker has looked at it."""
    source = source or here.settings.model
    if source == "world":
        return described(here)
    jobs = here.queue.recent(limit=200, states=("done",))
    found = [j for j in jobs if isinstance(j.task, InspectModel) and j.task.model == source]
    return from_json(ModelInfo, found[0].result) if found else None


def described(here: Here, source: str = "world") -> ModelInfo | None:
    """A bundled model from its configs; None where it is missing."""
    try:
        return describe_model(source, home=here.settings.home)
    except ExplorerError:
        return None


def result_of(here: Here, job_id: str) -> Any:
    """A finished job's result; None while it is under way, unknown or failed."""
    if not job_id:
        return None
    try:
        job = here.queue.get(job_id)
    except ExplorerError:
        return None
    return job.result if job.state == "done" else None


def estimate(here: Here, plan: PlanSummary) -> str:
    """How long a plan will take, by what is known of the chosen model here."""
    made = [] if here.case is None or here.subject is None else here.case.replays(
        here.subject.id, order_by="time", limit=64)
    return time_for(here, plan.unet_evaluations, made)


def time_for(here: Here, evaluations: int, replays: Sequence[Replay]) -> str:
    """How long so many evaluations take with the chosen model, at its size, on this device.

    By those of these replays that are alike in that, else by its timed replay, else what is known without either.
    """
    info = model_info(here)
    speed = evaluations_per_s(_alike(here, info, replays)) if info else 0.0
    if speed:
        return say("replay.estimate", time=minutes(evaluations / speed))
    timing = timing_of(info, here.settings)
    if timing is not None:
        return say("replay.as_timed", time=minutes(timing.evaluations_s(evaluations)))
    return unmeasured(here, evaluations)


def _alike(here: Here, info: ModelInfo, replays: Sequence[Replay]) -> list[Replay]:
    """The replays that tell how quick the chosen model is: its own, at its size, where the next will run."""
    wanted, where = here.settings.device, {e.id: e.facts.get("device", "") for e in here.case.records(
        Environment)} if here.case else {}
    return [r for r in replays if r.recipe.model.fingerprint == info.fingerprint
            and (r.recipe.width_px, r.recipe.height_px) == (info.default_size_px,) * 2
            and (wanted == "auto" or where.get(r.environment_sha256, "") == wanted.partition(":")[0])]


def unmeasured(here: Here, evaluations: int) -> str:
    """What can be said of the time before anything was replayed: for the bundled model, what its examples took."""
    told = read(world=card.fingerprint) if (card := read_card(WORLD)) and here.settings.model == "world" else []
    each_s = evaluation_s(told, steps=card.steps) if card else None
    if each_s is None:
        return say("replay.no_estimate")
    return say("replay.as_examples", time=minutes(evaluations * each_s))


def looked_at(here: Here) -> bool:
    """Asks a worker once what the chosen model is; False until it has answered."""
    source = here.settings.model
    if source != "world" and not active(here, "InspectModel", case_only=False):
        asked = st.session_state.get("asked_model")
        if asked != source:
            st.session_state["asked_model"] = source
            launch.submit(here.settings, InspectModel(source), owner=here.person)
    return False
