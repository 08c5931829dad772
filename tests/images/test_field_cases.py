"""Files as people reported them: each gives its right value, or a sentence that names what is missing.

Which general rule covers which file is told at each table; `tests/benchmarks/bench_field.py` tries generated kin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from explorer.images.imported import recipe_from
from explorer.images.metadata import read_metadata
from explorer.records import Adapter, ModelRef

FOLDER = Path(__file__).with_name("field")
SD1, SDXL = ModelRef("m", "f" * 64, "sd1"), ModelRef("m", "f" * 64, "sdxl")
PLAIN = {"seed": 4242, "steps": 20, "guidance": 7.0, "width_px": 512, "height_px": 768, "sampler": "Euler a"}
BOAT = {
    "seed": 42,
    "steps": 25,
    "guidance": 8.0,
    "sampler": "euler",
    "schedule": "normal",
    "prompt": "a boat, (red:1.3)",
}

# A1111's line: its quoting rule, its mark at a line's start, its last line, whatever stands before and behind.
LINES = {
    "a01_neg_in_prompt.png": PLAIN
    | {"prompt": "poster that says Negative prompt: none, oil paint", "negative_prompt": "blurry, text"},
    "a02_only_neg_marker.png": PLAIN
    | {"prompt": "poster that says Negative prompt: none of it", "negative_prompt": ""},
    "a03_steps_line_in_prompt.png": PLAIN | {"negative_prompt": "fog"},
    "a04_multiline.png": PLAIN
    | {"prompt": "a castle,\non a hill\n\nBREAK\n(moon:1.2)", "negative_prompt": "ugly,\nblurry"},
    "a05_lora_hashes_quoted.png": {"seed": 77, "steps": 25, "guidance": 6.5, "schedule": "Karras", "width_px": 640},
    "a07_hires_prompt_quoted.png": {"seed": 77, "steps": 25, "guidance": 6.5, "width_px": 512, "clip_skip": 2},
    "a09_template_only.png": {"prompt": "a red house", "negative_prompt": "bad", "seed": 77},
    "a10_wildcard_newlines_quoted.png": {"seed": 77, "seed_delta": 31337, "prompt": "a red house"},
    "a11_wildcard_real_newline.png": {"seed": 77, "prompt": "a red house", "negative_prompt": "bad"},
    "a13_sdnext.png": {"tool": "SD.Next", "seed": 1003, "steps": 10, "guidance": 4.0, "rescale": 0.7},
    "a14_sdnext_default_sampler.png": {"tool": "SD.Next", "seed": 1003, "sampler": "", "guidance": 4.0},
    "a15_crlf.png": PLAIN | {"prompt": "a fox"},
    "a16_utf8_itxt.png": PLAIN | {"prompt": 'ein Füchschen, 狐, "zitat"', "negative_prompt": "häßlich"},
    "a17_sameline_neg.png": {"prompt": "a fox", "negative_prompt": "bad hands, blurry", "seed": 4242, "steps": 20},
    "a18_colon_sampler_meta.png": {
        "seed": 2**64 - 1,
        "model_name": "C:mix",
        "eta": 0.67,
        "subseed": 5,
        "resized_from": (512, 512),
        "sampler": "DPM++ 2M SDE",
        "schedule": "Karras",
    },
    "a23_civitai_gen.png": {
        "tool": "Civitai",
        "seed": 99,
        "guidance": 5.0,
        "clip_skip": 2,
        "model_name": "Dream, XL 8",
    },
    "a24_cfg_exp.png": {"guidance": 7.5, "seed": 1},
    "a34_tricky_quote_prompt.png": PLAIN | {"prompt": 'sign reading "Steps: 5, Seed: 6" , tail'},
    "a35_trailing_text.png": PLAIN | {"prompt": "a fox"},
    "f02_fooocus_a1111.png": {"tool": "Fooocus", "seed": 5124052, "width_px": 896, "schedule": "Karras"},
}
# Containers: EXIF in every order and encoding, WebP, GIF, stealth pixels, XMP, EXIF's other fields.
CONTAINERS = {
    "a26_jpeg_usercomment_be.jpg": PLAIN,
    "a27_webp_usercomment_be.webp": PLAIN,
    "a28_webp_usercomment_ascii.webp": PLAIN,
    "a30_jpeg_cjk_usercomment_be.jpg": PLAIN,
    "a33_gif_comment.gif": PLAIN,
    "n04_a1111_stealth_alpha.png": PLAIN,
    "n05_a1111_stealth_rgb.png": PLAIN,
    "f05_fooocus_a1111.jpg": PLAIN,
    "c13_webp_native.webp": BOAT,
    "c14_webp_saver.webp": BOAT,
    "c15_jpeg_usercomment.jpg": BOAT,
    "f04_fooocus_json.jpg": {"tool": "Fooocus", "seed": 5124052, "steps": 30, "guidance": 4.0, "width_px": 896},
    "f06_fooocus_json.webp": {"tool": "Fooocus", "seed": 5124052, "steps": 30, "guidance": 4.0, "width_px": 896},
    "s03_drawthings_xmp.png": {
        "tool": "Draw Things",
        "seed": 1177,
        "steps": 10,
        "guidance": 10.0,
        "width_px": 1152,
        "prompt": "a guitar on a lake",
        "negative_prompt": "-ocean, [sad]",
    },
    "n03_nai_stealth_alpha.png": {
        "tool": "NovelAI",
        "seed": 3735928559,
        "steps": 28,
        "guidance": 5.0,
        "width_px": 832,
        "negative_prompt": "lowres, {bad}",
        "start_image": False,
    },
}
# ComfyUI: the walk from the saving node back, values behind links, several passes in order.
GRAPHS = {
    "c01_plain_euler_normal.png": BOAT | {"width_px": 640, "height_px": 896, "model_name": "v1-5.safetensors"},
    "c02_karras_silent.png": {"sampler": "dpmpp_2m", "schedule": "karras"},
    "c03_nan.png": BOAT,
    "c04_linked_seed.png": {"seed": 987654321},
    "c05_linked_steps_cfg.png": {"steps": 33, "guidance": 4.5},
    "c06_linked_text.png": {"prompt": "a boat from a linked string"},
    "c07_advanced_two_stage_refiner_first.png": {"seed": 721897303308196, "last_step": 20, "first_step": None},
    "c08_hires_second_sampler_first.png": BOAT | {"start_image": False},
    "c09_flux_custom.png": {
        "seed": 219670278747233,
        "steps": 20,
        "schedule": "simple",
        "distilled_guidance": 3.5,
        "width_px": 1024,
        "model_name": "flux1-dev.safetensors",
        "prompt": "a boat in flux",
    },
    "c10_lora_and_clipskip.png": BOAT | {"clip_skip": 2, "model_name": "v1-5.safetensors"},
    "c11_img2img.png": {"start_image": True, "strength": 0.6},
    "c12_no_workflow_api_only.png": BOAT,
    "c17_sdxl_encode.png": {"prompt": "a boat G"},
    "c18_controlnet.png": BOAT,
    "c19_batch_of_four.png": {"batch_size": 4},
    "c20_seed_uint64_max.png": {"seed": 2**64 - 1},
    "c22_subgraph_ids.png": BOAT,
    "c23_links_as_objects.png": BOAT,
    "a25_comfy_image_saver.png": {"tool": "ComfyUI", "seed": 5, "schedule": "karras", "model_hash": "abc"},
}
# Programs that write named values: one table each.
OTHERS = {
    "f01_fooocus_json.png": {"seed": 5124052, "width_px": 896, "height_px": 1152, "model_hash": "aeb7e9e689"},
    "f03_fooocus_mre.png": {"seed": 8834915829939807712, "steps": 30, "guidance": 7.0, "width_px": 1152},
    "i01_invoke_v4.png": {"seed": 9, "clip_skip": 2, "model_name": "dreamy", "rescale": 0.7, "noise": "CPU"},
    "i02_invoke_v3.png": {"strength": 0.6, "start_image": True, "model_name": "sd15"},
    "i03_invoke_sdmeta.png": {"prompt": "a tree", "negative_prompt": "fog, mist", "subseed": 3, "height_px": 576},
    "i04_invoke_dream.png": {
        "prompt": "a tree",
        "negative_prompt": "fog",
        "strength": 0.6,
        "subseed": 3,
        "subseed_strength": 0.2,
        "sampler": "k_euler",
    },
    "i05_invoke_flux.png": {"steps": 4, "distilled_guidance": 4.0},
    "i06_invoke_sd3_no_scheduler.png": {"steps": 30, "guidance": 4.5, "sampler": ""},
    "n02_nai_img2img.png": {"seed": 4028, "strength": 0.69, "start_image": True, "guidance": 12.0},
    "s01_swarm.png": {"tool": "SwarmUI", "seed": 1588, "guidance": 7.0, "schedule": "karras", "width_px": 1024},
    "s02_easydiffusion.png": {
        "tool": "Easy Diffusion",
        "seed": 2435,
        "steps": 25,
        "guidance": 7.5,
        "width_px": 512,
    },
}
# Named by default: what no rule takes and is not known to be harmless stands in the recipe's own list.
NAMED = {
    "a06_hires.png": ("second pass", "Hires upscale", "0.45"),
    "a07_hires_prompt_quoted.png": ("Hires prompt",),
    "a05_lora_hashes_quoted.png": ("inkstyle at 0.8", "other", "neg"),
    "a12_no_sampler_forge_flux.png": ("distilled guidance 3.5", "Module 1"),
    "a13_sdnext.png": ("DPM++ 3M", "Hires force", "ADetailer prompt", "Parser"),
    "a14_sdnext_default_sampler.png": ("sampler (not given)",),
    "a19_inpaint_mask.png": ("starting image", "Mask blur", "Conditional mask weight"),
    "a20_adetailer.png": ("ADetailer model", "ADetailer version"),
    "a21_extras_postproc.png": ("postprocessing", "extras"),
    "a38_face_restoration.png": ("Face restoration", "Batch pos", "batch size 4"),
    "a39_style_ti_ad.png": ("my_ti_word", "VAE", "Tiling", "FreeU Stages"),
    "a40_neg_only_no_neg.png": ("Downcast alphas_cumprod", "NGMS", "Noise Schedule", "Refiner"),
    "a43_tiled_lora_with_alpha.png": ("ink at 0.8", "tiny at -0.3"),
    "a45_upscaled_extras.png": ("postprocessing", "32 × 32"),
    "a47_img2img_alt.png": ("starting image", "Image CFG scale", "Inpaint area"),
    "c07_advanced_two_stage_refiner_first.png": ("ended at step 20", "node 11"),
    "c08_hires_second_sampler_first.png": ("node 12", "node 13", "seed 999"),
    "c10_lora_and_clipskip.png": ("ink.safetensors at 0.8, 0.7", "negative prompt was encoded"),
    "c11_img2img.png": ("starting image",),
    "c17_sdxl_encode.png": ("a boat L", "target_width 1024"),
    "c18_controlnet.png": ("ControlNetApply", "canny.safetensors"),
    "c19_batch_of_four.png": ("batch",),
    "f01_fooocus_json.png": ("sd_xl_offset", "sharpness", "adm_guidance", "expanded prompts"),
    "i01_invoke_v4.png": ("ink at 0.75", "InvokeAI writes them", "dreamy"),
    "i02_invoke_v3.png": ("seamless_x", "starting image"),
    "i03_invoke_sdmeta.png": ("variation",),
    "i04_invoke_dream.png": ("variation", "0.6"),
    "n02_nai_img2img.png": ("starting image", "noise: 0.2"),
    "n03_nai_stealth_alpha.png": ("karras", "v4_prompt", "sm"),
    "r03_a1111_hires.png": ("second pass",),
    "r13_api_denoise07.png": ("denoising strength of 0.7",),
    "r02_a1111_lora.png": ("ink at 0.8",),
    "r10_other_model.png": ("6ce0161689",),
}
# What a recipe takes over: sampler and schedule, noise source, dialect, skipped layers.
TAKEN = {
    "a04_multiline.png": ("k_euler_a", "normal", "cuda-philox", "a1111"),
    "a06_hires.png": ("k_dpmpp_2m", "karras", "torch-cpu", "a1111"),
    "a12_no_sampler_forge_flux.png": ("k_euler", "simple", "cuda-philox", "a1111"),
    "a41_dpmpp_sde.png": ("k_dpmpp_sde", "karras", "cuda-philox", "a1111"),
    "a42_sampler_suffix_auto.png": ("k_dpmpp_2m", "karras", "cuda-philox", "a1111"),
    "a36_dpm_upper.png": ("k_euler_a", "normal", "cuda-philox", "a1111"),
    "a40_neg_only_no_neg.png": ("k_euler_a", "normal", "cuda-philox", "a1111-no-norm"),
    "r09_emphasis_none.png": ("k_euler_a", "normal", "cuda-philox", "a1111-no-norm"),
    "c02_karras_silent.png": ("k_dpmpp_2m", "karras", "torch-cpu", "comfyui"),
    "c01_plain_euler_normal.png": ("k_euler", "normal", "torch-cpu", "comfyui"),
    "s01_swarm.png": ("k_dpmpp_2m", "karras", "torch-cpu", "comfyui"),
    "r04_invoke.png": ("euler", None, "torch-cpu", "plain"),
    "r11_compel.png": ("euler", None, "torch-cpu", "plain"),
    "i01_invoke_v4.png": ("dpmpp_2m", None, "torch-cpu", "plain"),
    "a37_pndm_names.png": ("pndm", None, "cuda-philox", "a1111"),
}
EVERY = sorted(p.name for p in FOLDER.iterdir())
EMPTY = {"a31_avif_usercomment.avif"}  # made without its text


def read(name):
    return read_metadata((FOLDER / name).read_bytes()).generation


@pytest.mark.parametrize("name", [*LINES, *CONTAINERS, *GRAPHS, *OTHERS])
def test_the_right_values(name):
    first = read(name)[0]
    expected = (LINES | CONTAINERS | GRAPHS | OTHERS)[name]
    assert {key: getattr(first, key) for key in expected} == expected


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_replayed_is_named(name):
    told = recipe_from(read(name)[0], SD1).not_replayable
    assert [words for words in NAMED[name] if not any(words in part for part in told)] == []


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_recipe_takes_over(name):
    recipe = recipe_from(read(name)[0], SD1)
    assert (recipe.scheduler, recipe.scheduler_config.get("schedule"), recipe.noise_source,
            recipe.dialect) == TAKEN[name]


@pytest.mark.parametrize("name", [n for n in EVERY if n not in EMPTY])
def test_every_file_gives_a_recipe_or_a_sentence(name):
    found = read(name)
    assert found
    if name == "a22_empty_prompt.png":
        with pytest.raises(Exception, match="a prompt"):
            recipe_from(found[0], SD1)
        return
    recipe = recipe_from(found[0], SD1)
    assert recipe.seed == found[0].seed and recipe.steps == found[0].steps
    if name.startswith("r0") and name not in ("r02_a1111_lora.png", "r03_a1111_hires.png", "r04_invoke.png",
                                              "r07_size_small.png"):
        assert recipe.not_replayable == ()  # nothing is invented either


def test_clip_skip_acts_only_where_the_program_lets_it():
    """A1111 and Fooocus skip nothing on SDXL, whatever the file says; SD 1 skips."""
    one = read("a07_hires_prompt_quoted.png")[0]
    assert recipe_from(one, SD1).clip_skip == 1 and recipe_from(one, SDXL).clip_skip == 0
    fooocus = recipe_from(read("f01_fooocus_json.png")[0], SDXL)
    assert fooocus.clip_skip == 0 and not any("clip skip" in part for part in fooocus.not_replayable)


def test_an_adapter_of_the_model_in_use_is_no_longer_named():
    """By name and weight, or by hash; at another weight it stays named."""
    one = read("r02_a1111_lora.png")[0]
    with_it = ModelRef("m", "f" * 64, "sd1", (Adapter("ink.safetensors", "a" * 64, "lora", 0.8),))
    recipe = recipe_from(one, with_it)
    assert recipe.not_replayable == () and "<lora" not in recipe.prompt
    other = ModelRef("m", "f" * 64, "sd1", (Adapter("ink.safetensors", "a" * 64, "lora", 0.5),))
    assert any("ink" in part for part in recipe_from(one, other).not_replayable)


def test_an_adapter_of_the_model_in_use_that_the_file_does_not_name_is_named():
    """Unless the file is our own and names the model by its fingerprint, which is over the adapters as well."""
    one = read("r01_a1111_ok.png")[0]
    with_it = ModelRef("m", "f" * 64, "sd1", (Adapter("ink.safetensors", "a" * 64, "lora", 0.8),))
    assert any("the adapter ink.safetensors at 0.8" in part for part in recipe_from(one, with_it).not_replayable)
    ours = replace(one, model_hash="f" * 10)
    assert not any("adapter" in part for part in recipe_from(ours, with_it).not_replayable)


def test_a_hires_pass_that_is_switched_off_is_none():
    told = recipe_from(read("i03_invoke_sdmeta.png")[0], SD1).not_replayable
    assert not any("second pass" in part for part in told)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("f04_fooocus_json.jpg", "replayed as ComfyUI does"),
        ("a23_civitai_gen.png", "replayed as ComfyUI does"),
        ("s02_easydiffusion.png", "Easy Diffusion samples in its own ways"),
        ("n02_nai_img2img.png", "NovelAI's service"),
    ],
)
def test_a_program_that_is_replayed_as_another_is_said_to_be(name, words):
    assert any(words in part for part in recipe_from(read(name)[0], SD1).not_replayable)


@pytest.mark.parametrize(("program", "scheduler", "noise"), [
    ("", "k_euler_a", "cuda-philox"), ("a1111", "k_euler_a", "cuda-philox"), ("comfyui", "k_euler_a", "torch-cpu"),
    ("invokeai", "euler_a", "torch-cpu"), ("diffusers", "euler_a", "torch-cpu")])
def test_another_programs_way_can_be_asked_for_and_is_named(program, scheduler, noise):
    recipe = recipe_from(read("r01_a1111_ok.png")[0], SD1, program=program)
    assert (recipe.scheduler, recipe.noise_source) == (scheduler, noise)
    assert any("as was asked for" in part for part in recipe.not_replayable) == (program not in ("", "a1111"))
