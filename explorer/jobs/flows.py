"""The loop as a chain of jobs: each starts when the one before it has ended well."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from explorer.jobs.queue import Queue
from explorer.jobs.tasks import (
    EmbedSubject,
    FindNeighbours,
    Interrogate,
    MeasureControls,
    MeasureFamiliarity,
    MeasureKnownControls,
    MeasureSubject,
    RunSearch,
)
from explorer.records import ModelInfo, ReplaySettings
from explorer.records.families import facts
from explorer.records.policy import Policy, policy_for
from explorer.settings import Settings


@dataclass(frozen=True)
class InvestigationJobs:
    """The jobs of one investigation, in order, and the search that its replays belong to."""

    embed: str
    neighbours: str
    prompt: str  # "" where the prompt was given
    replays: str
    search_id: str
    test: str = ""  # the measured test, "" where none was asked for
    controls: str = ""  # the controls of that test, where they are a folder
    known: tuple[str, ...] = ()  # whether the model knows the picture: the folder's controls, and the test

    @property
    def jobs(self) -> tuple[str, ...]:
        every = (self.embed, self.neighbours, self.prompt, self.controls, self.test, *self.known, self.replays)
        return tuple(j for j in every if j)


def new_search_id() -> str:
    """A name for a search, by which a resumed one finds what it committed before."""
    return secrets.token_hex(8)


def investigate(queue: Queue, case_id: str, subject_id: str, *, settings: ReplaySettings,
                model: str = "world", clip: str = "world", collection: str = "world", mode: str = "best",
                k: int = 24, owner: str = "", policy: Policy | None = None, controls: str = "world",
                engine: str = "", known: bool = True) -> InvestigationJobs:
    """Writes the chain embed → neighbours → prompt → replays to the queue, and under `policy` a measured test and,
    where `known`, a test of familiarity.

    With a prompt in `settings` none is looked for. The test runs before the replays: nothing that they show
    can have changed it; it stays on this computer, while the replays go to `engine`. `controls` is "world" or a
    folder, whose pictures are put through the same policy first, as far as they were not before. Without a
    `collection` no neighbours are looked for. Call `launch.ensure_workers` afterwards.
    """
    embed = queue.submit(EmbedSubject(case_id, subject_id, clip), owner=owner)
    neighbours = "" if not collection else queue.submit(
        FindNeighbours(case_id, subject_id, collection, clip, k), owner=owner, after=embed)
    prompt = "" if settings.prompt else queue.submit(
        Interrogate(case_id, subject_id, clip=clip, mode=mode, collection=collection), owner=owner,
        after=neighbours or embed)
    before = prompt or neighbours or embed
    folder = "" if policy is None or controls == "world" else queue.submit(
        MeasureControls(controls, policy, case_id, model, clip), owner=owner, after=before)
    test = "" if policy is None else queue.submit(
        MeasureSubject(case_id, subject_id, new_search_id(), policy, controls, model, clip), owner=owner,
        after=folder or before)
    asked = () if policy is None or not known else ask_known(
        queue, case_id, subject_id, words=policy.words, controls=controls, model=model, clip=clip, owner=owner,
        after=test)
    search_id = new_search_id()
    replays = queue.submit(RunSearch(case_id, subject_id, search_id, settings, model, clip, engine),
                           owner=owner, after=test or before)
    return InvestigationJobs(embed, neighbours, prompt, replays, search_id, test, folder, asked)


def ask_known(queue: Queue, case_id: str, subject_id: str, *, words: str, controls: str, model: str, clip: str,
              owner: str = "", after: str = "") -> tuple[str, ...]:
    """Writes a test of familiarity to the queue, after the controls where they are a folder; the jobs, in order."""
    before = after or None
    first = () if controls in ("", "world") else (queue.submit(
        MeasureKnownControls(controls, words, model, clip), owner=owner, after=before),)
    test = MeasureFamiliarity(case_id, subject_id, new_search_id(), words, controls, model, clip)
    return *first, queue.submit(test, owner=owner, after=first[0] if first else before)


@dataclass(frozen=True)
class OwnTest:
    """The measured test that the loop makes by itself, and the controls that it is ranked among."""

    policy: Policy | None = None  # None: it makes none
    controls: str = "world"
    known: bool = True  # whether it asks as well if the model knows the picture


def own_test(settings: Settings, info: ModelInfo | None, *, model: str = "", clip: str = "",
             caption: str = "") -> OwnTest:
    """The test of a workspace's model (or of `model` with `clip`), whose facts are `info`.

    The bundled model's controls come with it, and it takes the picture's own caption where one was given. Another
    model is tested against the folder of controls in the settings, which has no captions; without one it is not
    tested: a first look that gives no p-value would be spent for nothing.
    """
    if (model or settings.model, clip or settings.clip) == ("world", "world"):
        return OwnTest(Policy(prompt_from="caption" if caption else "interrogation"))
    if info is None or info.source == "world" or not settings.controls:
        return OwnTest()
    return OwnTest(policy_for(info, seeds=settings.test_seeds), settings.controls,
                   facts(info.family).own_loop)


def resume(queue: Queue, jobs: tuple[str, ...]) -> str | None:
    """Puts the first job of a chain that did not end well back on the queue, and so those after it.

    Returns its id; None when there is nothing to resume.
    """
    for job_id in jobs:
        job = queue.get(job_id)
        if job.state in ("interrupted", "failed", "cancelled") and not job.held:
            queue.resume(job_id)
            return job_id
    return None
