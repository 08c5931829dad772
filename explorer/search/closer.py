"""From a good replay towards the subject: rounds of small steps, the closest of each being the next start.

A (1 + n) evolution strategy (Rechenberg 1973) whose options are listed before each round: noise turned a
little towards other seeds (A1111's variations), img2img from the replay itself, words of the prompt
dropped or changed. Every choice between options is information from the subject, charged as rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explorer.diffusion.check_recipe import complete
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import batch_key
from explorer.records import Recipe, Replay, SearchSummary, Variation, recipe_digest
from explorer.records.families import facts
from explorer.records.scores import is_better
from explorer.search.one_search import Given, Search
from explorer.search.variations import variations

TURNS = (0.05, 0.1, 0.2, 0.35)  # how far the noise is turned towards another seed
REPAINTS = (0.4, 0.6, 0.8)  # how much of the replay is painted over
FIRST_SUBSEED = 1_000_000_000  # beyond the seeds that people try


def run_closer(given: Given, parent: Replay, *, words: Sequence[str] = ()) -> SearchSummary:
    """As `run_search`: `rounds` of `options` replays around `parent`, as the task's settings say.

    `words` are those that may enter the prompt. The options depend on nothing but what was found before, so
    that `earlier` replays of the same search are not made again.
    """
    settings = given.task.settings
    known = {recipe_digest(complete(given.model, r.recipe)): r for r in given.earlier}

    def kept(replay: Replay, *blobs: bytes) -> None:
        known[recipe_digest(replay.recipe)] = replay
        given.on_replay(replay, *blobs)

    search = Search(replace(given, on_replay=kept), settings.rounds * settings.options)
    search.recall()

    def work() -> None:
        best = parent
        for number in range(settings.rounds):
            options = _in_batches(given.model, [complete(given.model, r) for r in offspring(
                best, number=number, count=settings.options, words=words)])
            search.replay(options, set(known))
            if search.tally.ended_by:
                return
            best = closest([best, *(known[recipe_digest(o)] for o in options)], settings.primary_score)

    return search.concluded(work)


def closest(replays: Sequence[Replay], score: str) -> Replay:
    """The closest of replays; the first of equals."""
    best = replays[0]
    for replay in replays[1:]:
        if is_better(score, replay.closeness[score], best.closeness[score]):
            best = replay
    return best


def offspring(replay: Replay, *, number: int, count: int, words: Sequence[str] = ()) -> list[Recipe]:
    """The `count` options of round `number` (from 0) around a replay, all different, listed beforehand.

    Half are small turns of its noise; the rest repaint the replay itself, or change its words.
    """
    rng = np.random.default_rng([replay.recipe.seed % 2 ** 32, number])
    found: dict[str, Recipe] = {}
    place = 0
    while len(found) < count:
        subseed = FIRST_SUBSEED + number * 100_000 + place
        kind = ("turn", "repaint", "turn", "words")[place % 4]
        recipe = _option(replay, kind, subseed, place // 4, words, rng)
        found.setdefault(recipe_digest(recipe), recipe)
        place += 1
    return list(found.values())


def _option(replay: Replay, kind: str, subseed: int, turn: int, words: Sequence[str],
            rng: np.random.Generator) -> Recipe:
    recipe = replay.recipe
    if kind == "repaint":
        strength = REPAINTS[turn % len(REPAINTS)]
        if facts(recipe.model.family).steps_run(recipe.steps, strength) >= 1:
            return replace(recipe, seed=subseed, variation=None, noise_blob=None, strength=strength,
                           start_sha256=replay.image_sha256)
    swapped = reword(recipe.prompt, words, rng) if kind == "words" else recipe.prompt
    if swapped != recipe.prompt:
        return replace(recipe, prompt=swapped)
    own = recipe.variation
    if own is not None and turn % 2:  # the same way, less far or farther
        return replace(recipe, variation=Variation(own.subseed, min(1.0, own.strength * rng.uniform(0.3, 1.7))))
    return variations(recipe, subseeds=(subseed,), strengths=(TURNS[turn % len(TURNS)],))[0]


def reword(prompt: str, words: Sequence[str], rng: np.random.Generator) -> str:
    """The prompt with one part (between commas) dropped, moved to the front, or changed for one of `words`."""
    parts = [p.strip() for p in prompt.split(",") if p.strip()]
    fresh = [w for w in words if w not in parts]
    ways = ["add"] * bool(fresh) + (["drop", "front"] if len(parts) > 1 else [])
    if not ways:
        return prompt
    way = ways[rng.integers(len(ways))]
    if way == "add":
        parts.insert(int(rng.integers(len(parts) + 1)), fresh[rng.integers(len(fresh))])
    elif way == "drop":
        parts.pop(int(rng.integers(len(parts))))
    else:
        parts.insert(0, parts.pop(int(rng.integers(1, len(parts)))))
    return ", ".join(parts)


def _in_batches(model: Model, recipes: list[Recipe]) -> list[Recipe]:
    """Recipes that can be denoised together side by side."""
    return sorted(recipes, key=lambda r: repr(batch_key(model, r)))
