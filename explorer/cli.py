"""The command line: the same tasks as the screens, in the foreground, with bars; the last line is JSON."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.commands.argument_types import floats
from explorer.errors import ExplorerError, shortened
from explorer.folders import absolute_source as source
from explorer.foreign.offline import obey
from explorer.records.policy import TIERS
from explorer.records.program_samplers import PROGRAMS
from explorer.settings import ASSETS, WORLD, Settings, default_home, load_settings, stored_language
from explorer.texts import ask, say


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it went well, 1 with one sentence on stderr when it did not."""
    spoken = stored_language(default_home())  # help is said before it is known which workspace is meant
    ask(lambda: spoken)
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(args.home)
        ask(lambda: settings.language)
        obey(settings.offline)
        result = args.run(args, settings)
    except ExplorerError as error:
        print(f"afterimage: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a name that no disk takes, a file that may not be read, no space left
        logging.getLogger(__name__).info("a command failed", exc_info=True)
        print(say("command.afterimage_cannot_used", shortened=shortened(error.filename or say("command.a_file")),
                  strerror=error.strerror or error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(say("command.afterimage_stopped_found"), file=sys.stderr)
        return 130
    if result is not None:
        print(json.dumps(result, sort_keys=True, ensure_ascii=False))
    return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line; the README's table of commands is tested against it."""
    from explorer.commands import evidence_arguments
    top = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    top.add_argument("--home", type=Path, help=say("command.workspace_folder_default"))
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _setup(commands)
    _investigate(commands)
    _findings(commands)
    _familiarity(commands)
    _collection(commands)
    _replay(commands)
    _packages(commands)
    _signals(commands)
    _extract(commands)
    evidence_arguments.incidence(commands, _command)
    evidence_arguments.plan(commands, _command)
    evidence_arguments.which_model(commands, _command)
    _world(commands)
    return top


def _command(commands: Any, name: str, run: Callable[..., Any], text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def _setup(commands: Any) -> None:
    from explorer.commands.setup_command import run

    one = _command(commands, "setup", run, say("command.setup_real_model"))
    one.add_argument("works", type=Path, nargs="*", help=say("command.setup_works"))
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--clip", type=source, help=say("command.setup_clip"))
    one.add_argument("--collection", type=source, help=say("command.setup_collection"))
    one.add_argument("--controls", type=Path, help=say("command.folder_images_model"))
    one.add_argument("--seeds", type=int, choices=TIERS, help=say("command.effort_each_work"))
    one.add_argument("--yes", action="store_true", help=say("command.setup_yes"))
    one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))


def _investigate(commands: Any) -> None:
    from explorer.commands.investigate_command import run

    one = _command(commands, "investigate", run, say("command.run_whole_loop"))
    one.add_argument("image", type=Path)
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--clip", type=source, help=say("command.clip_world_folder"))
    one.add_argument("--collection", type=source, help=say("command.collection_world_index"))
    one.add_argument("--prompt", default="", help=say("command.your_own_prompt"))
    one.add_argument("--caption", default="", help=say("command.image_title_caption"))
    one.add_argument("--negative", default="", help=say("command.negative_prompt"))
    one.add_argument("--mode", default="best", choices=("best", "fast", "classic", "negative"),
                     help=say("command.look_prompt"))
    one.add_argument("--search", default="exhaustive", choices=("exhaustive", "race", "trigger"),
                     help=say("command.search_mode"))
    one.add_argument("--seeds", type=int, default=16, help=say("command.many_seeds_replay"))
    one.add_argument("--first-seed", type=int, default=0)
    one.add_argument("--strengths", type=floats, default=(), help=say("command.img2img_strengths_such"))
    one.add_argument("--steps", type=int, default=0, help=say("command.sampler_steps_default"))
    one.add_argument("--guidance", type=float, default=0.0, help=say("command.guidance_1_30"))
    one.add_argument("--scheduler", default="euler", choices=("euler", "euler_a", "ddim", "dpmpp_2m", "pndm"))
    one.add_argument("--out", default="", help=say("command.go_case_id"))
    one.add_argument("--engine", default="", help=say("command.local_ray_cluster"))
    one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))


def _findings(commands: Any) -> None:
    from explorer.commands import findings_command

    many = _command(commands, "portfolio", findings_command.portfolio, say("command.test_every_image"))
    many.add_argument("folder", type=Path)
    many.add_argument("--controls", type=Path, help=say("command.folder_images_model"))
    many.add_argument("--out", default="", help=say("command.go_case_id"))
    rates = _command(commands, "calibrate", findings_command.calibrate, say("command.measure_model_own"))
    rates.add_argument("--controls", type=Path, required=True,
                       help=say("command.folder_images_model"))
    for one in (many, rates):
        one.add_argument("--prompt-from", default="interrogation", choices=("interrogation", "caption"),
                         help=say("command.caption_words_text"))
        one.add_argument("--model", type=source, help=say("command.model_world_folder"))
        one.add_argument("--clip", type=source, help=say("command.clip_world_folder"))
        one.add_argument("--seeds", type=int, default=16, choices=TIERS,
                         help=say("command.effort_each_work"))
        one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))


def _familiarity(commands: Any) -> None:
    from explorer.commands.familiarity_command import run

    one = _command(commands, "familiarity", run, say("command.familiarity"))
    one.add_argument("folder", type=Path)
    one.add_argument("--set", action="store_true", help=say("command.familiarity_set"))
    one.add_argument("--many-artists", action="store_true", help=say("command.familiarity_many_artists"))
    one.add_argument("--words", default="", choices=("", "caption", "recovered", "fitted"),
                     help=say("command.familiarity_words"))
    one.add_argument("--controls", type=Path, help=say("command.folder_images_model"))
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--clip", type=source, help=say("command.clip_world_folder"))
    one.add_argument("--out", default="", help=say("command.go_case_id"))
    one.add_argument("--json", action="store_true", help=say("command.no_bars_only"))


def _collection(commands: Any) -> None:
    from explorer.commands import collection_command

    kinds = commands.add_parser("collection", help=say("command.build_search_serve")).add_subparsers(
        required=True, metavar="ACTION")
    build = _command(kinds, "build", collection_command.build, say("command.embed_index_folder"))
    build.add_argument("folder", type=Path)
    build.add_argument("--out", type=Path, help=say("command.where_default"))
    build.add_argument("--clip")
    build.add_argument("--engine", default="", help=say("command.local_ray_cluster"))
    search = _command(kinds, "search", collection_command.search, say("command.nearest_works_image"))
    search.add_argument("query", help=say("command.image_file_text"))
    search.add_argument("--text", action="store_true")
    search.add_argument("--with", dest="words", default="", help=say("command.words_mix_image"))
    search.add_argument("--weight", type=float, default=0.5, help=say("command.words_0_1"))
    search.add_argument("--box", type=floats, default=(),
                        help=say("command.part_image"))
    search.add_argument("--collection")
    search.add_argument("--clip")
    search.add_argument("-k", type=int, default=12)
    copies = _command(kinds, "duplicates", collection_command.duplicates, say("command.near_copies_within"))
    copies.add_argument("collection", nargs="?", default="", help=say("command.index_folder_default"))
    copies.add_argument("--out", type=Path, help=say("command.write_list_without"))
    copies.add_argument("--store", action="store_true",
                        help=say("command.write_each_work"))
    serve = _command(kinds, "serve", collection_command.serve,
                     say("command.serve_collection_clip"))
    serve.add_argument("folder", type=Path)
    serve.add_argument("--port", type=int, default=1234)


def _replay(commands: Any) -> None:
    from explorer.commands.replay_command import run

    one = _command(commands, "replay", run, say("command.render_recipe_again"))
    one.add_argument("recipe", type=Path, help=say("command.recipe_json_picture"))
    one.add_argument("--model", type=source, help=say("command.where_recipe_model"))
    one.add_argument("--start", type=Path, help=say("command.starting_image_img2img"))
    one.add_argument("--as", dest="program", default="", choices=PROGRAMS, help=say("command.replay_as"))
    one.add_argument("--out", type=Path, help=say("command.write_image_here"))


def _signals(commands: Any) -> None:
    from explorer.commands.signals_command import run

    one = _command(commands, "signals", run, say("command.memorisation_signals_over"))
    one.add_argument("list", type=Path, help=say("command.nemo_csv_json"))
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--against", type=Path, help=say("command.prompts_known_not"))
    one.add_argument("--out", type=Path, help=say("command.table_csv"))
    one.add_argument("--seeds", type=int, default=4, help=say("command.many_seeds_prompt"))
    one.add_argument("--first-seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=0, help=say("command.sampler_steps_default"))
    one.add_argument("--guidance", type=float, default=0.0, help=say("command.guidance_above_1"))
    one.add_argument("--only", default="", help=say("command.signals_measure_commas"))


def _extract(commands: Any) -> None:
    from explorer.commands.extract_command import run

    one = _command(commands, "extract", run, say("command.prompts_pictures_fall"))
    one.add_argument("list", type=Path, help=say("command.nemo_csv_json"))
    one.add_argument("--model", type=source, help=say("command.model_world_folder"))
    one.add_argument("--clip", type=source, help=say("command.clip_world_folder"))
    one.add_argument(
        "--collection", type=source, help=say("command.where_look_pictures")
    )
    one.add_argument("--out", type=Path, help=say("command.folder_tables_pictures"))
    one.add_argument("--screen-seeds", type=int, default=4, help=say("command.seeds_one_step"))
    one.add_argument("--keep", type=int, default=20, help=say("command.many_prompts_go"))
    one.add_argument("--seeds", type=int, default=500, help=say("command.many_seeds_each"))
    one.add_argument("--least", type=int, default=10, help=say("command.mutually_near_pictures"))
    one.add_argument("--threshold", type=float, default=0.15, help=say("command.tiled_distance_below"))
    one.add_argument("--steps", type=int, default=0, help=say("command.sampler_steps_default"))
    one.add_argument("--guidance", type=float, default=0.0, help=say("command.guidance_above_1"))


def _packages(commands: Any) -> None:
    from explorer.commands import package_command, report_command

    report = _command(commands, "report", report_command.write, say("command.write_report"))
    report.add_argument("case", help=say("command.case_id"))
    report.add_argument("--format", choices=("html", "pdf"), default="pdf")
    report.add_argument("--detail", choices=("full", "short"), default="full", help=say("command.report_detail"))
    report.add_argument("--prepared-by", default="", help=say("command.report_by"))
    report.add_argument("--sheet", default="", metavar="REPLAY", help=say("command.report_sheet"))
    report.add_argument("--out", type=Path, help=say("command.report_out"))
    export = _command(commands, "export", package_command.export,
                      say("command.write_case_package"))
    export.add_argument("case", help=say("command.case_id"))
    export.add_argument("--out", type=Path)
    verify = _command(commands, "verify", package_command.verify, say("command.check_package"))
    verify.add_argument("package", type=Path)
    verify.add_argument("--expect", default="", help=say("command.log_head_printed"))
    verify.add_argument("--root", type=Path, action="append", default=[],
                        help=say("command.certificate_pem_time"))
    verify.add_argument("--replay", action="store_true", help=say("command.render_every_exhibit"))
    verify.add_argument("--model", type=source, help=say("command.where_package_model"))
    taken = _command(commands, "import", package_command.take_in, say("command.open_package_read"))
    taken.add_argument("package", type=Path)
    taken.add_argument("--expect", default="", help=say("command.log_head_printed"))
    _seal(commands, package_command)


def _seal(commands: Any, package: Any) -> None:
    kinds = commands.add_parser("seal", help=say("command.outside_time_stamp")).add_subparsers(
        required=True, metavar="ACTION")
    request = _command(kinds, "request", package.seal_request, say("command.write_request_authority"))
    attach = _command(kinds, "attach", package.seal_attach, say("command.put_authority_answer"))
    for one in (request, attach):
        one.add_argument("package", type=Path)
        one.add_argument("--out", type=Path, required=True)
    attach.add_argument("answer", type=Path)


def _world(commands: Any) -> None:
    from explorer.commands import world_command

    kinds = commands.add_parser("world", help=say("command.build_check_bundled")).add_subparsers(
        required=True, metavar="ACTION")
    build = _command(kinds, "build", world_command.build, say("command.openclipart_packages_trained"))
    build.add_argument("--stage", choices=("data", "clip", "autoencoder", "rule", "unet", "index", "hard"))
    build.add_argument("--device", default="auto")
    build.add_argument("--draw", type=int, default=1, help=say("command.draw_works_2"))
    build.add_argument("--source", type=Path, default=Path("/usr/share/openclipart"))
    build.add_argument("--out", type=Path, default=WORLD)
    build.add_argument("--minutes", type=float, help=say("command.time_budget_stage"))
    for name, run, text in (("check", world_command.check, say("command.measure_world_write")),
                            ("derive", world_command.derive, say("command.make_again_all"))):
        one = _command(kinds, name, run, text)
        if name == "check":
            one.add_argument("--stored", action="store_true", help=say("command.world_stored"))
        one.add_argument("--out", type=Path, default=WORLD)
        one.add_argument("--device", default="auto")
    known = _command(kinds, "familiarity", world_command.familiarity, say("command.familiarity_world"))
    known.add_argument("--sources", default="caption,recovered,fitted", help=say("command.familiarity_sources"))
    known.add_argument("--most", type=int, default=0, help=say("command.familiarity_most"))
    known.add_argument("--out", type=Path, default=WORLD)
    known.add_argument("--device", default="auto")
    told = _command(kinds, "examples", world_command.examples,
                    say("command.run_example_cases"))
    told.add_argument("--world", type=Path, default=WORLD)
    told.add_argument("--out", type=Path, default=ASSETS / "examples")
    told.add_argument("--only", default="", help=say("command.one_story_such"))


__all__ = ["Settings", "main", "parser"]
