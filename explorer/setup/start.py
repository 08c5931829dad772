"""Puts a test of another model on the queue: first what is fetched and timed, then controls and works."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from explorer.clip.known_clips import belongs_to
from explorer.collections.layout import find_layout
from explorer.errors import ExplorerError
from explorer.jobs.flows import new_search_id
from explorer.jobs.job import Job
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import (
    BuildCollection,
    CheckControls,
    DownloadClip,
    DownloadModel,
    EmbedSubject,
    FindNeighbours,
    IndexCollection,
    MeasureControls,
    MeasureFamiliarity,
    MeasureKnownControls,
    MeasureSubject,
    TimeReplay,
)
from explorer.records.policy import Policy, check
from explorer.settings import Settings
from explorer.setup.choices import Choices, Needed, use


def fetch_and_time(choices: Choices, need: Needed, queue: Queue) -> Choices:
    """Writes the fetches that are needed, which the person has asked for, and the timed replay to the queue."""
    jobs: list[str] = []
    if not need.clip_here:
        jobs.append(queue.submit(DownloadClip(choices.clip or belongs_to(need.family).spec, asked=True)))
    if not need.model_here:
        jobs.append(queue.submit(DownloadModel(choices.model, asked=True), after=jobs[-1] if jobs else None))
    model = choices.model if need.model_here else ""
    jobs.append(queue.submit(TimeReplay(model, need.clip), after=jobs[-1] if jobs else None))
    return replace(choices, fetch=tuple(jobs))


def look_at_controls(choices: Choices, queue: Queue) -> Choices:
    """Writes the check of the controls to the queue, with the works' case and what is known of the model's age."""
    return replace(choices, check=queue.submit(CheckControls(choices.controls, choices.case, newer_than(choices))))


def newer_than(choices: Choices) -> str:
    """When controls must have been made after: the model's cut-off, else the month it came out; "" if not known."""
    known = choices.known
    return (known.cutoff or known.released) if known else ""


def begin(choices: Choices, policy: Policy, works: tuple[str, ...], queue: Queue, settings: Settings, *, model: str,
          clip: str, known: tuple[str, ...] = ()) -> Choices:
    """Makes the choices the workspace's and writes controls and works to the queue, each work after the controls.

    `works` are subjects of the case; of those in `known` it is asked as well whether the model knows them, once all
    `works` were tested. Controls that were put through either before are not put through it again.
    """
    indexed, to_build = _collection(choices, settings)
    use(choices, settings, model=model, clip=clip, collection=indexed)
    controls = queue.submit(MeasureControls(choices.controls, check(policy), choices.case, model, clip),
                            case_id=choices.case)
    tests = [queue.submit(MeasureSubject(choices.case, subject, new_search_id(), policy, choices.controls, model,
                                         clip), after=controls) for subject in works]
    return replace(choices, jobs=(controls, *tests),
                   asked=_known(choices, policy, known, queue, model=model, clip=clip, after=controls),
                   after=_neighbours(choices, works, queue, indexed=indexed, to_build=to_build, clip=clip))


def _known(choices: Choices, policy: Policy, works: tuple[str, ...], queue: Queue, *, model: str, clip: str,
           after: str) -> tuple[str, ...]:
    """Writes the same controls and works to the queue for familiarity, with the words that the policy takes."""
    if not works:
        return ()
    controls = queue.submit(MeasureKnownControls(choices.controls, policy.words, model, clip), after=after)
    return controls, *(queue.submit(MeasureFamiliarity(choices.case, subject, new_search_id(), policy.words,
                                                       choices.controls, model, clip), after=controls)
                       for subject in works)


def _collection(choices: Choices, settings: Settings) -> tuple[str, str]:
    """What neighbours are looked for in ("" for nothing), and the folder that it is built from, if it is."""
    if not choices.collection or "://" in choices.collection:
        return choices.collection, ""
    try:
        return find_layout(choices.collection).source, ""
    except ExplorerError:  # no index: a folder of pictures, of which one is made
        return str(settings.home / "collections" / Path(choices.collection).name), choices.collection


def _neighbours(choices: Choices, works: tuple[str, ...], queue: Queue, *, indexed: str, to_build: str,
                clip: str) -> tuple[str, ...]:
    """Writes the building of the collection and the look for neighbours to the queue, after the tests."""
    if not indexed:
        return ()
    jobs: list[str] = []
    if to_build:
        jobs.append(queue.submit(BuildCollection(to_build, indexed, clip)))
        jobs.append(queue.submit(IndexCollection(indexed), after=jobs[-1]))
    ready = jobs[-1] if jobs else None
    for work in works:
        embed = queue.submit(EmbedSubject(choices.case, work, clip), after=ready)
        jobs += [embed, queue.submit(FindNeighbours(choices.case, work, indexed, clip), after=embed)]
    return tuple(jobs)


def resume(choices: Choices, queue: Queue) -> str | None:
    """Puts what did not end well back on the queue, and what waits for it; its id, None for nothing."""
    for job in jobs_of(choices, queue):
        if job.resumable and not job.held:
            queue.resume(job.id)
            return job.id
    return None


def jobs_of(choices: Choices, queue: Queue) -> list[Job]:
    """The jobs that were begun, in order; those that the queue no longer knows are left out."""
    found = []
    for job_id in (*choices.fetch, *choices.jobs, *choices.asked, *choices.after):
        try:
            found.append(queue.get(job_id))
        except ExplorerError:
            continue
    return found


