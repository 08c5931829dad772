import io

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.diffusion.exhibit import exhibit
from explorer.errors import ExplorerError
from explorer.jobs.tasks import RunSearch
from explorer.records import ReplaySettings, recipe_digest
from explorer.search.expand import expand
from explorer.search.fit_size import fit
from explorer.search.one_search import Given, run_search
from tests.diffusion import tiny
from tests.heard import Heard


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-tiny", tmp_path_factory.mktemp("search"))


def search(model, subject=None, *, settings=None, batch=4, **more):
    settings = settings or ReplaySettings("a red boat", seeds=5, steps=(3,), guidances=(3.0,))
    task = RunSearch("case", "subject", "search", settings)
    recipes = expand(settings, model=model.ref, info=model.info, start_sha256="a" * 64)
    return searched(model, task, recipes, picture() if subject is None else subject, batch=batch, clock=Clock(),
                    **more)


def searched(model, task, recipes, subject, *, encoder=None, done=frozenset(), **more):
    """The summary, and (replay, PNG) of each replay in the order in which they were made."""
    made = []
    given = Given(model, encoder, task, subject, lambda replay, png: made.append((replay, png)), **more)
    return run_search(given, recipes, done=done), made


class Clock:
    """A second a look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def picture(size=48):
    return np.random.default_rng(1).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_every_recipe_becomes_a_scored_replay_and_the_summary_comes_last(model):
    run = Heard()
    summary, made = search(model, run=run)
    found = [r for r, _ in made]
    assert [r.recipe.seed for r in found] == [0, 1, 2, 3, 4]
    assert all(0 <= r.closeness["tiled_l2"] <= 1 and "psnr" in r.closeness for r in found)
    assert summary.state == "done"
    assert summary.effort.tries == 5 and summary.effort.unet_evaluations == 5 * 3 * 2
    best = min(found, key=lambda r: r.closeness["tiled_l2"])
    assert summary.best_replay_id == best.id
    assert run.ticks == 2 * 3  # two batches of three steps
    last = run.reports[-1]
    assert (last.done, last.total, last.best_replay_id) == (5, 5, best.id)
    assert Image.open(io.BytesIO(last.preview_png)).size == (tiny.SIZE_PX, tiny.SIZE_PX)


def test_a_subject_that_the_model_made_is_found_among_the_seeds(model):
    settings = ReplaySettings("a red boat", seeds=4, steps=(3,), guidances=(3.0,))
    secret = expand(settings, model=model.ref, info=model.info)[2]
    summary, made = search(model, exhibit(model, secret).rgb, settings=settings)
    best = {r.id: r for r, _ in made}[summary.best_replay_id]
    assert best.recipe.seed == 2 and best.closeness["tiled_l2"] < 0.01


def test_stored_png_is_the_image_that_was_scored(model):
    replay, png = search(model)[1][0]
    shown = exhibit(model, replay.recipe)
    stored = np.asarray(Image.open(io.BytesIO(png)))
    assert np.abs(stored.astype(int) - shown.rgb).max() <= 1
    assert replay.hashes["noise"] == shown.hashes["noise"]


def test_what_is_done_is_skipped_and_counted(model):
    first = search(model)[1]
    done = {recipe_digest(r.recipe) for r, _ in first[:3]}
    summary, again = search(model, done=done, earlier=[r for r, _ in first[:3]])
    assert [r.recipe.seed for r, _ in again] == [3, 4]
    assert {r.id for r, _ in again} == {r.id for r, _ in first[3:]}
    assert summary.effort.tries == 5
    assert summary.best_replay_id == min(first, key=lambda p: p[0].closeness["tiled_l2"])[0].id


def test_img2img_starts_from_the_subject_and_stays_nearer_at_low_strength(model):
    settings = ReplaySettings("a red boat", seeds=1, strengths=(0.2, 0.9), steps=(10,), guidances=(1.0,))
    found = [r for r, _ in search(model, settings=settings)[1]]
    assert [r.recipe.strength for r in found] == [None, 0.2, 0.9]
    assert found[1].unet_evaluations == 2 and found[2].unet_evaluations == 9


def test_out_of_memory_halves_the_batch_and_keeps_results(model, monkeypatch):
    own, sizes = model.pipe.unet.forward, []

    def small(sample, *args, **kwargs):
        sizes.append(sample.shape[0])
        if sample.shape[0] > 4:  # two guided images fit
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(sample, *args, **kwargs)
    monkeypatch.setattr(model.pipe.unet, "forward", small)
    summary, made = search(model, batch=5)
    assert [r.recipe.seed for r, _ in made] == [0, 1, 2, 3, 4]
    assert summary.state == "done" and max(sizes[1:]) <= 4


def test_out_of_memory_for_one_image_is_told_in_a_sentence(model, monkeypatch):
    def never(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    monkeypatch.setattr(model.pipe.unet, "forward", never)
    with pytest.raises(ExplorerError, match="smaller size"):
        search(model)


def test_cancelling_ends_with_a_summary_of_what_is_there(model):
    run = Heard(when=lambda: any(told.done >= 2 for told in run.reports))
    summary, made = search(model, batch=2, run=run)
    assert summary.state == "cancelled" and summary.planned_tries == 5
    assert summary.effort.tries == len(made) == 2


def test_an_encoder_adds_its_cosine(model):
    class Mean:
        def encode_images(self, images):
            rows = np.stack([i.reshape(-1, 3).mean(0) for i in images]).astype(np.float32)
            return rows / np.linalg.norm(rows, axis=1, keepdims=True)
    settings = ReplaySettings("x", seeds=1, steps=(2,))
    task = RunSearch("case", "subject", "search", settings)
    recipes = expand(settings, model=model.ref, info=model.info)
    _, made = searched(model, task, recipes, picture(), encoder=Mean())
    assert 0 < made[0][0].closeness["clip_cosine"] <= 1.0001


def test_fit_keeps_the_whole_picture():
    wide = np.zeros((20, 40, 3), np.uint8)
    page = fit(wide, height_px=64, width_px=32)
    assert page.shape == (64, 32, 3)
    assert (page[:23] == 255).all() and (page[25:39] < 128).all() and (page[41:] == 255).all()
    assert (fit(wide, height_px=32, width_px=64) == 0).all()


def test_a_glimpse_is_shown_while_the_first_image_forms(model):
    run = Heard()
    search(model, settings=ReplaySettings("a red boat", seeds=1, steps=(5,), guidances=(3.0,)), run=run)
    shown = [told.preview_png for told in run.reports if told.preview_png and not told.done]
    assert shown and Image.open(io.BytesIO(shown[0])).size == (tiny.SIZE_PX, tiny.SIZE_PX)
