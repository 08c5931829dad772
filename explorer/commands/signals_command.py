"""`signals LIST`: every memorisation signal over a list of prompts, as a table to stand beside others'."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from explorer.commands.progress_bars import Bars
from explorer.findings.prompt_lists import read_list
from explorer.findings.signals.tables import SignalTable, accuracy
from explorer.folders import read_file
from explorer.jobs import foreground
from explorer.jobs.tasks import MeasureSignals
from explorer.settings import Settings
from explorer.texts import say


def run(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Measures what the table has not yet, prints accuracy by stratum, and returns the same as JSON."""
    for path in filter(None, (args.list, args.against)):
        read_list(read_file(path), name=path.name)  # a damaged list is told before a model is loaded
    out = (args.out or args.list.with_name(f"{args.list.stem}-signals.csv")).resolve()
    task = MeasureSignals(
        model=args.model or settings.model, seeds=args.seeds, first_seed=args.first_seed, steps=args.steps,
        guidance=args.guidance, signals=tuple(args.only.split(",")) if args.only else (),
        list_path=str(args.list.resolve()), against_path=str(args.against.resolve()) if args.against else "",
        out=str(out))
    with Bars() as bars:
        result = foreground.run(settings, task, follow=bars.follow)
    rows = SignalTable(Path(result["out"]), result["settings"], names=result["names"]).rows
    found = accuracy(rows)
    print(_printed(found))
    return {"out": result["out"], "prompts": result["prompts"], "repeated": result["repeated"],
            "settings": result["settings"], "unet_evaluations": sum(r.unet_evaluations for r in rows),
            "signals": found}


def _printed(found: list[dict[str, Any]]) -> str:
    lines = [f"{'stratum':10} {'signal':14} {'prompts':>7} {'median':>10}   AUC (95% limits)       TPR at 1% FPR"]
    for row in found:
        line = f"{row['stratum'][:10]:10} {row['signal']:14} {row['prompts']:7} {row['median']:10.4g}"
        if "auc" in row:
            line += f"   {row['auc']:.3f} ({row['low']:.3f} to {row['high']:.3f})   {row['tpr_at_1_fpr']:.3f}"
        lines.append(line)
    if found and "auc" not in found[0]:
        lines.append(say("note.commands.no_prompts_compare"))
    return "\n".join(lines)
