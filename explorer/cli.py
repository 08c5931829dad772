"""The command line: the same tasks as the screens, in the foreground, with bars; the last line is JSON."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError, shortened
from explorer.folders import absolute_source as source
from explorer.foreign.offline import obey
from explorer.settings import ASSETS, WORLD, Settings, load_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it went well, 1 with one sentence on stderr when it did not."""
    args = parser().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(args.home)
        obey(settings.offline)
        result = args.run(args, settings)
    except ExplorerError as error:
        print(f"afterimage: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # a name that no disk takes, a file that may not be read, no space left
        logging.getLogger(__name__).info("a command failed", exc_info=True)
        print(f"afterimage: {shortened(error.filename or 'A file')} cannot be used ({error.strerror or error}). "
              "Check the name and the disk, then try again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("afterimage: stopped; what was found so far is kept.", file=sys.stderr)
        return 130
    if result is not None:
        print(json.dumps(result, sort_keys=True, ensure_ascii=False))
    return 0


def parser() -> argparse.ArgumentParser:
    """The whole command line; the README's table of commands is tested against it."""
    top = argparse.ArgumentParser(prog="python -m explorer", description=__doc__)
    top.add_argument("--home", type=Path, help="workspace folder (default: AFTERIMAGE_HOME or your data folder)")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _investigate(commands)
    _findings(commands)
    _collection(commands)
    _replay(commands)
    _packages(commands)
    _signals(commands)
    _extract(commands)
    _world(commands)
    return top


def _command(commands: Any, name: str, run: Callable[..., Any], text: str) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def _investigate(commands: Any) -> None:
    from explorer.commands.investigate_command import run

    one = _command(commands, "investigate", run, "run the whole loop on one image")
    one.add_argument("image", type=Path)
    one.add_argument("--model", type=source, help="model: world, a folder, a file, or a hub id with @revision")
    one.add_argument("--clip", type=source, help="CLIP: world, a folder, or open_clip:NAME/TAG-OR-CHECKPOINT")
    one.add_argument("--collection", type=source, help="collection: world, an index folder, or a backend's address")
    one.add_argument("--prompt", default="", help="your own prompt; without it the recovered one is used")
    one.add_argument("--caption", default="", help="the image's title or caption, if you know it: the measured "
                     "test then takes these words, and they are counted as supplied by you")
    one.add_argument("--negative", default="", help="negative prompt")
    one.add_argument("--mode", default="best", choices=("best", "fast", "classic", "negative"),
                     help="how to look for the prompt")
    one.add_argument("--seeds", type=int, default=16, help="how many seeds to replay")
    one.add_argument("--first-seed", type=int, default=0)
    one.add_argument("--strengths", type=_floats, default=(), help="img2img strengths, such as 0.2,0.4,0.6")
    one.add_argument("--steps", type=int, default=0, help="sampler steps (default: the model's)")
    one.add_argument("--guidance", type=float, default=0.0, help="guidance, 1 to 30 (default: the model's)")
    one.add_argument("--scheduler", default="euler", choices=("euler", "euler_a", "ddim", "dpmpp_2m", "pndm"))
    one.add_argument("--out", default="", help="go on in this case (its id) instead of a new one")
    one.add_argument("--engine", default="", help="local, or a Ray cluster such as ray://host:10001")
    one.add_argument("--json", action="store_true", help="no bars: only the last line")


def _findings(commands: Any) -> None:
    from explorer.commands import findings_command

    many = _command(commands, "portfolio", findings_command.portfolio, "test every image of a folder and rank them")
    many.add_argument("folder", type=Path)
    many.add_argument("--controls", type=Path, help="a folder of images that the model cannot have seen")
    many.add_argument("--out", default="", help="go on in this case (its id) instead of a new one")
    rates = _command(commands, "calibrate", findings_command.calibrate, "measure a model's own error rates")
    rates.add_argument("--controls", type=Path, required=True,
                       help="a folder of images that the model cannot have seen")
    for one in (many, rates):
        one.add_argument("--prompt-from", default="interrogation", choices=("interrogation", "caption"),
                         help="caption: the words in the text file of the same name beside each image")
        one.add_argument("--model", type=source, help="model: world, a folder, a file, or a hub id with @revision")
        one.add_argument("--clip", type=source, help="CLIP: world, a folder, or open_clip:NAME/TAG-OR-CHECKPOINT")
        one.add_argument("--seeds", type=int, default=16, choices=(16, 64, 256, 512), help="effort for each work")
        one.add_argument("--json", action="store_true", help="no bars: only the last line")


def _collection(commands: Any) -> None:
    from explorer.commands import collection_command

    kinds = commands.add_parser("collection", help="build, search or serve a collection").add_subparsers(
        required=True, metavar="ACTION")
    build = _command(kinds, "build", collection_command.build, "embed and index a folder of images")
    build.add_argument("folder", type=Path)
    build.add_argument("--out", type=Path, help="where to (default: collections/NAME in the workspace)")
    build.add_argument("--clip")
    build.add_argument("--engine", default="", help="local, or a Ray cluster such as ray://host:10001")
    search = _command(kinds, "search", collection_command.search, "the nearest works to an image or a text")
    search.add_argument("query", help="an image file, or a text with --text")
    search.add_argument("--text", action="store_true")
    search.add_argument("--with", dest="words", default="", help="words to mix with the image")
    search.add_argument("--weight", type=float, default=0.5, help="of these words, 0 to 1")
    search.add_argument("--box", type=_floats, default=(),
                        help="a part of the image: left,top,right,bottom, each 0 to 1")
    search.add_argument("--collection")
    search.add_argument("--clip")
    search.add_argument("-k", type=int, default=12)
    copies = _command(kinds, "duplicates", collection_command.duplicates, "near copies within a collection")
    copies.add_argument("collection", nargs="?", default="", help="an index folder (default: the one in use)")
    copies.add_argument("--out", type=Path, help="write the list without duplicates here (CSV)")
    copies.add_argument("--store", action="store_true",
                        help="write each work's multiplicity into a collection that was built here")
    serve = _command(kinds, "serve", collection_command.serve,
                     "serve a collection with clip-retrieval's own backend")
    serve.add_argument("folder", type=Path)
    serve.add_argument("--port", type=int, default=1234)


def _replay(commands: Any) -> None:
    from explorer.commands.replay_command import run

    one = _command(commands, "replay", run, "render a recipe again and state its hashes")
    one.add_argument("recipe", type=Path, help="a recipe as JSON, or a picture that carries one")
    one.add_argument("--model", type=source, help="where the recipe's model is on this machine")
    one.add_argument("--start", type=Path, help="the starting image, for img2img recipes")
    one.add_argument("--out", type=Path, help="write the image here (PNG)")


def _signals(commands: Any) -> None:
    from explorer.commands.signals_command import run

    one = _command(commands, "signals", run, "memorisation signals over a list of prompts, as a table")
    one.add_argument("list", type=Path, help="NeMo's CSV, JSON lines with a caption, or one prompt a line")
    one.add_argument("--model", type=source, help="model: world, a folder, a file, or a hub id with @revision")
    one.add_argument("--against", type=Path, help="prompts known not to be memorised, to measure accuracy on")
    one.add_argument("--out", type=Path, help="the table (CSV); gone on with where it ended")
    one.add_argument("--seeds", type=int, default=4, help="how many seeds a prompt")
    one.add_argument("--first-seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=0, help="sampler steps (default: the model's)")
    one.add_argument("--guidance", type=float, default=0.0, help="guidance above 1 (default: the model's)")
    one.add_argument("--only", default="", help="signals to measure, with commas between (default: all)")


def _extract(commands: Any) -> None:
    from explorer.commands.extract_command import run

    one = _command(commands, "extract", run, "prompts whose pictures fall together, without a target")
    one.add_argument("list", type=Path, help="NeMo's CSV, JSON lines with a caption, or one prompt a line")
    one.add_argument("--model", type=source, help="model: world, a folder, a file, or a hub id with @revision")
    one.add_argument("--clip", type=source, help="CLIP: world, a folder, or open_clip:NAME/TAG-OR-CHECKPOINT")
    one.add_argument(
        "--collection", type=source, help="where to look the pictures up: world, a folder, or an address"
    )
    one.add_argument("--out", type=Path, help="folder for tables and pictures; gone on with where it ended")
    one.add_argument("--screen-seeds", type=int, default=4, help="seeds of the one-step screening")
    one.add_argument("--keep", type=int, default=20, help="how many prompts go on after it")
    one.add_argument("--seeds", type=int, default=500, help="how many seeds each of those is tried with")
    one.add_argument("--least", type=int, default=10, help="mutually near pictures that make a clique")
    one.add_argument("--threshold", type=float, default=0.15, help="tiled distance below which two are near")
    one.add_argument("--steps", type=int, default=0, help="sampler steps (default: the model's)")
    one.add_argument("--guidance", type=float, default=0.0, help="guidance above 1 (default: the model's)")


def _packages(commands: Any) -> None:
    from explorer.commands import package_command

    export = _command(commands, "export", package_command.export,
                      "write a case as a package that others can verify")
    export.add_argument("case", help="the case's id")
    export.add_argument("--out", type=Path)
    verify = _command(commands, "verify", package_command.verify, "check a package: bag, log, blobs, exhibits")
    verify.add_argument("package", type=Path)
    verify.add_argument("--expect", default="", help="the log head printed in the report")
    verify.add_argument("--root", type=Path, action="append", default=[],
                        help="certificate (PEM) of a time-stamp authority that you trust; may be repeated")
    verify.add_argument("--replay", action="store_true", help="render every exhibit again")
    verify.add_argument("--model", type=source, help="where the package's model is on this machine")
    taken = _command(commands, "import", package_command.take_in, "open a package as a read-only case")
    taken.add_argument("package", type=Path)
    taken.add_argument("--expect", default="", help="the log head printed in the report")
    _seal(commands, package_command)


def _seal(commands: Any, package: Any) -> None:
    kinds = commands.add_parser("seal", help="an outside time stamp (RFC 3161) on a package").add_subparsers(
        required=True, metavar="ACTION")
    request = _command(kinds, "request", package.seal_request, "write the request for the authority")
    attach = _command(kinds, "attach", package.seal_attach, "put the authority's answer into a copy of the package")
    for one in (request, attach):
        one.add_argument("package", type=Path)
        one.add_argument("--out", type=Path, required=True)
    attach.add_argument("answer", type=Path)


def _world(commands: Any) -> None:
    from explorer.commands import world_command

    kinds = commands.add_parser("world", help="build and check the bundled world").add_subparsers(
        required=True, metavar="ACTION")
    build = _command(kinds, "build", world_command.build, "from the openclipart packages to a trained world")
    build.add_argument("--stage", choices=("data", "clip", "autoencoder", "rule", "unet", "index"))
    build.add_argument("--device", default="auto")
    build.add_argument("--draw", type=int, default=1, help="which draw of the works (2: the crossover)")
    build.add_argument("--source", type=Path, default=Path("/usr/share/openclipart"))
    build.add_argument("--out", type=Path, default=WORLD)
    build.add_argument("--minutes", type=float, help="time budget of the stage")
    for name, run, text in (("check", world_command.check, "measure the world and write its card"),
                            ("derive", world_command.derive, "make again all that quotes the world's fingerprint")):
        one = _command(kinds, name, run, text)
        one.add_argument("--out", type=Path, default=WORLD)
        one.add_argument("--device", default="auto")
    told = _command(kinds, "examples", world_command.examples,
                    "run the example cases again and keep them as packages")
    told.add_argument("--world", type=Path, default=WORLD)
    told.add_argument("--out", type=Path, default=ASSETS / "examples")
    told.add_argument("--only", default="", help="one story, such as comes_back")


def _floats(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0.2,0.4") from error


__all__ = ["Settings", "main", "parser"]
