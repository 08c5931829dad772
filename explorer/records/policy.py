"""The fixed settings under which a subject and its controls are searched alike; light enough for screens."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from explorer.errors import ExplorerError
from explorer.records import Effort, ModelInfo
from explorer.records.families import facts

TIERS = (4, 16, 64, 256, 512)  # seeds: error rates are measured at these and at nothing in between
PROMPTS = ("interrogation", "caption")
RECOVERED = 16  # prompts that are recovered for a picture; each gets an equal share of the seeds
STEPS, SAMPLER = 20, "dpmpp_2m"  # of a family that takes noise off, where its maker says nothing else


@dataclass(frozen=True)
class Policy:
    """All that a measured test does, stated before its first replay and the same for every control.

    `prompt_from` "caption" takes the words given with the picture, "interrogation" `prompts` of CLIP's
    nearest terms. `seeds` replays are made, from plain noise, without alignment: the seeds from 0 on, an
    equal share for each prompt. The statistic is the best `score` among them. As it stands it is the bundled
    model's; `policy_for` fits it to another one. `size_px` 0 is the model's own size.
    """

    prompt_from: str = "interrogation"
    seeds: int = 16
    steps: int = 12
    guidance: float = 2.0
    scheduler: str = "ddim"
    score: str = "tiled_l2"
    size_px: int = 0

    @property
    def prompts(self) -> int:
        """How many prompts share the seeds: one caption, or up to 16 recovered ones, as one may miss the words."""
        return 1 if self.prompt_from == "caption" else min(RECOVERED, self.seeds)

    @property
    def words(self) -> str:
        """The words of the test of familiarity that goes beside this one: those that it takes itself."""
        return "caption" if self.prompt_from == "caption" else "recovered"

    @property
    def id(self) -> str:
        """A name for these settings, the same on every machine."""
        more = {"prompts": self.prompts} if self.prompts > 1 else {}
        told = {name: value for name, value in asdict(self).items() if name != "size_px" or value}
        text = json.dumps(told | more, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def effort(self, family: str = "sd1") -> Effort:
        """What one work takes with a model of `family`; a guided step counts as two evaluations."""
        return Effort(self.seeds, self.seeds * self.steps * facts(family).passes(self.guidance), 0.0)

    def for_family(self, family: str) -> Policy:
        """The policy as a family can run it: a flow family takes its own plain sampler in place of DDIM."""
        known = facts(family)
        return replace(self, scheduler=known.walks_back) if known.flow else self


def policy_for(info: ModelInfo, *, prompt_from: str = "interrogation", seeds: int = 16) -> Policy:
    """The policy that fits a model: the bundled one keeps its own, another is run as its family usually is.

    Guidance and size are those that its maker or its family names, and so are the steps of a flow or distilled
    model; a family that takes noise off gets 20 steps of DPM++ 2M (Lu et al. 2022), where 20 to 50 are usual.
    """
    if info.source == "world":
        return Policy(prompt_from, seeds)
    known = facts(info.family)
    usual = known.own_loop and not known.flow and info.default_steps == known.steps
    return Policy(prompt_from, seeds, STEPS if usual else info.default_steps, info.default_guidance,
                  known.walks_back if known.flow else SAMPLER, size_px=info.default_size_px)


def check(policy: Policy) -> Policy:
    """The policy itself; ExplorerError for an effort or a source of prompts that is not offered."""
    if policy.seeds not in TIERS:
        raise ExplorerError("records.policy_measured_test_seeds", seeds=policy.seeds,
                            tiers=", ".join(map(str, TIERS)))
    if policy.prompt_from not in PROMPTS:
        raise ExplorerError("records.policy_prompt_not_offered", prompt_from=policy.prompt_from,
                            prompts=", ".join(PROMPTS))
    return policy


def results_id(policy: Policy, *, model_fingerprint: str, clip_fingerprint: str, source: str) -> str:
    """The name under which the results of one set of controls are kept."""
    text = "\n".join((policy.id, model_fingerprint, clip_fingerprint, source))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
