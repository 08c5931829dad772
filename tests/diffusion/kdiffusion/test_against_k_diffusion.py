"""The real thing: every sampler, schedule and noise beside the k-diffusion package, over the same networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from k_diffusion import external, sampling

from explorer.diffusion.kdiffusion import k_samplers, noises, schedules
from explorer.diffusion.schedulers import predicted_x0

SHAPE = (2, 4, 8, 8)
CONFIG = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
THEIRS = {"k_euler": "sample_euler", "k_euler_a": "sample_euler_ancestral", "k_heun": "sample_heun",
          "k_lms": "sample_lms", "k_dpm_2": "sample_dpm_2", "k_dpm_2_a": "sample_dpm_2_ancestral",
          "k_dpmpp_2m": "sample_dpmpp_2m", "k_dpmpp_2s_a": "sample_dpmpp_2s_ancestral",
          "k_dpmpp_sde": "sample_dpmpp_sde", "k_dpmpp_2m_sde": "sample_dpmpp_2m_sde",
          "k_dpmpp_2m_sde_heun": "sample_dpmpp_2m_sde", "k_dpmpp_3m_sde": "sample_dpmpp_3m_sde"}
BROWNIAN = ("k_dpmpp_sde", "k_dpmpp_2m_sde", "k_dpmpp_2m_sde_heun", "k_dpmpp_3m_sde")
SPACED = ("normal", "karras", "exponential", "sgm_uniform", "simple", "beta", "kl_optimal", "ddim_uniform")


class Net(torch.nn.Module):
    """A small network over (x, t), with the interface that k-diffusion's wrappers expect."""

    def __init__(self, alphas_cumprod: torch.Tensor) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.alphas_cumprod = alphas_cumprod
        self.inner = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.SiLU(),
                                         torch.nn.Conv2d(8, 4, 3, padding=1))

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.inner(x) + 0.1 * torch.sin(t.float() / 100).view(-1, 1, 1, 1)

    def apply_model(self, x: torch.Tensor, t: torch.Tensor, cond: object = None) -> torch.Tensor:
        return self.forward(x, t)


@pytest.fixture(scope="module")
def levels() -> schedules.Levels:
    return schedules.Levels.of(CONFIG)


@pytest.fixture(scope="module")
def net(levels: schedules.Levels) -> Net:
    return Net(1 / (levels.sigmas ** 2 + 1)).requires_grad_(False)


def their_model(net: Net, kind: str, *, whole: bool) -> torch.nn.Module:
    if kind == "epsilon":
        return external.CompVisDenoiser(net, quantize=whole)
    return external.CompVisVDenoiser(net, quantize=whole)


def ours(net: Net, kind: str, levels: schedules.Levels, *, whole: bool):
    def denoise(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        t = levels.timestep(sigma.reshape(1), whole=whole)
        out = net(x / (sigma ** 2 + 1) ** 0.5, t.expand(x.shape[0]))
        return predicted_x0(out, x, (1.0, float(sigma)), kind)
    return denoise


def start(sigmas: torch.Tensor) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(5)) * sigmas[0]


@pytest.mark.parametrize("schedule", SPACED)
@pytest.mark.parametrize("key", THEIRS)
def test_latents_equal(key, schedule, levels, net):
    """Every sampler over every schedule: latents equal to 1e-4 of the levels' first."""
    sigmas = schedules.sigmas_of(schedule, levels, 7, program="a1111")
    x = start(sigmas)
    options = {"solver_type": "heun"} if key.endswith("heun") and "2m_sde" in key else {}
    if key in BROWNIAN:
        options["noise_sampler"] = sampling.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(),
                                                                     seed=[11, 12])
    elif key.endswith("_a"):
        generator = torch.Generator().manual_seed(9)
        options["noise_sampler"] = lambda a, b: torch.randn(SHAPE, generator=generator)
    theirs = getattr(sampling, THEIRS[key])(their_model(net, "epsilon", whole=False), x, sigmas, disable=True,
                                            **options)
    if key in BROWNIAN:
        paths = [noises.BrownianNoise(sigmas, seed, SHAPE[1:], "torch-cpu") for seed in (11, 12)]

        def noise(a, b):
            return torch.stack([path(a, b) for path in paths])
    else:
        again = torch.Generator().manual_seed(9)

        def noise(a, b):
            return torch.randn(SHAPE, generator=again)
    mine = k_samplers.run(k_samplers.SAMPLERS[key](x, sigmas, noise), ours(net, "epsilon", levels, whole=False))
    assert torch.isfinite(mine).all()
    assert (mine - theirs).abs().max() <= 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_predictions_and_rounding_equal(kind, whole, levels, net):
    sigmas = schedules.sigmas_of("karras", levels, 6, program="a1111")
    x = start(sigmas)
    theirs = sampling.sample_dpmpp_2m(their_model(net, kind, whole=whole), x, sigmas, {"cond": None}, disable=True)
    mine = k_samplers.run(k_samplers.dpmpp_2m(x, sigmas, None), ours(net, kind, levels, whole=whole))
    assert (mine - theirs).abs().max() <= 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("eta", [0.0, 0.3, 0.67, 1.0])
@pytest.mark.parametrize("key", ["k_euler_a", "k_dpm_2_a", "k_dpmpp_2s_a", "k_dpmpp_sde", "k_dpmpp_2m_sde",
                                 "k_dpmpp_3m_sde"])
def test_eta_is_theirs(key, eta, levels, net):
    sigmas = schedules.sigmas_of("karras", levels, 6, program="a1111")
    x = start(sigmas)
    path = sampling.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(), seed=[4, 5])
    theirs = getattr(sampling, THEIRS[key])(
        their_model(net, "epsilon", whole=False), x, sigmas, disable=True, eta=eta, noise_sampler=path
    )
    mine = k_samplers.run(k_samplers.SAMPLERS[key](x, sigmas, path, eta), ours(net, "epsilon", levels, whole=False))
    assert (mine - theirs).abs().max() <= 1e-4 * max(1.0, float(theirs.abs().max()))


def test_schedules_equal(levels, net):
    wrapped = their_model(net, "epsilon", whole=False)
    low, high = levels.low, levels.high
    for n in (1, 2, 5, 20, 30):
        for theirs, name in ((sampling.get_sigmas_karras(n, low, high), "karras"),
                             (sampling.get_sigmas_exponential(n, low, high), "exponential"),
                             (sampling.get_sigmas_polyexponential(n, low, high), "polyexponential"),
                             (wrapped.get_sigmas(n), "normal")):
            made = schedules.sigmas_of(name, levels, n, program="a1111")
            torch.testing.assert_close(made, theirs, rtol=1e-5, atol=1e-6)


def test_the_noisiest_level_is_the_programs(levels):
    """k-diffusion starts at t = 999, sigma 14.6, whatever spacing the model's own config has."""
    for name in SPACED:
        if name != "ddim_uniform":
            assert abs(float(schedules.sigmas_of(name, levels, 20, program="a1111")[0]) - 14.6146) < 1e-3
    assert float(levels.timestep(torch.tensor(14.6146), whole=False)) == pytest.approx(999, abs=0.1)


@pytest.mark.parametrize("seed", [0, 1, 77, 2 ** 32 - 1, 2 ** 63 + 11])
def test_brownian_path_is_torchsdes(seed):
    x = torch.zeros(3, 4, 4)
    theirs = sampling.BrownianTreeNoiseSampler(x[None], 0.0291675, 14.614647, seed=[seed])
    mine = noises.BrownianNoise(torch.tensor([14.614647, 0.0291675, 0.0]), seed, (3, 4, 4), "torch-cpu")
    dice = np.random.default_rng(1)
    for a, b in [(14.614647, 7.0), (7.0, 0.0291675), *map(sorted, dice.uniform(0.03, 14.6, (12, 2)).tolist())]:
        pair = torch.tensor(b), torch.tensor(a)
        torch.testing.assert_close(mine(*pair), theirs(*pair)[0], rtol=1e-4, atol=1e-5)
