"""The published configurations of the flow families' networks, autoencoders and schedulers.

With them a file that holds a network alone is told, sized and loaded without the hub. Each row is what the makers'
`config.json` says beyond diffusers' own defaults; sizes are held to the published numbers of parameters by a test.
"""

from __future__ import annotations

from typing import Any

_KL16 = {"_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
         "latent_channels": 16, "norm_num_groups": 32, "act_fn": "silu", "in_channels": 3, "out_channels": 3,
         "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
         "sample_size": 1024, "use_quant_conv": False, "use_post_quant_conv": False, "force_upcast": True}
_KL_FLUX = _KL16 | {"scaling_factor": 0.3611, "shift_factor": 0.1159}
_KL_SD3 = _KL16 | {"scaling_factor": 1.5305, "shift_factor": 0.0609}
_KL_FLUX2 = {"_class_name": "AutoencoderKLFlux2", "block_out_channels": [128, 256, 512, 512]}
_KL_QWEN = {
    "_class_name": "AutoencoderKLQwenImage", "base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2, "temperal_downsample": [False, True, True],
    "latents_mean": [-0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517,
                     -0.3632, -0.1922, -0.9497, 0.2503, -0.2921],
    "latents_std": [2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579,
                    1.6382, 1.1253, 2.8251, 1.916]}

_SHIFTING = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000,
             "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15, "base_image_seq_len": 256,
             "max_image_seq_len": 4096, "shift": 3.0}
_FIXED = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000}

_SD3 = {"_class_name": "SD3Transformer2DModel", "attention_head_dim": 64, "in_channels": 16, "out_channels": 16,
        "joint_attention_dim": 4096, "patch_size": 2, "pooled_projection_dim": 2048, "sample_size": 128,
        "num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 192}
_FLUX = {"_class_name": "FluxTransformer2DModel", "in_channels": 64, "num_layers": 19, "num_single_layers": 38,
         "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 4096,
         "pooled_projection_dim": 768, "axes_dims_rope": [16, 56, 56], "patch_size": 1}
_FLUX2 = {"_class_name": "Flux2Transformer2DModel", "in_channels": 128, "num_layers": 8, "num_single_layers": 48,
          "attention_head_dim": 128, "num_attention_heads": 48, "joint_attention_dim": 15360, "patch_size": 1}

FLOWS: dict[str, dict[str, dict[str, Any]]] = {
    "sd3": {"transformer": _SD3, "vae": _KL_SD3, "scheduler": _FIXED | {"shift": 3.0}},
    "sd35_medium": {
        "transformer": _SD3 | {"pos_embed_max_size": 384, "qk_norm": "rms_norm",
                               "dual_attention_layers": list(range(13))},
        "vae": _KL_SD3, "scheduler": _FIXED | {"shift": 3.0}},
    "sd35_large": {
        "transformer": _SD3 | {"num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432,
                               "qk_norm": "rms_norm"},
        "vae": _KL_SD3, "scheduler": _FIXED | {"shift": 3.0}},
    "flux": {"transformer": _FLUX | {"guidance_embeds": True}, "vae": _KL_FLUX, "scheduler": _SHIFTING},
    "schnell": {"transformer": _FLUX | {"guidance_embeds": False}, "vae": _KL_FLUX,
                "scheduler": _FIXED | {"shift": 1.0}},
    "flux2": {"transformer": _FLUX2, "vae": _KL_FLUX2, "scheduler": _SHIFTING},
    "klein": {
        "transformer": _FLUX2 | {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24,
                                 "joint_attention_dim": 7680, "guidance_embeds": False},
        "vae": _KL_FLUX2, "scheduler": _SHIFTING},
    "klein_9b": {
        "transformer": _FLUX2 | {"num_single_layers": 24, "num_attention_heads": 32, "joint_attention_dim": 12288,
                                 "guidance_embeds": False},
        "vae": _KL_FLUX2, "scheduler": _SHIFTING},
    "qwen": {
        "transformer": {"_class_name": "QwenImageTransformer2DModel", "in_channels": 64, "out_channels": 16,
                        "num_layers": 60, "attention_head_dim": 128, "num_attention_heads": 24,
                        "joint_attention_dim": 3584, "axes_dims_rope": [16, 56, 56], "patch_size": 2},
        "vae": _KL_QWEN,
        "scheduler": _SHIFTING | {"max_image_seq_len": 8192, "max_shift": 0.9, "shift": 1.0,
                                  "shift_terminal": 0.02, "time_shift_type": "exponential"}},
    "zimage": {
        "transformer": {"_class_name": "ZImageTransformer2DModel", "in_channels": 16, "dim": 3840, "n_layers": 30,
                        "n_refiner_layers": 2, "n_heads": 30, "n_kv_heads": 30, "cap_feat_dim": 2560},
        "vae": _KL_FLUX, "scheduler": _FIXED | {"shift": 3.0}},
    "chroma": {
        "transformer": {"_class_name": "ChromaTransformer2DModel", "in_channels": 64, "num_layers": 19,
                        "num_single_layers": 38, "attention_head_dim": 128, "num_attention_heads": 24,
                        "joint_attention_dim": 4096, "axes_dims_rope": [16, 56, 56], "patch_size": 1},
        "vae": _KL_FLUX, "scheduler": _FIXED | {"shift": 1.0, "use_beta_sigmas": True}},
}
