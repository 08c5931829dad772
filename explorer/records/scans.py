"""What a scan for known seeds leaves on record; light enough for screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

# A seed is named only if chance alone would give such a correlation more rarely: of a thousand images without
# any of the seeds that were tried, one is expected to be given a seed all the same.
CLAIM_BELOW = 0.001
# Seeds named of hidden ones, and of pictures without any that was tried, by `bench_race --only recovery` on
# 2026-11-22: a million seeds, the bundled model 94e774736ade. A stored result, where there is one, says the same.
MEASURED = (28, 100, 0, 1000)
REPEATS_AT = 2 ** 32  # torch's generator on the processor reads the low 32 bits of a seed, and no more


@dataclass(frozen=True)
class SeedMatch:
    """A seed whose starting noise resembles the subject.

    `chance` is the upper bound, after everything that was tried, that any noise at all would correlate so
    well; in [0, 1]. `closeness` is that of its replay with the subject's prompt, {} where none was made.
    """

    seed: int
    source: str
    encoding: str
    correlation: float
    p_one: float
    chance: float
    closeness: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SeedScan:
    """Where a scan of the seeds `first` to `stop` - 1 stands; it goes on from `next_seed`."""

    id: str
    subject_id: str
    model_fingerprint: str
    first: int
    stop: int
    next_seed: int
    tried: int
    sources: tuple[str, ...]
    encodings: tuple[str, ...]
    matches: tuple[SeedMatch, ...] = ()
    tried_before: int = 0  # by earlier scans of the same picture in the case; every chance allows for them

    @property
    def done(self) -> bool:
        return self.next_seed >= self.stop

    @property
    def claims(self) -> tuple[SeedMatch, ...]:
        """The matches that may be named."""
        return tuple(m for m in self.matches if m.chance < CLAIM_BELOW)


def claims_of(scans: Sequence[SeedScan]) -> list[SeedMatch]:
    """What may be named after all scans of one picture, each seed once, the rarest by chance first.

    Every `chance` allows for all tries of all scans, later ones too: each was one more occasion to be wrong.
    """
    tried = sum(scan.tried for scan in scans)
    found: dict[tuple[int, str], SeedMatch] = {}
    for match in (m for scan in scans for m in scan.matches):
        kept = found.get((match.seed, match.source))
        if kept is None or match.p_one < kept.p_one or (match.p_one == kept.p_one and match.closeness):
            found[match.seed, match.source] = match
    bounded = [replace(m, chance=min(1.0, m.p_one * max(1, tried))) for m in found.values()]
    return sorted((m for m in bounded if m.chance < CLAIM_BELOW), key=lambda m: m.p_one)
