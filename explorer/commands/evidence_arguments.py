"""The arguments of `incidence`, `plan` and `which-model`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.commands import incidence_command, plan_command, which_command
from explorer.commands.argument_types import floats, pixels
from explorer.folders import absolute_source as source
from explorer.records.incidence_settings import DESIGNS, KINDS
from explorer.texts import say

Command = Callable[..., argparse.ArgumentParser]


def incidence(commands: Any, command: Command) -> None:
    """`incidence`."""
    one = command(commands, "incidence", incidence_command.run, say("command.incidence"))
    one.add_argument("--population", action="append", default=[], help=say("command.population"))
    one.add_argument("--kind", default="list", choices=KINDS, help=say("command.population_kind"))
    one.add_argument("--prompts", type=int, default=0, help=say("command.drawn_prompts"))
    one.add_argument("--works", type=source, help=say("command.protected_works"))
    one.add_argument("--only", action="append", default=[], help=say("command.protected_only"))
    one.add_argument("--rivals", type=source, help=say("command.rivals"))
    one.add_argument("--picture", type=Path, action="append", default=[], help=say("command.protected_picture"))
    one.add_argument("--near-copy", type=float, default=0.0, help=say("command.near_copy"))
    one.add_argument("--margin", type=float, help=say("command.near_copy_margin"))
    one.add_argument("--design", default="simple", choices=DESIGNS, help=say("command.design"))
    one.add_argument("--limit", type=float, default=0.01, help=say("command.precision_limit"))
    one.add_argument("--share", type=float, default=0.0, help=say("command.precision_share"))
    one.add_argument("--reach", type=float, default=0.0, help=say("command.precision_reach"))
    one.add_argument("--looks", type=floats, default=(1.0,), help=say("command.looks"))
    one.add_argument("--enough", type=float, default=0.0, help=say("command.enough"))
    one.add_argument("--case", default="", help=say("command.go_case_id"))
    one.add_argument("--go-on", default="", help=say("command.go_plan_id"))
    one.add_argument("--title", default="")
    one.add_argument("--question", default="")
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--clip", type=source, help=say("command.clip_world_folder"))
    one.add_argument("--seeds", type=int, default=16, help=say("command.many_seeds_prompt"))
    one.add_argument("--first-seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=0, help=say("command.sampler_steps_default"))
    one.add_argument("--guidance", type=float, default=0.0, help=say("command.guidance_1_30"))
    one.add_argument("--scheduler", default="euler", choices=("euler", "euler_a", "ddim", "dpmpp_2m", "pndm"))
    one.add_argument("--engine", default="", help=say("command.local_ray_cluster"))
    one.add_argument("--out", type=Path, help=say("command.denominator_sheet"))
    one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))


def plan(commands: Any, command: Command) -> None:
    """`plan key|draft|sign|check|load|notice`."""
    kinds = commands.add_parser("plan", help=say("command.plan")).add_subparsers(required=True, metavar="ACTION")
    key = command(kinds, "key", plan_command.key, say("command.plan_key"))
    key.add_argument("--out", type=Path, required=True)
    _draft(kinds, command)
    signed = command(kinds, "sign", plan_command.put_signature, say("command.plan_sign"))
    signed.add_argument("plan", type=Path)
    signed.add_argument("key", type=Path)
    signed.add_argument("--name", default="", help=say("command.signer"))
    signed.add_argument("--out", type=Path, help=say("command.plan_out"))
    for one in (key, signed):
        one.add_argument("--password-file", type=Path, help=say("command.password_file"))
    checked = command(kinds, "check", plan_command.check, say("command.plan_check"))
    checked.add_argument("plan", type=Path)
    checked.add_argument("--case", default="", help=say("command.case_id"))
    loaded = command(kinds, "load", plan_command.load, say("command.plan_load"))
    loaded.add_argument("case", help=say("command.case_id"))
    loaded.add_argument("plan", type=Path)
    sheet = command(kinds, "notice", plan_command.notice, say("command.plan_notice"))
    sheet.add_argument("plan", type=Path)
    sheet.add_argument("--out", type=Path, required=True)


def _draft(kinds: Any, command: Command) -> None:
    made = command(kinds, "draft", plan_command.draft, say("command.plan_draft"))
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--question", required=True)
    made.add_argument("--work", type=Path, action="append", default=[], help=say("command.planned_work"))
    made.add_argument("--population", action="append", default=[], help=say("command.planned_population"))
    made.add_argument("--model", type=source, action="append", default=[], help=say("command.model_world_folder"))
    made.add_argument("--unknown-model", action="append", default=[], help=say("command.unknown_model"))
    made.add_argument("--seeds", type=int, default=16, help=say("command.many_seeds_prompt"))
    made.add_argument("--steps", type=int, required=True)
    made.add_argument("--guidance", type=floats, required=True)
    made.add_argument("--scheduler", default="euler")
    made.add_argument("--size", type=pixels, required=True, help=say("command.planned_size"))
    made.add_argument("--strengths", type=floats, default=(), help=say("command.img2img_strengths_such"))
    made.add_argument("--score", default="tiled_l2")
    made.add_argument("--near-copy", type=float, default=0.15, help=say("command.near_copy"))
    made.add_argument("--margin", type=float, default=0.0, help=say("command.near_copy_margin"))
    made.add_argument("--level", type=float, default=0.05)
    made.add_argument("--controls", type=Path, help=say("command.folder_images_model"))
    made.add_argument("--controls-words", default="", help=say("command.controls_words"))
    made.add_argument("--prompts", type=int, default=0, help=say("command.planned_prompts"))
    made.add_argument("--looks", type=floats, default=(1.0,), help=say("command.looks"))
    made.add_argument("--notes", default="")


def which_model(commands: Any, command: Command) -> None:
    """`which-model IMAGE --models A B`."""
    one = command(commands, "which-model", which_command.run, say("command.which"))
    one.add_argument("image", type=Path)
    one.add_argument("--models", type=source, nargs="+", required=True, help=say("command.which_models"))
    one.add_argument("--others", type=Path, help=say("command.which_others"))
    one.add_argument("--prompts", type=Path, help=say("command.which_prompts"))
    one.add_argument("--pictures", type=int, default=39, help=say("command.which_pictures"))
    one.add_argument("--out", default="", help=say("command.go_case_id"))
    one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))
