"""What is known of ComfyUI's nodes: which hold values, which sample, which change what passes through them."""

from __future__ import annotations

# Nodes whose output is one of their inputs as it stands (the first that is there); "n:" is of output slot n; "+"
# joins its texts.
VALUES: dict[str, tuple[str, ...]] = {
    "PrimitiveNode": ("value", "value 1"), "PrimitiveInt": ("value",), "PrimitiveFloat": ("value",),
    "PrimitiveString": ("value",), "PrimitiveStringMultiline": ("value",), "PrimitiveBoolean": ("value",),
    "Int": ("Number", "value"), "Float": ("Number", "value"), "INTConstant": ("value",), "FloatConstant": ("value",),
    "StringConstant": ("string",), "StringConstantMultiline": ("string",), "BOOLConstant": ("value",),
    "Seed (rgthree)": ("seed",), "CR Seed": ("seed",), "easy seed": ("seed",), "Seed": ("seed",),
    "Seed Everywhere": ("seed",), "Seed Generator": ("seed",), "SeedGenerator": ("seed",), "easy int": ("value",),
    "easy float": ("value",), "easy string": ("value",), "easy positive": ("positive",),
    "easy negative": ("negative",), "ImpactInt": ("value",), "ImpactFloat": ("value",), "ImpactBoolean": ("value",),
    "CR Integer": ("int_", "value"), "CR Float": ("float_", "value"), "CR Text": ("text",),
    "CR Prompt Text": ("prompt",), "Text Multiline": ("text",), "Text box": ("Text",), "String Literal": ("string",),
    "Text String": ("0:text", "1:text_b", "2:text_c", "3:text_d"), "Simple String": ("string",),
    "Primitive integer [Crystools]": ("int",), "Primitive float [Crystools]": ("float",),
    "Primitive string [Crystools]": ("string",), "Primitive string multiline [Crystools]": ("string",),
    "Primitive boolean [Crystools]": ("boolean",), "JWInteger": ("value",), "JWFloat": ("value",),
    "JWString": ("text",), "JWStringMultiline": ("text",), "Constant Number": ("number",), "Integer": ("value",),
    "Int Literal": ("int",), "Int Literal (Image Saver)": ("int",), "Float Literal (Image Saver)": ("float",),
    "Cfg Literal": ("cfg", "float"), "Cfg Literal (Image Saver)": ("cfg",), "Width/Height Literal": ("int",),
    "String Literal (Image Saver)": ("string",), "Seed Generator (Image Saver)": ("seed",),
    "Sampler Selector": ("sampler_name",), "Scheduler Selector": ("scheduler",),
    "Sampler Selector (Image Saver)": ("sampler_name",), "Scheduler Selector (Image Saver)": ("scheduler",),
    "KSampler Selector": ("sampler_name",), "easy showAnything": ("anything",), "PreviewAny": ("source",),
    "ShowText|pysssss": ("text",), "Display Any (rgthree)": ("source",), "ttN text": ("text",), "ttN int": ("int",),
    "ttN float": ("float",), "ttN seed": ("seed",), "ImpactWildcardProcessor": ("populated_text",),
    "Checkpoint Selector": ("ckpt_name",), "Checkpoint Name Selector": ("ckpt_name",),
    "SetNode": ("value",), "GetNode": ("value",), "PromptText": ("text",),
    "EmptyLatentImage": (), "CR Aspect Ratio": (),
    "StringConcatenate": ("+",), "Text Concatenate": ("+",), "JoinStrings": ("+",), "JoinStringMulti": ("+",),
}
VALUES = {k: v for k, v in VALUES.items() if v}

_KSAMPLER = ("seed", "steps", "cfg", "sampler_name", "scheduler", "denoise")
# The editor's form keeps values by position: their names, for the nodes that matter.
WIDGETS: dict[str, tuple[str, ...]] = {
    "KSampler": _KSAMPLER,
    "KSamplerAdvanced": ("add_noise", "noise_seed", "steps", "cfg", "sampler_name", "scheduler", "start_at_step",
                         "end_at_step", "return_with_leftover_noise"),
    "SamplerCustom": ("add_noise", "noise_seed", "cfg"), "RandomNoise": ("noise_seed",),
    "KSamplerSelect": ("sampler_name",), "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"), "SplitSigmas": ("step",), "CFGGuider": ("cfg",),
    "CheckpointLoaderSimple": ("ckpt_name",), "UNETLoader": ("unet_name", "weight_dtype"),
    "VAELoader": ("vae_name",), "CLIPLoader": ("clip_name", "type", "device"),
    "DualCLIPLoader": ("clip_name1", "clip_name2", "type", "device"),
    "TripleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3"),
    "CLIPTextEncode": ("text",), "CLIPSetLastLayer": ("stop_at_clip_layer",), "FluxGuidance": ("guidance",),
    "CLIPTextEncodeSDXL": ("width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l"),
    "EmptyLatentImage": ("width", "height", "batch_size"), "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"), "LatentUpscaleBy": ("upscale_method", "scale_by"),
    "LatentUpscale": ("upscale_method", "width", "height", "crop"), "LoadImage": ("image", "upload"),
    "SaveImage": ("filename_prefix",), "PreviewImage": (), "ModelSamplingFlux": ("max_shift", "base_shift", "width",
                                                                                 "height"),
    "ModelSamplingSD3": ("shift",), "ModelSamplingDiscrete": ("sampling", "zsnr"), "RescaleCFG": ("multiplier",),
    "ConditioningSetArea": ("width", "height", "x", "y", "strength"), "ConditioningAverage":
        ("conditioning_to_strength",), "ConditioningSetTimestepRange": ("start", "end"),
    "ControlNetApply": ("strength",), "ControlNetApplyAdvanced": ("strength", "start_percent", "end_percent"),
    "ControlNetLoader": ("control_net_name",), "PrimitiveInt": ("value",), "PrimitiveFloat": ("value",),
    "PrimitiveStringMultiline": ("value",), "PrimitiveString": ("value",), "PrimitiveNode": ("value",),
    "Seed (rgthree)": ("seed",), "StringConcatenate": ("string_a", "string_b", "delimiter"),
    "VAEDecode": (), "VAEEncode": (), "RepeatLatentBatch": ("amount",), "LatentFromBatch": ("batch_index", "length"),
}

SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
LOADERS = {"CheckpointLoaderSimple": "ckpt_name", "CheckpointLoader": "ckpt_name", "UNETLoader": "unet_name",
           "CheckpointLoader|pysssss": "ckpt_name", "CheckpointLoaderSimple|pysssss": "ckpt_name",
           "UnetLoaderGGUF": "unet_name", "UnetLoaderGGUFAdvanced": "unet_name", "DiffusersLoader": "model_path",
           "ImageOnlyCheckpointLoader": "ckpt_name", "unCLIPCheckpointLoader": "ckpt_name",
           "CheckpointLoaderNF4": "ckpt_name", "UNETLoaderNF4": "unet_name", "Load Checkpoint": "ckpt_name",
           "Checkpoint Loader with Name (Image Saver)": "ckpt_name", "CheckpointLoaderSimpleWithNoiseSelect":
               "ckpt_name", "NunchakuFluxDiTLoader": "model_path", "Checkpoint Loader (Simple)": "ckpt_name"}
EMPTY = ("EmptyLatentImage", "EmptySD3LatentImage", "EmptyFlux2LatentImage", "EmptyHunyuanImageLatent",
         "EmptyQwenImageLayeredLatentImage", "EmptyChromaRadianceLatentImage")
PICTURES = ("LoadImage", "LoadImageMask", "LoadImageOutput", "Load Image", "LoadImageFromUrl", "LoadImageFromPath",
            "LoadImage //Inspire", "Image Load", "ETN_LoadImageBase64", "LoadImagesFromFolder")
# Nodes that change nothing of what was asked for: they decode, show, save, or only note.
HARMLESS = ("SaveImage", "PreviewImage", "VAEDecode", "VAEDecodeTiled", "Note", "MarkdownNote", "Reroute",
            "Image Saver", "SaveImageWebsocket", "Save Image w/Metadata", "SaveAnimatedWEBP", "Reroute (rgthree)",
            "ShowText|pysssss", "PreviewAny", "easy showAnything", "Display Any (rgthree)")
# Inputs that say nothing of the picture.
IDLE = ("control_after_generate", "control_before_generate", "filename_prefix", "upload", "choose file to upload",
        "image_upload", "speak_and_recognation", "preview_method", "device", "type")
