"""ComfyUI's graphs, walked back from the picture: generated chains with their truth, and what people reported."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.images.settings.comfy import from_graph
from explorer.images.settings.comfy_graph import read_graph
from tests.benchmarks.field_graphs import graph, wrong


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 10 ** 9))
def test_no_silent_wrong_value(number):
    assert wrong(graph(random.Random(number))) == []


def base(**more):
    nodes = {"3": {"class_type": "KSampler", "inputs": {
        "seed": 42, "steps": 25, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0,
        "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "m.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 640, "height": 896, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a boat", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "rain", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["8", 0]}}}
    for number, change in more.items():
        kind, inputs = change
        old = nodes.get(number[1:], {"inputs": {}})["inputs"]
        nodes[number[1:]] = {"class_type": kind, "inputs": old | inputs}
    return nodes


def passes(nodes, **more):
    return from_graph(read_graph(json.dumps(nodes)), **more)


def test_an_unknown_node_is_named_and_its_value_is_not_guessed():
    made, = passes(base(n3=("KSampler", {"seed": ["20", 0]}), n20=("MathExpression", {"a": 3, "b": 4})))
    assert made.seed is None and any("20" in p and "MathExpression" in p for p in made.named)


def test_every_value_that_nothing_uses_is_named():
    made, = passes(base(n3=("KSampler", {"new_option": 0.25}), n4=("CheckpointLoaderSimple", {"config": "odd"})))
    assert any("new_option 0.25" in p for p in made.named) and any("config odd" in p for p in made.named)


def test_a_model_patch_and_another_autoencoder_are_named():
    made, = passes(base(n3=("KSampler", {"model": ["30", 0]}), n30=("PerturbedAttentionGuidance", {
        "scale": 3.0, "model": ["4", 0]}), n8=("VAEDecode", {"vae": ["31", 0]}), n31=("VAELoader", {
            "vae_name": "other.safetensors"})))
    assert any("PerturbedAttentionGuidance" in p and "3.0" in p for p in made.named)
    assert any("other.safetensors" in p for p in made.named) and made.model_name == "m.safetensors"


def test_the_branch_that_was_saved_is_taken():
    """Another sampler stands first in the file and is only shown."""
    nodes = {"1": {"class_type": "KSampler", "inputs": {
        "seed": 1, "steps": 3, "cfg": 1.0, "sampler_name": "ddim", "scheduler": "simple", "denoise": 1.0, "model": [
            "4", 0], "positive": ["7", 0], "negative": ["6", 0], "latent_image": ["5", 0]}},
        "2": {"class_type": "VAEDecode", "inputs": {"samples": ["1", 0], "vae": ["4", 2]}},
        "10": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}}} | base()
    made, = passes(nodes)
    assert (made.seed, made.prompt, made.steps) == (42, "a boat", 25) and made.named == ()


def test_two_saving_nodes_are_told_apart_by_size_or_said():
    extra = dict(  # noqa
        n21=("EmptyLatentImage", {"width": 64, "height": 64, "batch_size": 1}),
        n22=(
            "KSampler",
            {
                "seed": 9,
                "steps": 5,
                "cfg": 2.0,
                "sampler_name": "ddim",
                "scheduler": "simple",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["21", 0],
            },
        ),
        n23=("VAEDecode", {"samples": ["22", 0], "vae": ["4", 2]}),
        n24=("SaveImage", {"filename_prefix": "y", "images": ["23", 0]}),
    )
    assert (
        passes(base(**extra), size=(64, 64))[0].seed == 9 and passes(base(**extra), size=(640, 896))[0].seed == 42
    )
    assert any("several nodes saved" in p for p in passes(base(**extra))[0].named)


def test_splits_of_the_noise_levels_are_steps():
    nodes = base(n3=("SamplerCustom", {"add_noise": True, "noise_seed": 5, "cfg": 3.0, "sampler": ["40", 0],
                                       "sigmas": ["41", 1]}), n40=("KSamplerSelect", {"sampler_name": "dpmpp_2m"}),
                 n41=("SplitSigmas", {"sigmas": ["42", 0], "step": 7}),
                 n42=("BasicScheduler", {"scheduler": "karras", "steps": 20, "denoise": 1.0, "model": ["4", 0]}))
    for key in ("seed", "steps", "sampler_name", "scheduler", "denoise"):
        nodes["3"]["inputs"].pop(key)
    made, = passes(nodes)
    assert (made.seed, made.first_step, made.schedule, made.steps) == (5, 7, "karras", 20)


@pytest.mark.parametrize(
    "text",
    [
        '{"1": {"class_type": "KSampler", "inputs": {"latent_image": ["1", 0], "seed": 1}}}',
        '{"1": {"class_type": "SaveImage", "inputs": {"images": ["9", 0]}}}',
        "{}",
        "[]",
        "[[[",
        '{"nodes": [{"id": 1, "type": "KSampler", "widgets_values": [1, 2]}], "links": [[1]]}',
        '{"1": {"class_type": "Reroute", "inputs": {"": ["1", 0]}}, "2": {"class_type": '
        '"SaveImage", "inputs": {"images": ["1", 0]}}}',
        '{"nodes": "x", "links": 3}',
    ],
)
def test_broken_graphs_never_raise(text):
    read = read_graph(text)
    assert read is None or isinstance(from_graph(read), list)


def test_values_typed_at_a_subgraph_reach_its_inside():
    inner = {"id": "sub", "inputs": [{"name": "seed"}], "outputs": [{"name": "IMAGE"}], "nodes": [
        {"id": 1, "type": "CheckpointLoaderSimple", "inputs": [], "widgets_values": ["m.safetensors"]},
        {"id": 2, "type": "CLIPTextEncode", "inputs": [{"name": "clip", "link": 10}], "widgets_values": ["a boat"]},
        {"id": 3, "type": "EmptyLatentImage", "inputs": [], "widgets_values": [64, 64, 1]},
        {"id": 4, "type": "KSampler", "inputs": [
            {"name": "model", "link": 11}, {"name": "positive", "link": 12}, {"name": "negative", "link": 13},
            {"name": "latent_image", "link": 14}, {"name": "seed", "widget": {"name": "seed"}, "link": 15}],
         "widgets_values": [1, "fixed", 20, 7.0, "euler", "karras", 1.0]},
        {"id": 5, "type": "VAEDecode", "inputs": [{"name": "samples", "link": 16}], "widgets_values": []}],
        "links": [[10, 1, 1, 2, 0, "CLIP"], [11, 1, 0, 4, 0, "MODEL"], [12, 2, 0, 4, 1, "C"], [13, 2, 0, 4, 2, "C"],
                  [14, 3, 0, 4, 3, "L"], [15, -10, 0, 4, 4, "INT"], [16, 4, 0, 5, 0, "L"], [17, 5, 0, -20, 0, "I"]]}
    flow = {
        "nodes": [
            {
                "id": 57,
                "type": "sub",
                "inputs": [{"name": "seed", "widget": {"name": "seed"}}],
                "widgets_values": [777],
            },
            {"id": 60, "type": "SaveImage", "inputs": [{"name": "images", "link": 90}], "widgets_values": []},
        ],
        "links": [[90, 57, 0, 60, 0, "IMAGE"]],
        "definitions": {"subgraphs": [inner]},
    }
    made, = passes(flow)
    assert (made.seed, made.steps, made.schedule, made.width_px) == (777, 20, "karras", 64)
