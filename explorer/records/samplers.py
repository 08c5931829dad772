"""Every sampler that is offered, one row each: screens, imports and the sampling loop read this table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.records.program_samplers import BY_KEY, PRESETS
from explorer.texts import say


@dataclass(frozen=True)
class Sampler:
    """How latents go from one noise level to the next.

    `made_of` is its class in diffusers, `arguments` the parts of that class's config that make it this sampler,
    `elsewhere` what other programs call it (lower case, blanks as underscores). `flow` and `flow_arguments` are the
    same for families that learned a flow from noise to image; "" where diffusers has no such thing.
    """

    key: str  # as recipes hold it
    label: str
    made_of: str
    elsewhere: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    extra_calls: int = 0  # of the network, in a run of several steps
    looks: int = 1  # of the network a step; the last one takes one
    unscaled: bool = False  # latents are x0 + σ·noise; otherwise they keep unit variance
    draws: bool = False  # fresh noise on the way; otherwise all follow one path from the same noise
    flow: str = ""
    flow_arguments: dict[str, Any] = field(default_factory=dict)

    def for_family(self, flow: bool) -> tuple[str, dict[str, Any]]:
        """Class and arguments for a flow family or another; the class is "" where there is none."""
        return (self.flow, self.flow_arguments) if flow else (self.made_of, self.arguments)


_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
SAMPLERS: dict[str, Sampler] = {
    s.key: s
    for s in (
        Sampler(
            "euler",
            "Euler",
            "EulerDiscreteScheduler",
            ("euler", "k_euler", "flowmatcheulerdiscretescheduler"),
            unscaled=True,
            flow="FlowMatchEulerDiscreteScheduler",
        ),
        Sampler(
            "euler_a",
            "Euler a",
            "EulerAncestralDiscreteScheduler",
            ("euler_a", "euler_ancestral", "k_euler_a"),
            unscaled=True,
            draws=True,
        ),
        Sampler("ddim", "DDIM", "DDIMScheduler", ("ddim", "ddim_v3")),
        Sampler(
            "dpmpp_2m",
            "DPM++ 2M",
            "DPMSolverMultistepScheduler",
            ("dpm++_2m", "dpmpp_2m", "dpm_plus_plus_2m", "k_dpmpp_2m", "k_dpmpp_2"),
            flow="DPMSolverMultistepScheduler",
            flow_arguments=_FLOW,
        ),
        Sampler(
            "unipc",
            "UniPC",
            "UniPCMultistepScheduler",
            ("unipc", "uni_pc", "uni_pc_bh2"),
            flow="UniPCMultistepScheduler",
            flow_arguments=_FLOW,
        ),
        Sampler("pndm", "PNDM", "PNDMScheduler", ("pndm", "plms"), {"skip_prk_steps": True}, extra_calls=1),
        Sampler("lcm", "LCM", "LCMScheduler", ("lcm",), draws=True),
        Sampler("heun", "Heun", "HeunDiscreteScheduler", ("heun", "k_heun"), looks=2, unscaled=True),
        Sampler("lms", "LMS", "LMSDiscreteScheduler", ("lms", "k_lms"), unscaled=True),
        Sampler(
            "dpm_2",
            "DPM2",
            "KDPM2DiscreteScheduler",
            ("dpm2", "dpm_2", "kdpm_2", "k_dpm_2"),
            looks=2,
            unscaled=True,
        ),
        Sampler(
            "dpm_2_a",
            "DPM2 a",
            "KDPM2AncestralDiscreteScheduler",
            ("dpm2_a", "dpm_2_a", "dpm_2_ancestral", "kdpm_2_a", "k_dpm_2_a"),
            looks=2,
            unscaled=True,
            draws=True,
        ),
        Sampler("dpmpp_2s", "DPM++ 2S", "DPMSolverSinglestepScheduler", ("dpm++_2s", "dpmpp_2s")),
    )
}
OWN_SAMPLER = "own"  # of a family that runs through its pipeline's own call
_ELSEWHERE = {name: s.key for s in reversed(SAMPLERS.values()) for name in (*s.elsewhere, s.made_of.lower())}


def sampler_called(name: str) -> str | None:
    """The key of the sampler that another program calls `name`; None for one that is not offered."""
    return _ELSEWHERE.get(name.strip().lower().replace(" ", "_"))


def sampler_label(key: str) -> str:
    """A sampler's name for people; the key itself where it is not known."""
    if key == OWN_SAMPLER:
        return say("note.records.model_own")
    if key in PRESETS:
        return PRESETS[key].label
    if key in BY_KEY:
        return f"{BY_KEY[key].label} (k-diffusion)"
    return SAMPLERS[key].label if key in SAMPLERS else key


def offered(flow: bool) -> list[str]:
    """Names of the samplers for a flow family, or for another: diffusers', other programs' and their presets."""
    programs = [] if flow else [*BY_KEY, *PRESETS]
    return [key for key, sampler in SAMPLERS.items() if sampler.for_family(flow)[0]] + programs
