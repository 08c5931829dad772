"""What a family of models does between words, latents and pixels; the loop, searches and signals ask only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from explorer.diffusion.families.latent_space import LatentSpace
from explorer.diffusion.schedulers import Schedule
from explorer.errors import ExplorerError
from explorer.records import PromptRead, Recipe
from explorer.records.families import facts

CACHED_PROMPTS = 64


@dataclass(frozen=True, eq=False)
class Words:
    """Encoded prompts of a batch: the network's keyword arguments beside latents and time.

    `given` has the rows with the prompt, `empty` those without it (None where no second pass is taken); a network
    that takes both at once finds them in `both`, [without…, with…].
    """

    given: dict[str, Any]
    empty: dict[str, Any] | None = None
    both: dict[str, Any] | None = None

    @property
    def paired(self) -> bool:
        """Whether the network is asked with the prompt and without it."""
        return self.empty is not None

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Words:
        """Every tensor changed: cloned for gradients, say, or in another precision."""
        return Words(*(_each(part, change) for part in (self.given, self.empty, self.both)))

    def alone(self, text: torch.Tensor | None = None) -> Words:
        """The half with the prompt, with `text` (n, t, d) in place of its own embeddings where that is given."""
        return Words(self.given if text is None else self.given | {"encoder_hidden_states": text})

    def reworded(self, text: torch.Tensor) -> Words:
        """The same with `text` (1, t, d) in place of every prompt's own embeddings, the negative ones kept.

        Of `text` as many tokens count as the prompts have; pooled embeddings, where there are any, stay the
        prompts'.
        """
        own = self.given["encoder_hidden_states"]
        text = text[:, :own.shape[1]].to(own.device, own.dtype).expand(len(own), -1, -1)
        both = self.both
        if both is not None:
            both = both | {"encoder_hidden_states": torch.cat([self.empty["encoder_hidden_states"], text])}
        return Words(self.given | {"encoder_hidden_states": text}, self.empty, both)

    @property
    def text(self) -> torch.Tensor:
        """(n, t, d) embeddings of the prompts."""
        return self.given["encoder_hidden_states"]


def _each(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if isinstance(value, dict):
        return {k: _each(v, change) for k, v in value.items()}
    return change(value) if isinstance(value, torch.Tensor) else value


class Family(LatentSpace, ABC):
    """A loaded pipeline's parts under one interface. Latents are (n, c, h, w) throughout."""

    def __init__(self, pipe: Any, name: str, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__(pipe, dtype)
        self.facts, self.device, self.dtype = facts(name), device, dtype
        self._encoded: dict[Any, Any] = {}
        self._keeping = True

    @property
    def name(self) -> str:
        return self.facts.key

    @property
    @abstractmethod
    def latent_shape(self) -> tuple[int, int]:
        """(channels, pixels a latent cell)."""

    @property
    def size_steps(self) -> tuple[int, int]:
        """(what width and height must be multiples of, what they are best multiples of) in pixels."""
        return self.latent_shape[1], self.latent_shape[1]

    def guided(self, guidance: float) -> bool:
        """Whether this guidance takes a second pass without the prompt."""
        return self.facts.passes(guidance) == 2

    def check(self, recipe: Recipe) -> None:
        """ExplorerError for what this family's sampler cannot do."""
        facts = self.facts
        refused = {"prompt weights": recipe.dialect != "plain" and not facts.weights,
                   "clip skip": recipe.clip_skip and not facts.clip_skip,
                   "a negative prompt": recipe.negative_prompt and not facts.negative}
        wrong = [name for name, asked in refused.items() if asked]
        if wrong:
            raise ExplorerError("diffusion.family_not_take", label=facts.label, wrong=" or ".join(wrong))

    def schedule(self, steps: int, *, height_px: int, width_px: int) -> Schedule | None:
        """What this family asks of a scheduler at this size; None for one that asks nothing."""
        return None

    @abstractmethod
    def encode(self, recipes: Sequence[Recipe], *, paired: bool, shared: bool = False) -> Words:
        """The prompts of recipes of one size, with the negative ones where `paired`; each is encoded once.

        With `shared`, rows that are all equal may come as one.
        """

    @abstractmethod
    def predict(self, latents: torch.Tensor, timestep: torch.Tensor,
                words: Words) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The network's output (n, c, h, w) with the prompt, and without it where `words` are paired.

        `latents` are the scheduler's scaled model input.
        """

    def guide(self, given: torch.Tensor, empty: torch.Tensor | None,
              scale: float | torch.Tensor) -> torch.Tensor:
        """The prediction that a step is taken with; `scale` is one number, or (n, 1, 1, 1).

        Without a second prediction it is the first.
        """
        return given if empty is None else guide(given, empty, scale)

    def remembered(self, key: Any, make: Callable[[], Any]) -> Any:
        """What was made for this key before, among the last few, else what `make` gives."""
        if not self._keeping:
            return make()
        if key not in self._encoded:
            if len(self._encoded) >= CACHED_PROMPTS:
                self._encoded.pop(next(iter(self._encoded)))
            with torch.inference_mode():
                self._encoded[key] = make()
        return self._encoded[key]

    @contextmanager
    def differentiable(self) -> Iterator[None]:
        """Meanwhile prompts are encoded anew, under the gradient mode that holds, and nothing is kept of them."""
        self._keeping = False
        try:
            yield
        finally:
            self._keeping = True

    def forget(self) -> None:
        """Drops what was encoded before: the weights have changed."""
        self._encoded.clear()

    def prompt_read(self, prompt: str, dialect: str = "plain") -> PromptRead | None:
        """The prompt in the model's own tokens, and what of it is not read; None where that is not known."""
        return None

    def word_places(self, prompt: str) -> list[tuple[str, tuple[int, ...]]]:
        """The words of a prompt with the rows of `Words.text` that stand for each; none where that is not known."""
        return []

    def text_attentions(self) -> list[Any]:
        """The attentions from picture to text in which an end token can be looked for; none by default."""
        return []


def guide(given: torch.Tensor, empty: torch.Tensor, scale: float | torch.Tensor) -> torch.Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): from the prediction without the prompt through the other."""
    return empty + scale * (given - empty)


def network_of(pipe: Any) -> torch.nn.Module | None:
    """The part of a pipeline that predicts; None where it has none of the usual name."""
    parts = (pipe.components.get(name) for name in ("unet", "transformer"))
    return next((part for part in parts if part is not None), None)
