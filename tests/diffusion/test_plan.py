"""The plan of memory against networks of published sizes on the meta device, and what it says."""

from __future__ import annotations

import json
import re

import pytest
import torch
import transformers
from safetensors.torch import save_file

from explorer.diffusion.describe import describe_model
from explorer.diffusion.known import KNOWN
from explorer.diffusion.locate import locate
from explorer.diffusion.memory import check_room
from explorer.diffusion.memory_plan import FITS, OFFLOAD, TOO_LARGE, plan, room, told
from explorer.diffusion.published import CONFIGS
from explorer.diffusion.published_flows import FLOWS
from explorer.diffusion.shapes import shape_of, working
from explorer.errors import ExplorerError
from explorer.records.families import facts
from tests.diffusion import tiny
from tests.diffusion.meta import built, empty, numbers, peak_bytes

GB = 1e9
OWN = [known for known in KNOWN if facts(known.family).own_loop]
T5 = {"model_type": "t5", "architectures": ["T5EncoderModel"], "vocab_size": 32128, "d_model": 4096, "d_kv": 64,
      "d_ff": 10240, "num_layers": 24, "num_heads": 64, "feed_forward_proj": "gated-gelu"}
QWEN = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "vocab_size": 151936, "head_dim": 128,
        "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8}
MISTRAL = {"hidden_size": 5120, "intermediate_size": 32768, "num_hidden_layers": 40, "num_attention_heads": 32,
           "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131072, "model_type": "mistral"}
TEXTS = {
    4_762_310_656: T5,
    4_022_468_096: QWEN | {"hidden_size": 2560, "intermediate_size": 9728, "tie_word_embeddings": True},
    8_190_735_360: QWEN | {"hidden_size": 4096, "intermediate_size": 12288, "tie_word_embeddings": False},
    8_292_166_656: {
        "model_type": "qwen2_5_vl", "architectures": ["Qwen2_5_VLForConditionalGeneration"],
        "tie_word_embeddings": False,
        "text_config": {"hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
                        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064},
        "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
                          "out_hidden_size": 3584}},
    24_011_361_280: {
        "model_type": "mistral3", "architectures": ["Mistral3ForConditionalGeneration"],
        "tie_word_embeddings": False, "text_config": MISTRAL,
        "vision_config": {"model_type": "pixtral", "hidden_size": 1024, "num_hidden_layers": 24,
                          "intermediate_size": 4096, "num_attention_heads": 16, "image_size": 1540,
                          "patch_size": 14, "head_dim": 64}},
}


def rows(known):
    return CONFIGS.get(known.family) or FLOWS[known.config or known.family]


def call(name, network, px):
    """The network's call for one image as our loop makes it."""
    config, cells, tokens = network.config, px // 8, (px // 16) ** 2
    text = facts("flux" if name == "chroma" else name).tokens
    if name in CONFIGS:
        added = {"text_embeds": empty(2, 1280), "time_ids": empty(2, 6)}
        more = {"added_cond_kwargs": added} if name == "sdxl" else {}
        return lambda: network(empty(2, 4, cells, cells), empty(1), **more,
                               encoder_hidden_states=empty(2, 77, config.cross_attention_dim))
    if name == "zimage":
        return lambda: network([empty(16, 1, cells, cells)], empty(1), [empty(text, config.cap_feat_dim)])
    given = {"encoder_hidden_states": empty(1, text, config.joint_attention_dim), "timestep": empty(1)}
    if name.startswith("sd3"):
        return lambda: network(hidden_states=empty(1, 16, cells, cells), pooled_projections=empty(1, 2048), **given)
    given["hidden_states"] = empty(1, tokens, config.in_channels)
    if name == "qwen":
        return lambda: network(img_shapes=[[(1, px // 16, px // 16)]], encoder_hidden_states_mask=None, **given)
    axes = 4 if name.startswith(("flux2", "klein")) else 3
    places = {"img_ids": empty(tokens, axes), "txt_ids": empty(text, axes)}
    if name in ("flux", "schnell"):
        given["pooled_projections"] = empty(1, 768)
    if config.get("guidance_embeds", name == "flux2"):
        given["guidance"] = empty(1)
    return lambda: network(**given, **places)


@pytest.mark.parametrize("known", OWN, ids=lambda k: k.key)
def test_known_networks_have_the_published_sizes(known):
    for role in ("unet", "transformer", "vae"):
        if role in known.parts:
            assert numbers(built(rows(known)[role])) == pytest.approx(known.parts[role], rel=0.01)


@pytest.mark.parametrize("size", TEXTS)
def test_text_encoders_have_the_published_sizes(size):
    assert numbers_of_parameters(TEXTS[size]) == pytest.approx(size, rel=0.002)
    assert any(size in known.parts.values() for known in KNOWN)


def numbers_of_parameters(config):
    return sum(p.numel() for p in built(config, library=transformers).parameters())


@pytest.mark.parametrize("name", [*CONFIGS, *FLOWS])
@pytest.mark.parametrize("px", [512, 1024])
def test_working_memory_is_never_underrated_and_never_doubled(name, px):
    row = CONFIGS.get(name) or FLOWS[name]
    network = built(row.get("unet") or row["transformer"])
    family = name.partition("_")[0].replace("sd35", "sd3")
    a_pixel, fixed, decoded = working(dict(network.config), row["vae"], tokens=facts(family).tokens)
    measured = peak_bytes(network, call(family, network, px)) / 2
    assert measured * 0.95 <= a_pixel * px * px + fixed <= 2.2 * measured
    vae = built(row["vae"])
    cells, film = px // 8, (1,) if name == "qwen" else ()
    channels = vae.config.get("latent_channels") or vae.config.z_dim
    drawn = peak_bytes(vae, lambda: vae.decode(empty(1, channels, *film, cells, cells))) / 2
    assert drawn * 0.95 <= decoded * px * px <= 1.5 * drawn


def verdict(key, gb, *, device="cuda", host=256, px=1024, precision="auto"):
    known = next(k for k in KNOWN if k.key == key)
    made = plan(known.shape(), device=device, free_bytes=gb * GB, host_bytes=host * GB, width_px=px, height_px=px,
                precision=precision, flow=facts(known.family).bfloat16)
    return made.verdict, made.place


@pytest.mark.parametrize(("key", "gb", "found"), [
    ("sd15", 8, (FITS, "device")), ("sdxl", 12, (FITS, "device")), ("sdxl", 9, (OFFLOAD, "parts")),
    ("flux_dev", 24, (TOO_LARGE, "layers")), ("flux_dev", 32, (OFFLOAD, "parts")),
    ("flux_dev", 48, (FITS, "device")),
    ("z_image_turbo", 24, (FITS, "device")), ("z_image_turbo", 16, (OFFLOAD, "parts")),
    ("qwen_image", 80, (FITS, "device")), ("qwen_image", 48, (OFFLOAD, "parts")),
    ("flux2_dev", 80, (OFFLOAD, "parts")), ("flux2_dev", 141, (FITS, "device"))])
def test_published_models_on_cards_that_people_have(key, gb, found):
    host = 20 if found[0] == TOO_LARGE else 256
    assert verdict(key, gb, host=host) == found


def test_a_card_too_small_for_a_part_takes_layers_in_turn_and_the_processor_holds_all_or_nothing():
    assert verdict("flux2_dev", 24) == (OFFLOAD, "layers")
    assert verdict("flux2_dev", 24, host=64) == (TOO_LARGE, "layers")
    assert verdict("sd15", 16, device="cpu", px=512) == (FITS, "device")
    assert verdict("qwen_image", 64, device="cpu") == (TOO_LARGE, "device")  # float32 there
    assert verdict("qwen_image", 64, device="cpu", precision="bfloat16") == (FITS, "device")


def test_a_room_is_the_cards_as_its_worker_tells_or_else_the_computers():
    card = room({"device": "cuda", "free_bytes": 24 * GB, "loaded": {}})
    assert card.device == "cuda" and card.free_bytes == 24 * GB
    for told_of in (None, {}, {"device": "cuda"}, {"device": "tpu", "free_bytes": 1}):
        assert room(told_of).device == "cpu" and room(told_of).free_bytes > 0
    assert next(k for k in KNOWN if k.key == "sd15").planned(card).verdict == FITS


def test_precision_and_size_count():
    known = next(k for k in KNOWN if k.key == "qwen_image")

    def made(**more):
        return plan(known.shape(), **({"device": "cuda", "free_bytes": 100 * GB, "width_px": 512, "height_px": 512,
                                       "flow": True} | more))
    assert made().precision == "bfloat16" and made(flow=False).precision == "float16"
    assert made(precision="float32").weights_bytes == 2 * made().weights_bytes
    assert made(width_px=1024, height_px=1024).image_bytes > 3 * made().image_bytes
    assert made().batch > made(width_px=1024, height_px=1024).batch >= 1
    assert "Fits" in told(made()) and "28.8" not in told(made())


def test_the_shape_of_files_on_disk(tmp_path):
    pipe = tiny.pipeline("sdxl", tmp_path / "parts")
    pipe.save_pretrained(tmp_path / "model")
    shape = shape_of(locate(str(tmp_path / "model")))
    assert {p.role: p.numbers for p in shape.parts} == {
        role: numbers(part) for role, part in pipe.components.items() if isinstance(part, torch.nn.Module)}
    assert {p.bits for p in shape.parts} == {32.0}
    file = tmp_path / "one.safetensors"
    half = torch.zeros(7, dtype=torch.float16)
    save_file({"model.diffusion_model.a": half, "first_stage_model.b": torch.zeros(3),
               "cond_stage_model.transformer.c": torch.zeros(2)}, file)
    found = {p.role: (p.numbers, p.bits, p.kind) for p in shape_of(locate(str(file))).parts}
    assert found == {"unet": (7, 16.0, "F16"), "vae": (3, 32.0, "F32"), "text_encoder": (2, 32.0, "F32")}
    assert not shape_of(locate(str(file))).narrow and not shape.narrow


def test_what_no_error_of_the_plan_could_help_is_refused_before_loading(tmp_path, monkeypatch):
    from explorer.diffusion import models
    tiny.pipeline("sd1-kl", tmp_path / "parts").save_pretrained(tmp_path / "model")
    monkeypatch.setattr(models, "free_bytes", lambda device: 1000)
    with pytest.raises(ExplorerError, match="too large for this computer"):
        models.load_model(str(tmp_path / "model"), device="cpu")
    made = plan(shape_of(locate(str(tmp_path / "model"))), device="cpu", free_bytes=0.5 * GB, width_px=32,
                height_px=32)
    check_room(made, "a small one")  # the plan is careful, loading is not refused for it


def test_every_known_model_says_what_is_known_of_it():
    assert 20 <= len(KNOWN) <= 25 and len({k.key for k in KNOWN}) == len({k.id for k in KNOWN}) == len(KNOWN)
    for known in KNOWN:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", known.source) and re.fullmatch(r"20\d\d-\d\d", known.released)
        assert "not published" in known.training or known.cutoff in known.training
        assert known.clip.startswith("open_clip:") and known.clip.removeprefix("open_clip:") in known.interrogation
        assert known.licence and known.size_bytes > 2e9
    clips = {k.family: k.clip for k in KNOWN}
    assert "ViT-L-14" in clips["sd1"] and "ViT-H-14" in clips["sd2"] and "bigG" in clips["sdxl"]


def test_a_model_with_a_card_of_its_own_is_still_described(tmp_path):
    tiny.pipeline("sd1-kl", tmp_path / "parts").save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "afterimage.json").write_text(json.dumps({"default_size_px": 32}))
    assert describe_model(str(tmp_path / "model")).default_size_px == 32
