"""Attempts to bring what was tried for counsel only into what is shown: none may get out by an export."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.closeness.pixel_scores import compare
from explorer.errors import ExplorerError
from explorer.evidence.counsel import check_disclosed
from explorer.images.decode import open_image, png_bytes
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import ExportCase, WriteReport
from explorer.records import ModelRef, PromptCandidate, Recipe, Replay, ReplaySettings, SearchPlan, to_json
from explorer.run import Run
from explorer.settings import Settings
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.loop import run_task

MODEL = ModelRef("world", "f" * 64, "sd1")
WORDS = ("lantern", "harbour", "copper", "violet", "weathered", "engraving", "fox", "under", "snow", "market",
         "blue", "folded", "paper", "crane", "moonlit", "orchard")


def leaked(home: Path, many: int) -> dict[str, int]:
    """How many of `many` attempts get out, and how many of as many honest cases are refused."""
    dice, settings = random.Random(9), Settings(home=home)
    (home / "cases").mkdir(parents=True, exist_ok=True)
    store = CaseStore(settings.cases)
    secret = store.create("For counsel", counsel_only=True)
    picture = _picture(dice)
    tried = _work(secret, picture, dice, prompts=6)
    prompts, out = [r.recipe.prompt for r in tried], 0
    for number in range(many):
        case = store.create(f"Shown {number}")
        _work(case, picture, dice, prompts=1)
        task = WAYS[number % len(WAYS)](case, secret, tried, prompts, dice)
        out += _gets_out(settings, task or ExportCase(case.id, str(home / "out" / f"{number}.zip")))
        store.delete(case.id)
    honest = 0
    for number in range(20):
        case = store.create(f"Honest {number}", question="How close does it come?")
        _work(case, picture, dice, prompts=3)
        try:
            check_disclosed(store, case, texts=["Ada Lovelace"])
        except ExplorerError:
            honest += 1
    return {"attempts": many, "leaks": out, "honest": 20, "honest_refused": honest}


def _gets_out(settings: Settings, task: ExportCase | WriteReport) -> bool:
    """Whether the export or report is written."""
    queue = Queue(settings.database)
    job = queue.get(queue.submit(task, case_id=task.case_id))
    context = Context(settings, queue, job, LoadedTable(1), Run())
    try:
        run_task(task, context)
    except ExplorerError:
        return False
    finally:
        context.close()
    return True


def _picture(dice: random.Random) -> np.ndarray:
    """(64, 64, 3) uint8: some boxes and rings on white."""
    y, x = np.mgrid[:64, :64]
    rgb = np.full((64, 64, 3), 255, np.uint8)
    for _ in range(6):
        cx, cy, r = (dice.randint(8, 56) for _ in range(3))
        ring = ((x - cx) ** 2 + (y - cy) ** 2 < (r / 3) ** 2) if dice.random() < 0.5 else (
            (abs(x - cx) < r / 4) & (abs(y - cy) < r / 5))
        rgb[ring] = [dice.randint(0, 220) for _ in range(3)]
    return rgb


def _words(dice: random.Random) -> str:
    return " ".join(dice.sample(WORDS, 5)) + f" {dice.randint(100, 999)}"


def _work(case: Case, picture: np.ndarray, dice: random.Random, *, prompts: int) -> list[Replay]:
    """A subject with a few replays, each with a prompt of its own."""
    subject = case.add_subject(png_bytes(picture), "work.png", caption="A boat in a harbour")
    made = []
    for _ in range(prompts):
        prompt, search = _words(dice), f"{dice.getrandbits(64):016x}"
        settings = ReplaySettings(prompt, seeds=1)
        case.commit(SearchPlan(search, subject.id, to_json(settings), MODEL, "c" * 64, "e" * 64, 1))
        rgb = _picture(dice)
        png = png_bytes(rgb)
        recipe = Recipe(MODEL, prompt, dice.randint(0, 10**6), 20, 7.5, "euler", 64, 64)
        replay = Replay(f"{dice.getrandbits(64):016x}", subject.id, search, recipe, hashlib.sha256(png).hexdigest(),
                        compare(picture, rgb), 40, 1.0)
        case.commit(replay, blobs={replay.image_sha256: png})
        made.append(replay)
    return made


Way = Callable[[Case, Case, list[Replay], list[str], random.Random], "ExportCase | WriteReport | None"]


def _as_choice(case, secret, tried, prompts, dice):
    case.choose_prompt(case.subjects()[0].id, dice.choice(prompts))


def _as_title(case, secret, tried, prompts, dice):
    case.set_meta("title", f"What we know of {dice.choice(prompts).upper()}")


def _as_question(case, secret, tried, prompts, dice):
    case.set_meta("question", "Does it come back with “" + dice.choice(prompts).replace(" ", ", ") + "”?")


def _as_caption(case, secret, tried, prompts, dice):
    case.add_subject(png_bytes(_picture(dice)), "other.png", caption=dice.choice(prompts))


def _as_name(case, secret, tried, prompts, dice):
    case.add_subject(png_bytes(_picture(dice)), dice.choice(prompts) + ".png")


def _as_search(case, secret, tried, prompts, dice):
    settings = ReplaySettings("a boat", more_prompts=(dice.choice(prompts),), seeds=1)
    case.commit(SearchPlan("ab" * 8, case.subjects()[0].id, to_json(settings), MODEL, "c" * 64, "e" * 64, 1))


def _as_negative(case, secret, tried, prompts, dice):
    settings = ReplaySettings("a boat", negative_prompt=dice.choice(prompts), seeds=1)
    case.commit(SearchPlan("cd" * 8, case.subjects()[0].id, to_json(settings), MODEL, "c" * 64, "e" * 64, 1))


def _as_candidate(case, secret, tried, prompts, dice):
    case.commit(PromptCandidate(case.subjects()[0].id, 1, dice.choice(prompts), "person", "given", 0.3, 9, 40.0))


def _as_replay(case, secret, tried, prompts, dice):
    one = dice.choice(tried)
    case.commit(dataclasses.replace(one, subject_id=case.subjects()[0].id),
                blobs={one.image_sha256: secret.blob(one.image_sha256)})


def _as_picture(case, secret, tried, prompts, dice):
    case.add_subject(secret.blob(dice.choice(tried).image_sha256), "found.png")


def _as_jpeg(case, secret, tried, prompts, dice):
    case.add_subject(_saved(secret, dice.choice(tried), "JPEG", cut=0), "found.jpg")


def _as_crop(case, secret, tried, prompts, dice):
    case.add_subject(_saved(secret, dice.choice(tried), "PNG", cut=3), "found.png")


def _as_larger(case, secret, tried, prompts, dice):
    case.add_subject(_saved(secret, dice.choice(tried), "PNG", cut=0, side=200), "found.png")


def _as_name_of_case(case, secret, tried, prompts, dice):
    case.note("remark", {"see": f"compare {secret.id}"})


def _as_hash(case, secret, tried, prompts, dice):
    case.set_meta("case_number", dice.choice(secret.log()).hash)


def _inside_a_picture(case, secret, tried, prompts, dice):
    from PIL.PngImagePlugin import PngInfo
    told = PngInfo()
    told.add_text("parameters", dice.choice(prompts))
    out = io.BytesIO()
    Image.fromarray(_picture(dice)).save(out, "PNG", pnginfo=told)
    case.add_subject(out.getvalue(), "made.png")


def _in_the_report(case, secret, tried, prompts, dice):
    return WriteReport(case.id, prepared_by=f"Ada, on {dice.choice(prompts)}")


def _as_logo(case, secret, tried, prompts, dice):
    return WriteReport(case.id, logo_blob=case.put_blob(secret.blob(dice.choice(tried).image_sha256)))


def _itself(case, secret, tried, prompts, dice):
    return ExportCase(secret.id) if dice.random() < 0.5 else WriteReport(secret.id)


WAYS: tuple[Way, ...] = (
    _as_choice, _as_title, _as_question, _as_caption, _as_name, _as_search, _as_negative, _as_candidate, _as_replay,
    _as_picture, _as_jpeg, _as_crop, _as_larger, _as_name_of_case, _as_hash, _inside_a_picture, _in_the_report,
    _as_logo, _itself)


def _saved(secret: Case, one: Replay, kind: str, *, cut: int, side: int = 0) -> bytes:
    """A replay's picture cut, enlarged or saved anew."""
    rgb = open_image(secret.blob(one.image_sha256), name="replay.png").rgb
    rgb = rgb[cut:rgb.shape[0] - cut or None, cut:rgb.shape[1] - cut or None]
    image = Image.fromarray(np.ascontiguousarray(rgb))
    out = io.BytesIO()
    (image.resize((side, side)) if side else image).save(out, kind)
    return out.getvalue()
