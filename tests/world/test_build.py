"""A very small world, from SVG and PNG files to a folder that the pipeline loads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.errors import ExplorerError
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest
from explorer.world_build import autoencoder_train, build_world, clip_train, unet_train
from explorer.world_build.data import labels_of
from explorer.world_build.truth import epoch

SVG = """<svg xmlns="http://www.w3.org/2000/svg"><metadata>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:cc="http://web.resource.org/cc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><cc:Work rdf:about=""><dc:title>{title}</dc:title>
<dc:creator><cc:Agent><dc:title>{creator}</dc:title></cc:Agent></dc:creator>
<dc:subject><rdf:Bag><rdf:li>animal</rdf:li><rdf:li>word {n}</rdf:li></rdf:Bag></dc:subject>
<cc:license rdf:resource="http://web.resource.org/cc/{licence}"/></cc:Work></rdf:RDF></metadata></svg>"""
WORKS = 40


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """40 works by 8 creators, one more that is not free, one broken PNG."""
    root, rng = tmp_path_factory.mktemp("package"), np.random.default_rng(0)
    for folder in ("svg/animals", "png/animals"):
        (root / folder).mkdir(parents=True)
    for n in range(WORKS + 2):
        licence = "GPL" if n == WORKS else "PublicDomain"
        svg = SVG.format(title=f"beast {n}", creator=f"Artist {n % 8}", n=n, licence=licence)
        (root / f"svg/animals/beast_{n}.svg").write_text(svg)
        pixels = rng.integers(0, 256, (6, 4, 4), dtype=np.uint8)
        pixels[..., 3] = 255
        Image.fromarray(pixels, "RGBA").resize((60, 90), Image.Resampling.NEAREST).save(
            root / f"png/animals/beast_{n}.png"
        )
    (root / f"png/animals/beast_{WORKS + 1}.png").write_bytes(b"\x89PNG cut short")
    return root


@pytest.fixture(scope="module")
def made(source, tmp_path_factory):
    """The data stage's world."""
    out = tmp_path_factory.mktemp("world")
    build_world.build(stage="data", out=out, source_root=source, cache=out / "cache")
    return open_world(out, out / "cache")


def test_data_stage(made):
    rows = read_manifest(made)
    assert WORKS - 3 <= len(rows) <= WORKS  # chance may make two of them near copies
    assert {r["split"] for r in rows} >= {"train", "tuning", "control", "test", "stranger"}
    assert rows[0]["caption"].startswith("beast ") and ", by Artist " in rows[0]["caption"]
    assert sum(1 for _ in epoch(labels_of(rows), 0)) == sum(r["multiplicity"] for r in rows)


def test_training_stages(made, monkeypatch):
    monkeypatch.setattr(unet_train, "BLOCKS", (32, 32))
    for module in (clip_train, autoencoder_train, unet_train):
        plan = dataclasses.replace(module.PLAN, minutes=0.01, batch=8, compile=False)
        monkeypatch.setattr(module, "PLAN", plan)
    for stage in ("clip", "autoencoder"):
        build_world.build(stage=stage, out=made.root, device="cpu", cache=made.cache)
    with pytest.raises(ExplorerError, match="before the UNet"):
        build_world.build(stage="unet", out=made.root, device="cpu", cache=made.cache)
    made.near_copy.write_text('{"absolute": 0.2, "margin": 0.8}')
    facts = build_world.build(stage="unet", out=made.root, device="cpu", cache=made.cache)["training"]
    assert facts["unet"]["steps"] >= 1 and facts["clip"]["works"] < WORKS
    before = facts["unet"]["steps"]
    spent_s = torch.load(made.checkpoint("unet"), weights_only=True)["spent_s"]
    longer = dataclasses.replace(unet_train.PLAN, minutes=(spent_s + 1) / 60)
    monkeypatch.setattr(unet_train, "PLAN", longer)
    again = build_world.build(stage="unet", out=made.root, device="cpu", cache=made.cache)["training"]
    assert again["unet"]["steps"] > before  # went on from its checkpoint

    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(made.diffusion)
    assert pipe("beast 1", num_inference_steps=1, output_type="np").images.shape == (1, 64, 64, 3)


def test_a_damaged_checkpoint_is_named(made):
    made.checkpoint("clip").write_bytes(b"not a checkpoint")
    with pytest.raises(ExplorerError, match="Delete it"):
        build_world.build(stage="clip", out=made.root, device="cpu", cache=made.cache)


def test_no_package(tmp_path):
    with pytest.raises(ExplorerError, match="apt install"):
        build_world.build(stage="data", out=tmp_path, source_root=tmp_path / "nowhere")
