"""The loop as a chain of jobs: each starts when the one before it has ended well."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from explorer.jobs.queue import Queue
from explorer.jobs.tasks import EmbedSubject, FindNeighbours, Interrogate, MeasureSubject, RunSearch
from explorer.records import ReplaySettings
from explorer.records.policy import Policy


@dataclass(frozen=True)
class Flow:
    """The jobs of one investigation, in order, and the search that its replays belong to."""

    embed: str
    neighbours: str
    prompt: str  # "" where the prompt was given
    replays: str
    search_id: str
    test: str = ""  # the measured test, "" where none was asked for

    @property
    def jobs(self) -> tuple[str, ...]:
        return tuple(j for j in (self.embed, self.neighbours, self.prompt, self.test, self.replays) if j)


def new_search_id() -> str:
    """A name for a search, by which a resumed one finds what it committed before."""
    return secrets.token_hex(8)


def investigate(queue: Queue, case_id: str, subject_id: str, *, settings: ReplaySettings,
                model: str = "world", clip: str = "world", collection: str = "world", mode: str = "best",
                k: int = 24, owner: str = "", policy: Policy | None = None, engine: str = "") -> Flow:
    """Writes the chain embed → neighbours → prompt → replays to the queue, and a measured test under `policy`.

    With a prompt in `settings` none is looked for. The test runs before the replays: nothing that they show
    can have changed it; it stays on this computer, while the replays go to `engine`. Call
    `launch.ensure_workers` afterwards.
    """
    embed = queue.submit(EmbedSubject(case_id, subject_id, clip), owner=owner)
    neighbours = queue.submit(FindNeighbours(case_id, subject_id, collection, clip, k), owner=owner,
                              after=embed)
    prompt = "" if settings.prompt else queue.submit(
        Interrogate(case_id, subject_id, clip=clip, mode=mode, collection=collection), owner=owner,
        after=neighbours)
    before = prompt or neighbours
    test = "" if policy is None else queue.submit(
        MeasureSubject(case_id, subject_id, new_search_id(), policy, model=model, clip=clip), owner=owner,
        after=before)
    search_id = new_search_id()
    replays = queue.submit(RunSearch(case_id, subject_id, search_id, settings, model, clip, engine),
                           owner=owner, after=test or before)
    return Flow(embed, neighbours, prompt, replays, search_id, test)


def default_policy(*, model: str, clip: str, caption: str = "") -> Policy | None:
    """The measured test that the loop makes by itself: only for the bundled model, whose controls come with it.

    It takes the picture's own caption where one was given.
    """
    if (model, clip) != ("world", "world"):
        return None
    return Policy(prompt_from="caption" if caption else "interrogation")


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
