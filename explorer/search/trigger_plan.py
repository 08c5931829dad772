"""How words are searched for from a picture: fixed numbers, the same for a subject and for every control."""

from __future__ import annotations

from dataclasses import dataclass

GRADIENT_COST = 3  # a forward and a backward pass of the network, in evaluations


@dataclass(frozen=True)
class TriggerPlan:
    """What one search for words does.

    Prompts are compared by the model's own error on the picture at `times` (thousandths of the way from picture to
    noise), a noise each. Of at most `prompts` prompts the best is changed in `rounds` rounds of `options` changes;
    then an embedding is fitted from it in at most `steps` steps of `draws` rows (see word_fitting), and coded in
    steps of `code_step` of its spread.
    """

    times: tuple[int, ...] = (450, 650, 850)
    prompts: int = 12
    rounds: int = 3
    options: int = 6
    steps: int = 20
    draws: int = 2
    rate: float = 0.1
    code_step: float = 0.5

    @property
    def looking(self) -> int:
        """Network evaluations of the search among words, at most."""
        return len(self.times) * (self.prompts + self.rounds * (self.options + GRADIENT_COST))

    @property
    def fitting(self) -> int:
        """Network evaluations of fitting the embedding."""
        return self.steps * self.draws * GRADIENT_COST


PLAN = TriggerPlan()
