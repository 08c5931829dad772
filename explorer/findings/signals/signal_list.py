"""What each memorisation signal is, in words; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SignalInfo:
    """A signal of a prompt alone (no subject, no collection); its value has no fixed scale across models."""

    name: str
    label: str
    paper: str
    better: str  # "higher": which direction speaks for memorisation; all of these rise
    low: float  # the value's smallest possible
    plain: str  # what it measures, in one sentence
    blind_to: str
    needs: tuple[str, ...] = ()  # "guidance" | "two steps" | "images" | "gradients"


WEN = "Wen et al. 2024, Detecting, explaining, and mitigating memorization in diffusion models (ICLR)"
SIGNALS: dict[str, SignalInfo] = {s.name: s for s in (
    SignalInfo("wen_first", "Prompt's pull, first step", WEN, "higher", 0.0,
               "How far the prompt moves the network's noise prediction at the first step.",
               "A prompt can pull hard because it is unusual, not because its image was learned by heart.",
               ("guidance",)),
    SignalInfo("wen", "Prompt's pull, all steps", WEN, "higher", 0.0,
               "How far the prompt moves the network's noise prediction, averaged over all steps.",
               "As at the first step; strong guidance raises it for every prompt.", ("guidance",)),
    SignalInfo("bright_ending", "Bright Ending", "Chen et al. 2025, Exploring local memorization in diffusion "
               "models via Bright Ending attention (ICLR)", "higher", 0.0,
               "The prompt's pull where the picture looks at the end token in the last step.",
               "Networks without cross-attention at their finest level blur its map.",
               ("guidance", "two steps")),
    SignalInfo("end_attention", "Attention to the end token", "Chen et al. 2025, Exploring local memorization "
               "in diffusion models via Bright Ending attention (ICLR)", "higher", 0.0,
               "How much of the picture's attention goes to the end token in the last step, from 0 to 1.",
               "Short prompts leave more attention to the end token than long ones.", ("two steps",)),
    SignalInfo("one_step", "One-step screening", "Webster 2023, A reproducible extraction of training images "
               "from diffusion models", "higher", 0.0,
               "How far a single step from pure noise already moves toward a finished picture.",
               "Flat or very plain pictures are also reached early.", ("guidance",)),
    SignalInfo("curvature", "Sharpness", "Jeon et al. 2025, Understanding and mitigating memorization in "
               "generative models via sharpness of probability landscapes (ICML)", "higher", 0.0,
               "How sharply the prompt bends the model's probability landscape at the starting noise.",
               "Varies by orders of magnitude between seeds; compare averages over the same seeds.",
               ("guidance", "gradients")),
    SignalInfo("clique", "Largest clique", "Carlini et al. 2023, Extracting training data from diffusion "
               "models (USENIX Security)", "higher", 1.0,
               "How many of the prompt's images, from different seeds, are all near copies of each other.",
               "Prompts for very plain pictures give alike images without any memory.", ("images",)),
)}
