"""The sweep over flow families runs, here over tiny networks on the processor."""

from __future__ import annotations

import pytest

from explorer.diffusion.published_flows import FLOWS
from tests.benchmarks.gpu_flows import PIPELINES, loaded, sweep
from tests.diffusion.families import tiny_flows


@pytest.mark.parametrize("family", ["sd3", "flux", "chroma", "qwen", "zimage", "klein"])
def test_a_family_is_swept_beside_its_limit(family, tmp_path):
    tiny = tiny_flows.pipeline(family, tmp_path)
    rows = {role: dict(getattr(tiny, role).config) | {"_class_name": type(getattr(tiny, role)).__name__}
            for role in ("transformer", "vae", "scheduler")}
    model = loaded(family, "cpu", steps=2, rows=rows, size_px=32)
    found = sweep(model, (1, 2), "cpu")
    assert list(found) == ["1", "2"] and all(row["share_of_limit"] > 0 for row in found.values())


def test_every_flow_family_with_one_network_is_covered():
    assert set(PIPELINES) == {"sd3", "flux", "schnell", "qwen", "zimage", "chroma", "klein"}
    assert all(name in FLOWS for name in PIPELINES)
