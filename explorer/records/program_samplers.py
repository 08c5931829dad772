"""Samplers of k-diffusion programs: what each is called where, and what a program does with it by default.

Plain data, for readers of files and for the sampler alike. Names are compared without case, blanks and dashes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROGRAMS = ("a1111", "comfyui", "invokeai", "diffusers")  # ways of sampling that a recipe can be replayed in

PROGRAM_LABELS = {"a1111": "A1111", "comfyui": "ComfyUI", "invokeai": "InvokeAI", "diffusers": "diffusers"}


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
    looks: int = 1  # network evaluations a step; the last one always takes one


SAMPLERS = (
    ProgramSampler("k_euler", "Euler", ("euler", "k_euler")),
    ProgramSampler("k_euler_a", "Euler a", ("euler a", "euler_ancestral", "k_euler_a", "k_euler_ancestral"),
                   "gaussian", takes_eta=True),
    ProgramSampler("k_heun", "Heun", ("heun", "k_heun"), looks=2),
    ProgramSampler("k_lms", "LMS", ("lms", "k_lms")),
    ProgramSampler("k_dpm_2", "DPM2", ("dpm2", "dpm_2", "k_dpm_2"), "", ("a1111", "comfyui"), "karras", looks=2),
    ProgramSampler("k_dpm_2_a", "DPM2 a", ("dpm2 a", "dpm_2_ancestral", "k_dpm_2_a", "k_dpm_2_ancestral"),
                   "gaussian", ("a1111", "comfyui"), "karras", takes_eta=True, looks=2),
    ProgramSampler("k_dpmpp_2s_a", "DPM++ 2S a", ("dpm++ 2s a", "dpmpp_2s_ancestral", "k_dpmpp_2s_a",
                                                  "k_dpmpp_2s_ancestral"),
                   "gaussian", (), "karras", takes_eta=True, looks=2),
    ProgramSampler("k_dpmpp_2m", "DPM++ 2M", ("dpm++ 2m", "dpmpp_2m", "k_dpmpp_2m"), "", (), "karras"),
    ProgramSampler("k_dpmpp_sde", "DPM++ SDE", ("dpm++ sde", "dpmpp_sde", "dpmpp_sde_gpu", "k_dpmpp_sde"),
                   "brownian", (), "karras", takes_eta=True, looks=2),
    ProgramSampler("k_dpmpp_2m_sde", "DPM++ 2M SDE", ("dpm++ 2m sde", "dpmpp_2m_sde", "dpmpp_2m_sde_gpu",
                                                      "k_dpmpp_2m_sde"),
                   "brownian", (), "exponential", takes_eta=True),
    ProgramSampler("k_dpmpp_2m_sde_heun", "DPM++ 2M SDE Heun",
                   ("dpm++ 2m sde heun", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"), "brownian", (),
                   "exponential", takes_eta=True),
    ProgramSampler("k_dpmpp_3m_sde", "DPM++ 3M SDE", ("dpm++ 3m sde", "dpmpp_3m_sde", "dpmpp_3m_sde_gpu"),
                   "brownian", ("a1111",), "exponential", takes_eta=True),
    ProgramSampler("k_lcm", "LCM", ("lcm",), "gaussian"),
)
BY_KEY = {s.key: s for s in SAMPLERS}
FULL_START = 0.999  # A1111's strongest img2img

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


def schedule_key(name: str) -> str | None:
    """The schedule that a program calls `name`; None if it is none that is known."""
    wanted = name.strip().lower()
    known = _SCHEDULE_NAMES.get(wanted, wanted.replace(" ", "_"))
    return known if known in SCHEDULES else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.strip().lower().replace("ancestral", "a"))


@dataclass(frozen=True)
class Preset:
    """A sampler with its schedule in one program's way: what a search tries. `name` is "key/schedule/program"."""

    name: str
    key: str
    schedule: str
    program: str

    @property
    def label(self) -> str:
        return f"{PROGRAM_LABELS[self.program]}: {BY_KEY[self.key].label}, {self.schedule}"

    @property
    def noise_source(self) -> str:
        """Where the program draws the starting noise, unless it is told otherwise."""
        return "cuda-philox" if self.program == "a1111" else "torch-cpu"

    @property
    def config(self) -> dict[str, str]:
        """The beginning of a recipe's scheduler config."""
        source = step_source(self.program, self.key, on_card=False)
        return {"program": self.program, "schedule": self.schedule} | ({"step_noise": source} if source else {})


def step_source(program: str, key: str, *, on_card: bool) -> str:
    """Where the noise of the steps is drawn, "" for where the start's is.

    ComfyUI draws it on the card, a Brownian path on the CPU but for samplers called "_gpu" (`on_card`); A1111 takes
    its paths from the card whatever its setting says.
    """
    kind = BY_KEY[key].step_noise
    if program == "comfyui" and kind:
        return "torch-cpu" if kind == "brownian" and not on_card else "cuda-philox"
    return "cuda-philox" if kind == "brownian" else ""


PRESET_SCHEDULES = ("normal", "karras", "exponential", "simple", "sgm_uniform", "beta")
PRESETS = {f"{s.key}/{schedule}/{program}": Preset(f"{s.key}/{schedule}/{program}", s.key, schedule, program)
           for program in ("a1111", "comfyui") for s in SAMPLERS for schedule in PRESET_SCHEDULES}


def levels_run(steps: int, strength: float | None, program: str) -> tuple[int, int]:
    """(steps whose levels are made, steps taken of their end) of an img2img at `strength` in this program.

    A1111 takes the last int(strength · steps) + 1 of them; ComfyUI makes int(steps / strength) and takes `steps`.
    """
    if strength is None or (program == "comfyui" and strength > 0.9999):
        return steps, steps
    if program == "comfyui":
        return int(steps / strength), steps
    return steps, min(int(min(strength, FULL_START) * steps), steps - 1) + 1


def evaluations(key: str, steps: int, strength: float | None, program: str = "a1111") -> int:
    """How often a sampler's replay looks at the network, a guided look counted once."""
    return (levels_run(steps, strength, program)[1] - 1) * BY_KEY[key].looks + 1
