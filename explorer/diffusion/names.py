"""Limits and costs that screens share with the sampler; nothing heavy here."""

from explorer.records.families import facts
from explorer.records.program_samplers import BY_KEY, PRESETS, evaluations
from explorer.records.samplers import SAMPLERS

GUIDANCE_RANGE = (0.0, 30.0)
STEPS_RANGE = (1, 1000)


def unet_evaluations(scheduler: str, *, steps: int, guidance: float, strength: float | None = None,
                     family: str = "sd1") -> int:
    """Network evaluations of one replay: a guided step counts twice; some samplers call once more."""
    known, preset = facts(family), PRESETS.get(scheduler)
    if preset is not None or scheduler in BY_KEY:  # which count img2img's steps their own way, and guide below 1
        key, program = (preset.key, preset.program) if preset else (scheduler, "a1111")
        return evaluations(key, steps, strength, program) * (2 if guidance != 1.0 else 1)
    calls = known.steps_run(steps, strength)
    if steps > 1 and scheduler in SAMPLERS:
        calls = SAMPLERS[scheduler].looks * (calls - 1) + 1 + SAMPLERS[scheduler].extra_calls
    return calls * known.passes(guidance)
