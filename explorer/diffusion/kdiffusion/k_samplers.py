"""k-diffusion's samplers (Katherine Crowson and contributors, MIT licence), each as a generator.

A sampler yields (x, sigma) where it wants the network to look and is sent the denoised picture; it returns the
last x. So a caller can take one evaluation at a time. `x` is (n, c, h, w), `sigmas` (steps + 1,) falling to 0,
`noise(sigma, sigma_next)` gives standard normal noise of x's shape for the step between two levels.
Karras et al. 2022 (Euler, Heun), Lu et al. 2022 (DPM-Solver++).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from itertools import pairwise

import torch
from scipy import integrate

Noise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Sampling = Generator[tuple[torch.Tensor, torch.Tensor], torch.Tensor, torch.Tensor]
Denoise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def run(sampling: Sampling, denoise: Denoise) -> torch.Tensor:
    """The sampler's last x with `denoise(x, sigma)` as the network."""
    try:
        x, sigma = next(sampling)
        while True:
            x, sigma = sampling.send(denoise(x, sigma))
    except StopIteration as end:
        return end.value


def to_d(x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> torch.Tensor:
    """Karras' derivative dx/dsigma at x."""
    return (x - denoised) / sigma


def ancestral(sigma: torch.Tensor, sigma_next: torch.Tensor, eta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(level to step down to, level of noise to add) of an ancestral step."""
    if not eta:
        return sigma_next, torch.zeros_like(sigma_next)
    up = torch.minimum(sigma_next, eta * (sigma_next ** 2 * (sigma ** 2 - sigma_next ** 2) / sigma ** 2) ** 0.5)
    return (sigma_next ** 2 - up ** 2) ** 0.5, up


def euler(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """Euler's method."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        x = x + to_d(x, sigma, denoised) * (after - sigma)
    return x


def euler_a(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """Euler's method with noise added at every step but the last."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        x = x + to_d(x, sigma, denoised) * (down - sigma)
        if after > 0:
            x = x + noise(sigma, after) * up
    return x


def heun(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """Heun's method: the slope's mean over the step; the last step is Euler's."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        d = to_d(x, sigma, denoised)
        if after > 0:
            ahead = x + d * (after - sigma)
            denoised = yield ahead, after
            d = (d + to_d(ahead, after, denoised)) / 2
        x = x + d * (after - sigma)
    return x


def dpm_2(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """The slope in the middle of each step, the middle taken in log sigma."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        d = to_d(x, sigma, denoised)
        if after > 0:
            mid = sigma.log().lerp(after.log(), 0.5).exp()
            ahead = x + d * (mid - sigma)
            denoised = yield ahead, mid
            d = to_d(ahead, mid, denoised)
        x = x + d * (after - sigma)
    return x


def dpm_2_a(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """`dpm_2` with noise added at every step."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        d = to_d(x, sigma, denoised)
        if down > 0:
            mid = sigma.log().lerp(down.log(), 0.5).exp()
            ahead = x + d * (mid - sigma)
            denoised = yield ahead, mid
            d = to_d(ahead, mid, denoised)
            x = x + d * (down - sigma) + noise(sigma, after) * up
        else:
            x = x + d * (down - sigma)
    return x


def lms(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0, order: int = 4) -> Sampling:
    """Linear multistep over the last `order` slopes."""
    levels, slopes = sigmas.double().cpu().numpy(), []
    for i, sigma in enumerate(sigmas[:-1]):
        denoised = yield x, sigma
        slopes = [*slopes, to_d(x, sigma, denoised)][-order:]
        now = min(i + 1, order)
        x = x + sum(_weight(now, levels, i, j) * d for j, d in enumerate(reversed(slopes)))
    return x


def _weight(order: int, t: object, i: int, j: int) -> float:
    """The integral over step i of Lagrange's polynomial j of the last `order` levels."""
    def basis(tau: float) -> float:
        return math.prod((tau - t[i - k]) / (t[i - j] - t[i - k]) for k in range(order) if k != j)
    return integrate.quad(basis, t[i], t[i + 1], epsrel=1e-4)[0]


def dpmpp_2m(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """DPM-Solver++(2M)."""
    before, h_before = None, None
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        h = sigma.log() - after.log()
        shown = denoised
        if before is not None and after > 0:
            r = h_before / h
            shown = (1 + 1 / (2 * r)) * denoised - (1 / (2 * r)) * before
        x = (after / sigma) * x - (-h).expm1() * shown
        before, h_before = denoised, h
    return x


def dpmpp_2s_a(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """DPM-Solver++(2S) with noise added at every step but the last."""
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        down, up = ancestral(sigma, after, eta)
        if down > 0:
            h = sigma.log() - down.log()
            mid = (sigma.log() - h / 2).exp()
            denoised = yield (mid / sigma) * x - (-h / 2).expm1() * denoised, mid
            x = (down / sigma) * x - (-h).expm1() * denoised
        else:
            x = x + to_d(x, sigma, denoised) * (down - sigma)
        if after > 0:
            x = x + noise(sigma, after) * up
    return x


def dpmpp_sde(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """DPM-Solver++ (SDE), with a look at the middle of each step; noise of both halves from one path.

    Levels go through minus log sigma and back as in k-diffusion: the path is read to six decimals.
    """
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            x = x + to_d(x, sigma, denoised) * (after - sigma)
            continue
        t, t_after = sigma.log().neg(), after.log().neg()
        begin, mid, end = (level.neg().exp() for level in (t, t + (t_after - t) * 0.5, t_after))
        down, up = ancestral(begin, mid, eta)
        ahead = (down.log().exp() / begin) * x - (t - down.log().neg()).expm1() * denoised
        denoised = yield ahead + noise(begin, mid) * up, mid  # the middle's alone counts: k-diffusion's r is 1/2
        down, up = ancestral(begin, end, eta)
        x = (down.log().exp() / begin) * x - (t - down.log().neg()).expm1() * denoised
        x = x + noise(begin, end) * up
    return x


def dpmpp_2m_sde(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0,
                 heun: bool = False) -> Sampling:
    """DPM-Solver++(2M) SDE, by midpoint or Heun's rule."""
    before, h_before = None, None
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        h = sigma.log() - after.log()
        part = (-h - eta * h).expm1().neg()
        x = after / sigma * (-eta * h).exp() * x + part * denoised
        if before is not None:
            rule = part / (-h - eta * h) + 1 if heun else 0.5 * part
            x = x + rule * (h / h_before) * (denoised - before)
        if eta:
            x = x + noise(sigma, after) * after * (-2 * eta * h).expm1().neg().sqrt()
        before, h_before = denoised, h
    return x


def dpmpp_2m_sde_heun(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """`dpmpp_2m_sde` by Heun's rule."""
    return (yield from dpmpp_2m_sde(x, sigmas, noise, eta, heun=True))


def dpmpp_3m_sde(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """DPM-Solver++(3M) SDE."""
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []  # (denoised, h) of the last two steps, the nearer first
    for sigma, after in pairwise(sigmas):
        denoised = yield x, sigma
        if after == 0:
            return denoised
        h = sigma.log() - after.log()
        wide = h * (eta + 1)
        x = torch.exp(-wide) * x + (-wide).expm1().neg() * denoised + _history(denoised, h, wide, seen)
        if eta:
            x = x + noise(sigma, after) * after * (-2 * h * eta).expm1().neg().sqrt()
        seen = [(denoised, h), *seen][:2]
    return x


def _history(denoised: torch.Tensor, h: torch.Tensor, wide: torch.Tensor,
             seen: list[tuple[torch.Tensor, torch.Tensor]]) -> torch.Tensor | float:
    """What the steps before add to a step of `dpmpp_3m_sde`."""
    if not seen:
        return 0.0
    phi_2 = wide.neg().expm1() / wide + 1
    r = [step / h for _, step in seen]
    near = (denoised - seen[0][0]) / r[0]
    if len(seen) == 1:
        return phi_2 * near
    far = (seen[0][0] - seen[1][0]) / r[1]
    first = near + (near - far) * r[0] / (r[0] + r[1])
    return phi_2 * first - (phi_2 / wide - 0.5) * (near - far) / (r[0] + r[1])


def lcm(x: torch.Tensor, sigmas: torch.Tensor, noise: Noise, eta: float = 1.0) -> Sampling:
    """Latent consistency: the denoised picture, noised again to the next level."""
    for sigma, after in pairwise(sigmas):
        x = yield x, sigma
        if after > 0:
            x = x + noise(sigma, after) * after
    return x


SAMPLERS: dict[str, Callable[..., Sampling]] = {
    "k_euler": euler, "k_euler_a": euler_a, "k_heun": heun, "k_lms": lms, "k_dpm_2": dpm_2, "k_dpm_2_a": dpm_2_a,
    "k_dpmpp_2m": dpmpp_2m, "k_dpmpp_2s_a": dpmpp_2s_a, "k_dpmpp_sde": dpmpp_sde, "k_dpmpp_2m_sde": dpmpp_2m_sde,
    "k_dpmpp_2m_sde_heun": dpmpp_2m_sde_heun, "k_dpmpp_3m_sde": dpmpp_3m_sde, "k_lcm": lcm}
