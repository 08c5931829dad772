"""Names and limits that screens share with the sampler; nothing heavy here."""

from explorer.records.program_samplers import BY_KEY, PRESETS, evaluations

SCHEDULERS = {"euler": "EulerDiscreteScheduler", "euler_a": "EulerAncestralDiscreteScheduler",
              "ddim": "DDIMScheduler", "dpmpp_2m": "DPMSolverMultistepScheduler", "pndm": "PNDMScheduler",
              "unipc": "UniPCMultistepScheduler", "lcm": "LCMScheduler", "heun": "HeunDiscreteScheduler",
              "lms": "LMSDiscreteScheduler", "dpm_2": "KDPM2DiscreteScheduler",
              "dpm_2_a": "KDPM2AncestralDiscreteScheduler", "dpmpp_2s": "DPMSolverSinglestepScheduler"}
SECOND_ORDER = ("heun", "dpm_2", "dpm_2_a")  # look at the network twice a step, at the last one once
OWN_SCHEDULER = "own"  # of a family that runs through its pipeline's own call
SCHEDULER_LABELS = {"euler": "Euler", "euler_a": "Euler a", "ddim": "DDIM", "dpmpp_2m": "DPM++ 2M",
                    "pndm": "PNDM", "unipc": "UniPC", "lcm": "LCM", "heun": "Heun", "lms": "LMS", "dpm_2": "DPM2",
                    "dpm_2_a": "DPM2 a", "dpmpp_2s": "DPM++ 2S", OWN_SCHEDULER: "the model's own"}
PROGRAM_LABELS = {p.name: p.label for p in PRESETS.values()}
ALL_LABELS = SCHEDULER_LABELS | {s.key: f"{s.label} (k-diffusion)" for s in BY_KEY.values()} | PROGRAM_LABELS
GUIDANCE_RANGE = (0.0, 30.0)
STEPS_RANGE = (1, 1000)


def steps_run(steps: int, strength: float | None) -> int:
    """Steps that img2img at `strength` leaves of `steps` (diffusers' rule); all of them without one."""
    return steps if strength is None else min(int(steps * strength), steps)


def unet_evaluations(scheduler: str, *, steps: int, guidance: float, strength: float | None = None) -> int:
    """Network evaluations of one replay: a guided step counts twice; PNDM takes one more."""
    preset = PRESETS.get(scheduler)
    if preset is not None:
        return evaluations(preset.key, steps, strength, preset.program) * (2 if guidance != 1.0 else 1)
    if scheduler in BY_KEY:
        return evaluations(scheduler, steps, strength) * (2 if guidance != 1.0 else 1)
    calls = steps_run(steps, strength) + (1 if scheduler == "pndm" and steps > 1 else 0)
    calls = 2 * calls - 1 if scheduler in SECOND_ORDER else calls
    return calls * (2 if guidance > 1.0 else 1)
