"""Limits and costs that screens share with the sampler; nothing heavy here."""

from explorer.records.samplers import SAMPLERS

GUIDANCE_RANGE = (0.0, 30.0)
STEPS_RANGE = (1, 1000)


def steps_run(steps: int, strength: float | None) -> int:
    """Steps that img2img at `strength` leaves of `steps` (diffusers' rule); all of them without one."""
    return steps if strength is None else min(int(steps * strength), steps)


def unet_evaluations(scheduler: str, *, steps: int, guidance: float, strength: float | None = None) -> int:
    """Network evaluations of one replay: a guided step counts twice; some samplers call once more."""
    calls = steps_run(steps, strength)
    if steps > 1 and scheduler in SAMPLERS:
        calls += SAMPLERS[scheduler].extra_calls
    return calls * (2 if guidance > 1.0 else 1)
