"""Names and limits that screens share with the sampler; nothing heavy here."""

from explorer.records.program_samplers import BY_KEY, evaluations

SCHEDULERS = {"euler": "EulerDiscreteScheduler", "euler_a": "EulerAncestralDiscreteScheduler",
              "ddim": "DDIMScheduler", "dpmpp_2m": "DPMSolverMultistepScheduler", "pndm": "PNDMScheduler"}
OWN_SCHEDULER = "own"  # of a family that runs through its pipeline's own call
SCHEDULER_LABELS = {"euler": "Euler", "euler_a": "Euler a", "ddim": "DDIM", "dpmpp_2m": "DPM++ 2M",
                    "pndm": "PNDM", OWN_SCHEDULER: "the model's own"}
GUIDANCE_RANGE = (0.0, 30.0)
STEPS_RANGE = (1, 1000)


def steps_run(steps: int, strength: float | None) -> int:
    """Steps that img2img at `strength` leaves of `steps` (diffusers' rule); all of them without one."""
    return steps if strength is None else min(int(steps * strength), steps)


def unet_evaluations(scheduler: str, *, steps: int, guidance: float, strength: float | None = None) -> int:
    """Network evaluations of one replay: a guided step counts twice; PNDM takes one step more."""
    if scheduler in BY_KEY:
        return evaluations(scheduler, steps, strength) * (2 if guidance != 1.0 else 1)
    calls = steps_run(steps, strength) + (1 if scheduler == "pndm" and steps > 1 else 0)
    return calls * (2 if guidance > 1.0 else 1)
