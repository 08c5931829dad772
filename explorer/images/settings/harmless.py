"""Which of a file's keys say nothing of the picture, and which belong together when they are named."""

from __future__ import annotations

import re

# Notes on the file, the program, or where words came from that the file also holds in full.
HARMLESS = set("""
app | created date | civitai metadata | date | user | template | negative template | raw prompt | raw negative
prompt | wildcard prompt | wildcard negative prompt | wildcard seed | file includes | aspectratio |
generation_time | generationtime | prep_time | full_negative_prompt | metadata_scheme | created_by | software |
hashes | version | app_id | app_version | signed_hash | session_id | seed_resize | save_to_disk_path |
output_format | output_quality | output_lossless | num_outputs | stream_image_progress |
show_only_filtered_image | block_nsfw | used_random_seed | vram_usage_level | metadata_output_format | images |
iterations | prompt_tags | original_prompt | original_negativeprompt | n_samples | legacy | legacy_uc | ucpreset
| qualitytoggle | extra_noise_seed | backend | lora hashes | ti hashes | styles | performance | creation time |
style_name | modelversionids | sampler_rng
""".replace("\n", " ").strip().split(" | "))
# Switches that are off say nothing either.
OFF = {"false", "none", "off", "disabled", "default (model)", "automatic (none)", "null", "no"}
# Keys whose zero is "not used".
ZERO = set("""
threshold | perlin | sm | ngms | cfg rescale | cfg_rescale | refiner switch | hires steps | mask blur |
clip_guidance_scale | ensd | sharpness | uncond_scale | skip_cfg_above_sigma | uncond_per_vibe |
wonky_vibe_correlation | dynamic_thresholding | seamless | zero_frequency_noise_strength | vaetiling
""".replace("\n", " ").strip().split(" | "))
_SPLIT = re.compile(r"[\s_]+")


def says_nothing(key: str, value: str) -> bool:
    """Whether a key is known not to act on the picture, at this value."""
    name, told = key.strip().lower(), value.strip().lower()
    if name in HARMLESS or told in OFF or told in ("", "[]", "{}", "()", '""'):
        return True
    return name in ZERO and re.fullmatch(r"0+(\.0+)?", told) is not None


def grouped(left: dict[str, str]) -> list[str]:
    """One sentence a key, or one for all keys that begin with the same word ("ADetailer model", …)."""
    groups: dict[str, list[str]] = {}
    for key in left:
        groups.setdefault(_SPLIT.split(key.strip())[0].lower(), []).append(key)
    return [", ".join(f"{key}: {left[key][:80]}" for key in keys) for keys in groups.values()]
