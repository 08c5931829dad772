"""Blind extraction over a list of prompts: one-step screening, then many seeds for those that stand out."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from explorer.diffusion.models import Model
from explorer.errors import ExplorerError
from explorer.findings.extraction import Clique, extract
from explorer.findings.signals.tables import SignalTable
from explorer.jobs.tasks import ExtractPrompts, MeasureSignals
from explorer.records import to_json
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading, run_signals


def run(task: ExtractPrompts, context: Context) -> Any:
    """Writes `screening.csv`, `cliques.jsonl` and a PNG for each clique to the task's folder; goes on there."""
    _check(task)
    context.report(0, 0, say("progress.loading_model"))
    model = loading.model(context, task.model)
    out = Path(task.out)
    out.mkdir(parents=True, exist_ok=True)
    screening = MeasureSignals(model=task.model, seeds=task.screen_seeds, steps=task.steps, guidance=task.guidance,
                               signals=("one_step",), list_path=task.list_path, out=str(out / "screening.csv"))
    listed = run_signals.measure_signals(screening, context)
    rows = SignalTable(out / "screening.csv", listed["settings"], names=listed["names"]).rows
    first = sorted(rows, key=lambda row: -row.values["one_step"])[:task.keep]
    done = _done(out / "cliques.jsonl", task)
    for number, row in enumerate(first):
        if row.prompt not in done:
            context.report(number, len(first), say("progress.many_seeds_prompts"))
            found = extract(model, row.prompt, seeds=range(task.seeds), steps=task.steps, guidance=task.guidance,
                            threshold=task.threshold, run=context.run)
            done[row.prompt] = _kept(out, task, model, found, row.values["one_step"])
    kept = [done[row.prompt] for row in first]
    return {"out": task.out, "prompts": listed["prompts"], "screened": len(rows), "tried": len(kept),
            "seeds": task.seeds, "unet_evaluations": sum(r.unet_evaluations for r in rows)
            + sum(k["unet_evaluations"] for k in kept), "found": [k for k in kept if k["picture"]]}


def _check(task: ExtractPrompts) -> None:
    if not 2 <= task.least <= task.seeds <= 10_000:
        raise ExplorerError("worker.extraction_clique_least_among", least=task.least, seeds=task.seeds)
    if task.screen_seeds < 1 or task.keep < 1 or not 0 < task.threshold < 1:
        raise ExplorerError("worker.extraction_screening_needs_least")


def _done(path: Path, task: ExtractPrompts) -> dict[str, dict[str, Any]]:
    """What an earlier run has written, by prompt. ExplorerError if that was with other settings."""
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if line.endswith("\n")]  # one that was cut off is made again
    if any(row["settings"] != _settings(task) for row in rows):
        raise ExplorerError("worker.extraction_begun_other_settings", path_parent=path.parent)
    path.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows), "utf-8")
    return {row["prompt"]: row for row in rows}


def _settings(task: ExtractPrompts) -> dict[str, Any]:
    return {"model": task.model, "seeds": task.seeds, "steps": task.steps, "guidance": task.guidance,
            "least": task.least, "threshold": task.threshold}


def _kept(out: Path, task: ExtractPrompts, model: Model, found: Clique, one_step: float) -> dict[str, Any]:
    """Writes the centre's picture where the clique is large enough, then the line that names it."""
    row = {"prompt": found.prompt, "one_step": one_step, "tried": found.tried, "clique": len(found.seeds),
           "members": list(found.seeds), "apart": found.apart, "recipe": to_json(found.recipe), "picture": "",
           "settings": _settings(task), "fingerprint": model.ref.fingerprint,
           "unet_evaluations": found.unet_evaluations}
    if len(found.seeds) >= task.least:
        row["picture"] = f"clique-{found.recipe.seed}-{hashlib.sha256(found.png).hexdigest()[:12]}.png"
        (out / row["picture"]).write_bytes(found.png)
    with (out / "cliques.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return row
