"""What open_clip calls the two files of a CLIP folder."""

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
