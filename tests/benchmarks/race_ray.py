"""One search on a Ray cluster of this machine: two workers against one, and with one of two ended half-way."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from explorer.closeness.pixel_scores import compare
from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.models import Model
from explorer.run import QUIET, Engine
from explorer.search.engine import BatchRoom, BatchUnit, LocalEngine, Made
from explorer.worker.engine.actors import Painter
from explorer.worker.engine.code import code_sha256
from explorer.worker.engine.crew import Crew
from tests.benchmarks.race_works import Settings, Work, recipes
from tests.worker.engine.cluster import cluster

BATCH, TOP, SPARE, TURNS = 8, 10, 6, 3


def ray_figures(model: Model, work: Work, settings: Settings, *, seeds: int) -> dict[str, Any]:
    """Seconds are those of warm actors with a core each; closeness of the nearest is measured again at batch 1."""
    wanted = recipes(model, work, settings, range(seeds))
    units = [BatchUnit(tuple(wanted[first:first + BATCH])) for first in range(0, seeds, BATCH)]
    found = {"here": _scores(work, _done(LocalEngine(model, BatchRoom(BATCH)), units))}
    with cluster(3) as address:
        crews = {size: _crew(address, model, size) for size in (1, 2)}
        seconds, results = _timed(crews, units)
        found |= {f"workers {size}": _scores(work, done) for size, done in results.items()}
        ended = _one_ended(crews[2], units)
        found["one ended"] = _scores(work, ended)
        del crews
        import ray
        ray.shutdown()
    nearest = {name: _nearest(model, work, settings, scores) for name, scores in found.items()}
    made = [recipe.seed for unit, _ in ended for recipe in unit.recipes]
    return {"ray_same_ranking": len({tuple(seeds) for seeds in nearest.values()}) == 1,
            "ray_speed_ratio": round(seconds[1] / seconds[2], 3), "ray_seconds": seconds, "ray_seeds": seeds,
            "ray_cores": os.cpu_count(), "ray_lost": seeds - len(set(made)),
            "ray_twice": len(made) - len(set(made))}


def _timed(crews: dict[int, Crew], units: list[BatchUnit]) -> tuple[dict[int, float], dict[int, list[Any]]]:
    """The shortest of several turns of each crew, taken in turn since other programs come and go."""
    seconds, results = dict.fromkeys(crews, float("inf")), {}
    for _ in range(TURNS):
        for size, crew in crews.items():
            began = time.perf_counter()
            results[size] = _done(crew, units)
            seconds[size] = min(seconds[size], time.perf_counter() - began)
    return seconds, results


def _crew(address: str, model: Model, size: int) -> Crew:
    """Actors that hold the model and have done a unit's like, so that no loading is timed."""
    crew = Crew(address, Painter, model.ref.source, model.precision,
                {"code": code_sha256(), "fingerprint": model.ref.fingerprint}, size=size)
    while len(crew.processes) < size:
        _done(crew, [])
    return crew


def _done(engine: Engine, units: list[BatchUnit]) -> list[tuple[BatchUnit, Made]]:
    results: list[tuple[BatchUnit, Made]] = []
    engine.run(units, lambda unit, made: results.append((unit, made)), run=QUIET)
    return results


def _one_ended(crew: Crew, units: list[BatchUnit]) -> list[tuple[Any, Any]]:
    """The units once more; one of the two processes is ended when half of them are back."""
    results: list[tuple[Any, Any]] = []

    def keep(unit: BatchUnit, made: Made) -> None:
        results.append((unit, made))
        if len(results) == len(units) // 2:
            os.kill(crew.processes[0], signal.SIGKILL)
    crew.run(units, keep, run=QUIET)
    return results


def _scores(work: Work, results: list[tuple[Any, Any]]) -> dict[int, float]:
    return {image.recipe.seed: compare(work.rgb, image.rgb, only=("tiled_l2",))["tiled_l2"]
            for _, made in results for image in made.images}


def _nearest(model: Model, work: Work, settings: Settings, scores: dict[int, float]) -> list[int]:
    """The ten closest seeds after rendering the nearest again one at a time."""
    first = sorted(scores, key=scores.get)[:TOP + SPARE]
    exact = {}
    for recipe in recipes(model, work, settings, first):
        exact[recipe.seed] = compare(work.rgb, exhibit(model, recipe).rgb, only=("tiled_l2",))["tiled_l2"]
    return sorted(exact, key=exact.get)[:TOP]
