"""Samplers of k-diffusion programs: what each is called where, and what a program does with it by default.

Plain data, for readers of files and for the sampler alike. Names are compared without case, blanks and dashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROGRAMS = ("a1111", "comfyui", "invokeai", "diffusers")  # ways of sampling that a recipe can be replayed in


@dataclass(frozen=True)
class ProgramSampler:
    """One sampler. `key` is a recipe's scheduler; `names` are others' names for it."""

    key: str
    label: str
    names: tuple[str, ...]
    step_noise: str = ""  # "" | "gaussian" | "brownian"
    drops: tuple[str, ...] = ()  # programs that leave the last level but one out
    a1111_schedule: str = ""  # what "Automatic" means since A1111 1.9; "" for the model's own levels
    takes_eta: bool = False
    invoke: str = ""  # InvokeAI's name


SAMPLERS = (
    ProgramSampler("k_euler", "Euler", ("euler", "k_euler", "ddim (comfyui)")),
    ProgramSampler(
        "k_euler_a",
        "Euler a",
        ("euler a", "euler_ancestral", "k_euler_a", "k_euler_ancestral", "euler ancestral"),
        "gaussian",
        takes_eta=True,
    ),
    ProgramSampler("k_heun", "Heun", ("heun", "k_heun")),
    ProgramSampler("k_lms", "LMS", ("lms", "k_lms")),
    ProgramSampler(
        "k_dpm_2", "DPM2", ("dpm2", "dpm_2", "k_dpm_2"), drops=("a1111", "comfyui"), a1111_schedule="karras"
    ),
    ProgramSampler(
        "k_dpm_2_a",
        "DPM2 a",
        ("dpm2 a", "dpm_2_ancestral", "k_dpm_2_a", "k_dpm_2_ancestral"),
        "gaussian",
        ("a1111", "comfyui"),
        "karras",
        takes_eta=True,
    ),
    ProgramSampler(
        "k_dpmpp_2s_a",
        "DPM++ 2S a",
        ("dpm++ 2s a", "dpmpp_2s_ancestral", "k_dpmpp_2s_a", "k_dpmpp_2s_ancestral"),
        "gaussian",
        (),
        "karras",
        True,
    ),
    ProgramSampler("k_dpmpp_2m", "DPM++ 2M", ("dpm++ 2m", "dpmpp_2m", "k_dpmpp_2m"), a1111_schedule="karras"),
    ProgramSampler(
        "k_dpmpp_sde",
        "DPM++ SDE",
        ("dpm++ sde", "dpmpp_sde", "dpmpp_sde_gpu", "k_dpmpp_sde"),
        "brownian",
        (),
        "karras",
        True,
    ),
    ProgramSampler(
        "k_dpmpp_2m_sde",
        "DPM++ 2M SDE",
        ("dpm++ 2m sde", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "k_dpmpp_2m_sde"),
        "brownian",
        (),
        "exponential",
        True,
    ),
    ProgramSampler(
        "k_dpmpp_2m_sde_heun",
        "DPM++ 2M SDE Heun",
        ("dpm++ 2m sde heun", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"),
        "brownian",
        (),
        "exponential",
        True,
    ),
    ProgramSampler(
        "k_dpmpp_3m_sde",
        "DPM++ 3M SDE",
        ("dpm++ 3m sde", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu"),
        "brownian",
        ("a1111",),
        "exponential",
        True,
    ),
    ProgramSampler("k_lcm", "LCM (k-diffusion)", ("lcm",), "gaussian"),
)
BY_KEY = {s.key: s for s in SAMPLERS}

# What diffusers' own schedulers are called in other programs: key -> names.
DIFFUSERS_NAMES = {
    "euler": ("euler", "k_euler"), "euler_a": ("euler a", "euler_a", "euler_ancestral", "k_euler_a"),
    "ddim": ("ddim",), "dpmpp_2m": ("dpm++ 2m", "dpmpp_2m", "k_dpmpp_2", "dpm++"), "pndm": ("plms", "pndm"),
    "heun": ("heun", "k_heun"), "lms": ("lms", "k_lms"), "dpm_2": ("dpm2", "kdpm_2", "k_dpm_2"),
    "dpm_2_a": ("dpm2 a", "kdpm_2_a", "k_dpm_2_a"), "dpmpp_2m_sde": ("dpm++ 2m sde", "dpmpp_2m_sde"),
    "dpmpp_sde": ("dpm++ sde", "dpmpp_sde"), "dpmpp_2s": ("dpmpp_2s",), "unipc": ("unipc", "uni_pc", "uni pc"),
    "lcm": ("lcm",)}

SCHEDULES = ("normal", "karras", "exponential", "polyexponential", "sgm_uniform", "simple", "ddim_uniform", "beta",
             "kl_optimal", "linear_quadratic", "align_your_steps")
_SCHEDULE_NAMES = {
    "uniform": "normal",
    "sgm uniform": "sgm_uniform",
    "sgmuniform": "sgm_uniform",
    "ddim": "ddim_uniform",
    "native": "karras",
    "kl optimal": "kl_optimal",
    "align your steps": "align_your_steps",
    "ays": "align_your_steps",
    "linear quadratic": "linear_quadratic",
}
OFFERED_SCHEDULES = ("normal", "karras", "exponential", "polyexponential", "sgm_uniform", "simple", "ddim_uniform",
                     "beta", "kl_optimal")


def sampler_key(name: str) -> str | None:
    """The k-diffusion sampler that a program calls `name`; None if it is another kind."""
    wanted = _plain(name)
    return next((s.key for s in SAMPLERS if wanted in {_plain(n) for n in s.names}), None) if wanted else None


def diffusers_key(name: str) -> str | None:
    """The scheduler of diffusers that a program calls `name`; None if there is none."""
    wanted = _plain(name)
    return next((k for k, names in DIFFUSERS_NAMES.items() if wanted in {_plain(n) for n in names}),
                None) if wanted else None


def schedule_key(name: str) -> str | None:
    """The schedule that a program calls `name`; None if it is none that is known."""
    wanted = name.strip().lower()
    known = _SCHEDULE_NAMES.get(wanted, wanted.replace(" ", "_"))
    return known if known in SCHEDULES else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.strip().lower().replace("ancestral", "a"))
