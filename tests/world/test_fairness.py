"""Whether members can be told from held-out works by anything but the trained model."""

import numpy as np

from explorer.statistics import auc, auc_interval
from explorer.world_build.fairness import out_of_fold


def test_the_classifier_finds_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    member = rng.random(800) < 0.5
    noise = rng.normal(size=(800, 6))
    scores = out_of_fold(noise, member)
    found = auc_interval(scores[member], scores[~member])
    assert found.low <= 0.5 <= found.high
    noise[:, 2] += member
    scores = out_of_fold(noise, member)
    assert auc(scores[member], scores[~member]) > 0.7
