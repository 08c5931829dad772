"""`world build|check|derive|familiarity|examples`: the bundled world."""

from __future__ import annotations

import argparse
from typing import Any

from explorer.settings import Settings


def build(args: argparse.Namespace, _: Settings) -> Any:
    """Runs one stage, or all of them, from the packages to a trained world."""
    from explorer.world_build import build_world as stages
    return stages.build(stage=args.stage, out=args.out, device=args.device, draw=args.draw,
                        source_root=args.source, minutes=args.minutes)


def check(args: argparse.Namespace, _: Settings) -> Any:
    """Measures the world, writes its card, and returns it; or returns the last one."""
    if args.stored:
        from explorer.world_build.card import stored_card
        return stored_card(args.out)
    from explorer.world_build import check as measure
    return measure.check(args.out, device=args.device)


def derive(args: argparse.Namespace, _: Settings) -> Any:
    """Makes again what quotes the world's fingerprint."""
    from explorer.world_build import derive as again
    return again.derive(args.out, device=args.device)


def familiarity(args: argparse.Namespace, _: Settings) -> Any:
    """Measures the controls that familiarity is ranked among, and what tells the model's own pictures."""
    from explorer.world_build import familiarity_world
    return familiarity_world.derive(args.out, device=args.device, sources=args.sources.split(","), most=args.most)


def examples(args: argparse.Namespace, settings: Settings) -> Any:
    """Runs the example cases with the real tasks and keeps them as packages beside the world."""
    from explorer.commands.progress_bars import Bars
    from explorer.world_build import example_build
    with Bars() as bars:
        told = example_build.build(settings, world=args.world, out=args.out, only=args.only, follow=bars.follow)
    return {t.story: {"package": t.file, "replays": t.replays, "closest": t.noise} for t in told}
