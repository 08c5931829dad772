"""Progress bars for the command line: one a job, on stderr."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from explorer.jobs.job import Job
from explorer.texts import say, texts_of


class Bars:
    """Draws the jobs that `follow` is called with; draws nothing when `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet, self._bars, self._drawn = quiet, {}, {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: Any) -> None:
        for bar in self._bars.values():
            bar.close()

    def follow(self, job: Job) -> None:
        """One look at a job, as `foreground.follow_jobs` gives it."""
        if self.quiet:
            return
        bar = self._bars.get(job.id)
        if bar is None:
            bar = self._bars[job.id] = tqdm(total=0, desc=texts_of("bar").get(job.name, job.name), leave=True)
        if job.progress:
            bar.total, bar.n = job.progress.total, job.progress.done
            if job.progress.steps:
                bar.set_postfix_str(say("note.commands.step", step=job.progress.step, steps=job.progress.steps),
                                    refresh=False)
        if job.state == "done":
            bar.total = bar.n = max(bar.total, 1)
        if (bar.n, bar.total) != self._drawn.get(job.id) or (job.progress and job.progress.steps):
            self._drawn[job.id] = (bar.n, bar.total)
            bar.refresh()
