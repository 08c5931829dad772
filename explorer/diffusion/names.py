"""Limits and costs that screens share with the sampler; nothing heavy here."""

from explorer.diffusion.families.catalogue import facts
from explorer.records.samplers import SAMPLERS

GUIDANCE_RANGE = (0.0, 30.0)
STEPS_RANGE = (1, 1000)


def unet_evaluations(scheduler: str, *, steps: int, guidance: float, strength: float | None = None,
                     family: str = "sd1") -> int:
    """Network evaluations of one replay: a guided step counts twice; some samplers call once more."""
    known = facts(family)
    calls = known.steps_run(steps, strength)
    if steps > 1 and scheduler in SAMPLERS:
        calls += SAMPLERS[scheduler].extra_calls
    return calls * known.passes(guidance)
