"""What a search for words leaves on record: the words found, what each is worth, and the embedding fitted from
them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WordGain:
    """A part of the prompt found, and the share by which the model's error on the picture rises without it."""

    word: str
    gain: float


@dataclass(frozen=True)
class WordsFound:
    """The result of a search for words; `id` is the search's. Errors are the model's own, mean squared.

    `began` is the best of the prompts at hand, `prompt` what was found from it. `embedding_blob` names the code of
    the embedding that was fitted in `steps` steps, of `code_bits` bits.
    """

    id: str
    subject_id: str
    began: str
    first_error: float
    prompt: str
    error: float
    fitted_error: float
    words: tuple[WordGain, ...]
    steps: int
    embedding_blob: str
    code_bits: float
    unet_evaluations: int
