import numpy as np
import pytest
import torch

from explorer.diffusion.denoising import NoiseLevels, denoising_errors, latents_of, noises
from explorer.diffusion.word_fitting import FitPlan, fit_words
from explorer.errors import ExplorerError
from tests.diffusion import kinds_of_model, tiny

PLAN = FitPlan(steps=8, draws=2, rate=0.3, times=(300, 700), noises=2)
WORDS = ("a red boat", "")


@pytest.fixture(scope="module", params=kinds_of_model.KINDS)
def model(request, tmp_path_factory):
    return kinds_of_model.model(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def latents(model):
    draw = np.random.default_rng(3)
    side = max(tiny.SIZE_PX, model.family.size_steps[0] * 2)
    return latents_of(model, [draw.integers(0, 256, (side, side, 3), np.uint8) for _ in WORDS])


def test_fitted_words_lower_the_error_on_the_picture_that_they_were_fitted_to(model, latents):
    fitted = fit_words(model, latents, WORDS, plan=PLAN, seed=5)
    before = denoising_errors(model, latents, WORDS, times=PLAN.times, seeds=(5, 6))
    after = denoising_errors(model, latents, WORDS, times=PLAN.times, seeds=(5, 6), text=fitted.text)
    assert after.shape == (2, 2, 2) and (after.mean((1, 2)) < before.mean((1, 2))).all()
    assert fitted.losses.shape == (8, 2) and (fitted.losses[-2:].mean(0) < fitted.losses[:2].mean(0)).all()
    assert fitted.evaluations == 8 * 2 * 3


def test_a_picture_is_fitted_alike_whoever_is_beside_it_and_whenever(model, latents):
    together = fit_words(model, latents, WORDS, plan=PLAN, seed=5, batch=8)
    alone = fit_words(model, latents[:1], WORDS[:1], plan=PLAN, seed=5, batch=2)
    other = fit_words(model, latents[:1], WORDS[:1], plan=PLAN, seed=6, batch=2)
    assert torch.allclose(together.text[:1, :alone.text.shape[1]], alone.text, atol=2e-3)
    assert not torch.allclose(other.text, alone.text, atol=2e-3)


def test_a_prediction_that_is_the_target_has_no_error(model, latents):
    """With x = a·picture + s·noise, the picture can be had back from the sample and the target at every time."""
    levels, noise = NoiseLevels(model), noises(model, latents, (1,)).repeat(len(latents), 1, 1, 1)
    for time in (100, 500, 850):
        alpha, sigma, _ = levels.at(time)
        seen = levels.noised(latents, noise, [time] * len(latents))
        kind = "flow" if levels.flow else model.scheduler_config["prediction_type"]
        part, of_target = {"flow": (1, 1), "epsilon": (1 / alpha, 1 / alpha), "v_prediction": (alpha, 1)}[kind]
        back = part * seen.samples.float() - of_target * sigma * seen.targets
        assert torch.allclose(back, latents.float(), atol=1e-3)


def test_a_model_that_only_its_own_call_runs_says_so(tmp_path):
    with pytest.raises(ExplorerError, match="tiny three"):
        NoiseLevels(tiny.other_model(tmp_path))
