"""How well the question "which model made this picture, or none of these" is answered, on checkpoints made for it.

    python -m tests.benchmarks.bench_which_model [--pictures 39] [--each 20] [--draw WORLD] [--cache DIR] [--store]
    python -m tests.benchmarks.bench_which_model --tuning        # prompts and works of the tuning split
    python -m tests.benchmarks.bench_which_model --stored

Three models are asked: the bundled one, the same network trained on, the same network with another decoder
(see which_checkpoints.ABOUT). Pictures come from each of them, and from sources that are not asked: an earlier and
a perturbed checkpoint, drawings by hand, and drawings sent through the bundled autoencoder. `--draw` asks another
draw's model too. Comparison pictures use captions of control works, judged pictures those of test works.

Drawings sent through are counted apart (`through_autoencoder`): the answer says that they are not ruled out.
`accuracy`: the right model named, or none for a source that was not asked. `false_named`: a model named that did
not make the picture. `none_recognised`: none left for a source that was not asked. The last line is JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from explorer.diffusion.models import Model, load_model
from explorer.evidence.which_model import OTHERS, Left, left, ranks
from explorer.evidence.which_records import WhichPlan
from explorer.evidence.which_signals import measured, own_pictures, sent_through
from explorer.statistics import share_interval
from explorer.world.files import World, default_cache, open_world
from explorer.world.manifest import load_small, read_manifest
from tests.benchmarks.stored import store, stored
from tests.benchmarks.which_checkpoints import ABOUT, checkpoints

NAME = "bench_which_model"
ASKED, NOT_ASKED, ALIKE = ("base", "late", "decoder"), ("early", "perturbed"), ("base", "rounded")
DRAWN, THROUGH = "drawings", "drawings_through_base"
QUALITY = 90  # of JPEG


def main() -> None:
    """Measures, prints a line a source as it goes, and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=39, help="comparison pictures by each source")
    parser.add_argument("--each", type=int, default=20, help="pictures of each source that are judged")
    parser.add_argument("--draw", type=Path, help="folder of another draw's world, whose model is asked too")
    parser.add_argument("--tuning", action="store_true", help="judge pictures of the tuning split")
    parser.add_argument("--alike", action="store_true", help="ask the bundled model and its rounded copy too")
    parser.add_argument("--cache", type=Path, default=default_cache() / "which")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--stored", action="store_true", help="print the last stored result")
    args = parser.parse_args()
    if args.stored:
        print(stored(NAME))
        return
    torch.set_grad_enabled(False)
    world = open_world()
    places = {name: str(path) for name, path in checkpoints(world, args.cache / "checkpoints", _say).items()}
    asked = (*ASKED, "draw") if args.draw else ASKED
    if args.draw:
        places["draw"] = str(open_world(args.draw).diffusion)
    split = "tuning" if args.tuning else "test"
    bench = _Bench(world, WhichPlan(args.pictures), args.each, split, places, args.cache, args.alike)
    result = run(bench, asked)
    if args.store:
        store(NAME, result | {"relatives": _kept_relatives() | {str(len(asked)): _relatives(result)}})
    print(json.dumps(result, sort_keys=True))


def _relatives(result: dict) -> dict:
    """Wrong names of pictures by checkpoints that were not asked, which the app quotes for each number asked."""
    wrong = [part["false_named"] for name, part in result["by_source"].items()
             if name in result["checkpoints"] and name not in result["asked"]]
    return {key: sum(one[key] for one in wrong) for key in ("hits", "pictures")}


def _kept_relatives() -> dict:
    try:
        return json.loads(stored(NAME)).get("relatives", {})
    except FileNotFoundError:
        return {}


def run(bench: _Bench, asked: tuple[str, ...]) -> dict:
    """All figures."""
    began = time.monotonic()
    found = bench.judged(asked, (*asked, *NOT_ASKED))
    for name, answers in found.items():
        print(name, _counts(answers, asked), flush=True)
    saved = found.pop("base_as_jpeg")
    right = {name: [_said(a, asked) == (name if name in asked else "none") for a in answers]
             for name, answers in found.items()}
    wrong = {name: [a.kind == "one" and _said(a, asked) != name for a in answers]
             for name, answers in found.items()}
    through = {"answers": _counts(found[THROUGH], asked), "named": _share(wrong.pop(THROUGH))}
    found.pop(THROUGH)
    unknown = [name for name in found if name not in asked]
    alike = bench.judged(ALIKE, ALIKE, drawn=False)["base"] if bench.alike else None
    return {
        "accuracy": _share([x for name in found for x in right[name]]), "through_autoencoder": through,
        "false_named": _share([x for part in wrong.values() for x in part]),
        "none_recognised": _share([x for name in unknown for x in right[name]]),
        "by_source": {name: {"right": _share(right[name]), "false_named": _share(wrong[name]),
                             "answers": _counts(found[name], asked)} for name in found},
        "base_as_jpeg": _counts(saved, asked), "alike": alike and _counts(alike, ALIKE), "asked": list(asked),
        "checkpoints": ABOUT, "pictures": bench.plan.pictures, "each": bench.each, "level": bench.plan.level,
        "split": bench.split, "seconds": round(time.monotonic() - began)}


@dataclass
class _Bench:
    """What is judged, with every model's pictures and what each model says of them kept in the cache."""

    world: World
    plan: WhichPlan
    each: int
    split: str
    places: dict[str, str]
    cache: Path
    alike: bool  # whether two models that hardly differ are asked, too

    def judged(self, asked: tuple[str, ...], made_by: tuple[str, ...], *,
               drawn: bool = True) -> dict[str, list[Left]]:
        """The answers on each source's pictures, when `asked` are the models."""
        reference = {i: self._made(name, "control", self.plan.pictures) for i, name in enumerate(asked)}
        reference |= self._others(asked)
        subjects = {name: self._made(name, self.split, self.each) for name in made_by}
        if drawn:
            subjects |= {DRAWN: self._works(self.split, self.each), THROUGH: self._through(),
                         "base_as_jpeg": np.stack([_jpeg(rgb) for rgb in subjects["base"]])}
        sources = {name: self._told(asked, pictures) for name, pictures in reference.items()}
        return {name: [left(ranks(one, sources), level=self.plan.level) for one in self._told(asked, pictures)]
                for name, pictures in subjects.items()}

    def _told(self, asked: tuple[str, ...], pictures: np.ndarray) -> np.ndarray:
        """(n, k, 2): what each model that is asked says of the pictures."""
        return np.stack([self._measured(model, pictures) for model in asked], 1)

    def _others(self, asked: tuple[str, ...]) -> dict[int, np.ndarray]:
        """Control works as they are, and sent through each autoencoder that differs."""
        works = self._works("control", self.plan.pictures)
        kept = {name: self._kept(f"through {self._fingerprint(name)} control {self.plan.pictures}",
                                 lambda name=name: np.stack(sent_through(self._model(name), works)))
                for name in asked}
        different = {pictures.tobytes(): pictures for pictures in kept.values()}
        return {OTHERS: works} | {OTHERS - 1 - i: one for i, one in enumerate(different.values())}

    def _rows(self, split: str, count: int) -> list[dict]:
        rows = [row for row in read_manifest(self.world) if row["split"] == split]
        return sorted(rows, key=lambda row: row["sha256"])[:count]

    def _works(self, split: str, count: int) -> np.ndarray:
        return load_small(self.world.root, [row["image"] for row in self._rows(split, count)])

    def _made(self, name: str, split: str, count: int) -> np.ndarray:
        prompts = [row["caption"] for row in self._rows(split, count)]
        return self._kept(f"made {self._fingerprint(name)} {split} {count}",
                          lambda: np.stack(own_pictures(self._model(name), prompts)))

    def _through(self) -> np.ndarray:
        return np.stack(sent_through(self._model("base"), self._works(self.split, self.each)))

    def _measured(self, name: str, pictures: np.ndarray) -> np.ndarray:
        mark = hashlib.sha256(pictures.tobytes()).hexdigest()
        return self._kept(f"measured {self._fingerprint(name)} {self.plan.id} {mark}",
                          lambda: measured(self._model(name), pictures, self.plan))

    def _model(self, name: str) -> Model:
        if getattr(self, "_held", (None, None))[0] != name:
            self._held = (name, load_model(self.places[name], device="cpu"))
        return self._held[1]

    def _fingerprint(self, name: str) -> str:
        marks = self.__dict__.setdefault("_marks", {})
        if name not in marks:
            marks[name] = self._model(name).ref.fingerprint
        return marks[name]

    def _kept(self, what: str, make) -> np.ndarray:
        path = self.cache / f"{hashlib.sha256(what.encode()).hexdigest()[:24]}.npy"
        if not path.exists():
            began, values = time.monotonic(), make()
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, values)
            print(what[:60], f"{time.monotonic() - began:.0f} s", flush=True)
        return np.load(path, allow_pickle=False)


def _say(line: str) -> None:
    print(line, flush=True)


def _jpeg(rgb: np.ndarray) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(out).convert("RGB"))


def _said(answer: Left, asked: tuple[str, ...]) -> str:
    """The model's name where one is left, else the answer's kind."""
    return asked[answer.models[0]] if answer.kind == "one" else answer.kind


def _counts(answers: list[Left], asked: tuple[str, ...]) -> dict[str, int]:
    said = [_said(answer, asked) for answer in answers]
    return {one: said.count(one) for one in sorted(set(said))}


def _share(hits: list[bool]) -> dict[str, float]:
    """A share of pictures with its exact interval."""
    found = share_interval(sum(hits), len(hits))
    return {"share": found.value, "low": found.low, "high": found.high, "pictures": len(hits), "hits": sum(hits)}


if __name__ == "__main__":
    main()
