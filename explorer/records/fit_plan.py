"""How prompt embeddings are fitted to pictures, the same for every one; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass

GRADIENT_COST = 3  # a forward and a backward pass of the network, in evaluations


@dataclass(frozen=True)
class FitPlan:
    """Each of `steps` steps of Adam looks at `draws` rows a picture: the times by turns, a noise each.

    Times are in thousandths of the way to noise. `noises` different noises come by turns, 0: a new one each time.
    `rate` is Adam's, in units of the embeddings' own spread.
    """

    steps: int = 20
    draws: int = 2
    rate: float = 0.1
    times: tuple[int, ...] = (450, 650, 850)
    noises: int = 0

    @property
    def evaluations(self) -> int:
        """Of the network for one picture: a gradient step counts three times."""
        return self.steps * self.draws * GRADIENT_COST
