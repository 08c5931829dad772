"""How long one replay took here: of one model, at one size, on one device, in one precision."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.records.families import facts
from explorer.records.policy import Policy


@dataclass(frozen=True)
class Timing:
    """A timed replay: one image at a time, so batches are quicker if anything. Times are seconds of the clock.

    `read_s` is what CLIP takes to read one picture, `words_s` to recover one prompt for it, and `lists_s` what it
    will take to read the lists of words once (0 where it has read them).
    """

    fingerprint: str
    family: str
    size_px: int
    asked: str  # the device in the settings: "auto", "cpu", "cuda", ...
    device: str  # the one that it ran on
    precision: str
    evaluation_s: float  # of the network
    picture_s: float  # beside the steps: reading the words, decoding, comparing
    load_s: float
    clip: str = ""  # fingerprint
    read_s: float = 0.0
    lists_s: float = 0.0
    words_s: float = 0.0
    date: str = ""  # ISO 8601

    def replay_s(self, steps: int, guidance: float) -> float:
        """One replay of so many steps."""
        return steps * facts(self.family).passes(guidance) * self.evaluation_s + self.picture_s

    def work_s(self, policy: Policy) -> float:
        """One picture put through a measured test."""
        recovered = 0 if policy.prompt_from == "caption" else policy.prompts
        return policy.seeds * self.replay_s(policy.steps, policy.guidance) + self._read_s(recovered)

    def known_s(self, evaluations: int, prompts: int) -> float:
        """One picture asked whether the model knows it: so many evaluations, recovered prompts, its encoding."""
        return self.evaluations_s(evaluations) + self.picture_s + self._read_s(prompts)

    def _read_s(self, prompts: int) -> float:
        return self.read_s + prompts * self.words_s

    def evaluations_s(self, evaluations: int) -> float:
        """So many evaluations of the network, without what comes beside them."""
        return evaluations * self.evaluation_s
