"""Which classes the parts of a model may be, kind by kind: what is not in this table is never loaded.

A new kind of model is one row: diffusers' pipeline, the family whose loop runs it, and for each part the classes
that its place takes. A part in `optional` may be left out ([null, null] in model_index.json).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from explorer.errors import ExplorerError
from explorer.foreign.configs import NETWORK_FILES, PROCESSOR_FILES, SCHEDULER_FILES, TOKENIZER_FILES


@dataclass(frozen=True)
class Kind:
    """A kind of model: `parts` is role -> names "library.Class" as model_index.json spells them."""

    pipeline: str
    family: str  # as the catalogue of families has it; "sd" and "flux" are told apart by the network's config
    parts: dict[str, frozenset[str]]
    optional: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()  # switches of the pipeline that model_index.json may set


def _names(library: str, names: str) -> frozenset[str]:
    return frozenset(f"{library}.{name}" for name in names.split())


NOISE = _names("diffusers", (
    "DDIMScheduler DDIMParallelScheduler DDPMScheduler DDPMParallelScheduler DEISMultistepScheduler "
    "DPMSolverMultistepScheduler DPMSolverSDEScheduler DPMSolverSinglestepScheduler EDMDPMSolverMultistepScheduler "
    "EDMEulerScheduler EulerAncestralDiscreteScheduler EulerDiscreteScheduler HeunDiscreteScheduler IPNDMScheduler "
    "KDPM2AncestralDiscreteScheduler KDPM2DiscreteScheduler LCMScheduler LMSDiscreteScheduler PNDMScheduler "
    "SASolverScheduler TCDScheduler UniPCMultistepScheduler"))
FLOW = _names("diffusers", (
    "FlowMatchEulerDiscreteScheduler FlowMatchHeunDiscreteScheduler FlowMatchLCMScheduler "
    "DPMSolverMultistepScheduler UniPCMultistepScheduler SCMScheduler"))
KL = _names("diffusers", "AutoencoderKL")
KL_OR_TINY = _names("diffusers", "AutoencoderKL AutoencoderTiny")
UNET = _names("diffusers", "UNet2DConditionModel")
CLIP_TEXT = _names("transformers", "CLIPTextModel CLIPTextModelWithProjection")
CLIP_WORDS = _names("transformers", "CLIPTokenizer CLIPTokenizerFast")
CLIP_SEES = _names("transformers", "CLIPVisionModelWithProjection")
CLIP_PICTURES = _names("transformers", "CLIPImageProcessor CLIPImageProcessorFast CLIPFeatureExtractor")
CHECKER = _names("stable_diffusion", "StableDiffusionSafetyChecker")
T5 = _names("transformers", "T5EncoderModel")
T5_WORDS = _names("transformers", "T5Tokenizer T5TokenizerFast")
GEMMA = _names("transformers", "GemmaModel Gemma2Model GemmaForCausalLM Gemma2ForCausalLM")
GEMMA_WORDS = _names("transformers", "GemmaTokenizer GemmaTokenizerFast")
QWEN_SEES = _names("transformers", "Qwen2_5_VLForConditionalGeneration")
QWEN = _names("transformers", "Qwen3Model Qwen3ForCausalLM")
QWEN_WORDS = _names("transformers", "Qwen2Tokenizer Qwen2TokenizerFast")
FAST_WORDS = _names("transformers", "PreTrainedTokenizerFast")
LLAMA_WORDS = _names("transformers", "LlamaTokenizer LlamaTokenizerFast")

_SEEN = {"image_encoder": CLIP_SEES, "feature_extractor": CLIP_PICTURES}
_CHECKED = {"safety_checker": CHECKER, "feature_extractor": CLIP_PICTURES}
_SD = {"vae": KL_OR_TINY, "text_encoder": CLIP_TEXT, "tokenizer": CLIP_WORDS, "unet": UNET, "scheduler": NOISE,
       "image_encoder": CLIP_SEES, **_CHECKED}
_XL = {"vae": KL_OR_TINY, "text_encoder": CLIP_TEXT, "text_encoder_2": CLIP_TEXT, "tokenizer": CLIP_WORDS,
       "tokenizer_2": CLIP_WORDS, "unet": UNET, "scheduler": NOISE, **_SEEN}
_EXTRAS = frozenset(("safety_checker", "feature_extractor", "image_encoder"))


def _transformer(name: str, scheduler: frozenset[str] = FLOW, vae: frozenset[str] = KL, **more: frozenset[str],
                 ) -> dict[str, frozenset[str]]:
    return {"transformer": _names("diffusers", name), "scheduler": scheduler, "vae": vae, **more}


_PIXART = _transformer("PixArtTransformer2DModel Transformer2DModel", NOISE, text_encoder=T5, tokenizer=T5_WORDS)
_SANA = _transformer("SanaTransformer2DModel", FLOW, _names("diffusers", "AutoencoderDC"), text_encoder=GEMMA,
                     tokenizer=GEMMA_WORDS)
_LUMINA = _transformer("Lumina2Transformer2DModel", text_encoder=GEMMA, tokenizer=GEMMA_WORDS)

KINDS = {kind.pipeline: kind for kind in (
    Kind("StableDiffusionPipeline", "sd", _SD, _EXTRAS, frozenset(("requires_safety_checker",))),
    Kind("StableDiffusionXLPipeline", "sdxl", _XL, _EXTRAS,
         frozenset(("force_zeros_for_empty_prompt", "add_watermarker"))),
    Kind("LatentConsistencyModelPipeline", "lcm", _SD, _EXTRAS, frozenset(("requires_safety_checker",))),
    Kind("StableDiffusion3Pipeline", "sd3", _transformer(
        "SD3Transformer2DModel", text_encoder=CLIP_TEXT, text_encoder_2=CLIP_TEXT, text_encoder_3=T5,
        tokenizer=CLIP_WORDS, tokenizer_2=CLIP_WORDS, tokenizer_3=T5_WORDS,
        image_encoder=_names("transformers", "SiglipVisionModel"),
        feature_extractor=_names("transformers", "SiglipImageProcessor SiglipImageProcessorFast")),
        _EXTRAS | {"text_encoder_3", "tokenizer_3"}),
    Kind("FluxPipeline", "flux", _transformer(
        "FluxTransformer2DModel", text_encoder=CLIP_TEXT, text_encoder_2=T5, tokenizer=CLIP_WORDS,
        tokenizer_2=T5_WORDS, **_SEEN), _EXTRAS),
    Kind("Flux2KleinPipeline", "klein", _transformer(
        "Flux2Transformer2DModel", FLOW, _names("diffusers", "AutoencoderKLFlux2"), text_encoder=QWEN,
        tokenizer=QWEN_WORDS), options=frozenset(("is_distilled",))),
    Kind("Flux2Pipeline", "flux2", _transformer(
        "Flux2Transformer2DModel", FLOW, _names("diffusers", "AutoencoderKLFlux2"),
        text_encoder=_names("transformers", "Mistral3ForConditionalGeneration"),
        tokenizer=_names("transformers", "PixtralProcessor"))),
    Kind("ChromaPipeline", "chroma", _transformer(
        "ChromaTransformer2DModel", text_encoder=T5, tokenizer=T5_WORDS, **_SEEN), _EXTRAS),
    Kind("QwenImagePipeline", "qwen", _transformer(
        "QwenImageTransformer2DModel", FLOW, _names("diffusers", "AutoencoderKLQwenImage"), text_encoder=QWEN_SEES,
        tokenizer=QWEN_WORDS)),
    Kind("ZImagePipeline", "zimage", _transformer(
        "ZImageTransformer2DModel", text_encoder=QWEN, tokenizer=QWEN_WORDS)),
    Kind("PixArtAlphaPipeline", "pixart", _PIXART),
    Kind("PixArtSigmaPipeline", "pixart", _PIXART),
    Kind("SanaPipeline", "sana", _SANA),
    Kind("SanaSprintPipeline", "sana_sprint", _SANA),
    Kind("Lumina2Pipeline", "lumina2", _LUMINA),
    Kind("HiDreamImagePipeline", "hidream", _transformer(
        "HiDreamImageTransformer2DModel", text_encoder=CLIP_TEXT, text_encoder_2=CLIP_TEXT, text_encoder_3=T5,
        text_encoder_4=_names("transformers", "LlamaForCausalLM"), tokenizer=CLIP_WORDS, tokenizer_2=CLIP_WORDS,
        tokenizer_3=T5_WORDS, tokenizer_4=FAST_WORDS)),
    Kind("AuraFlowPipeline", "auraflow", _transformer(
        "AuraFlowTransformer2DModel", text_encoder=_names("transformers", "UMT5EncoderModel"),
        tokenizer=LLAMA_WORDS | T5_WORDS)),
    Kind("KolorsPipeline", "kolors", {
        "vae": KL, "text_encoder": _names("kolors", "ChatGLMModel"),
        "tokenizer": _names("kolors", "ChatGLMTokenizer"), "unet": UNET, "scheduler": NOISE, **_SEEN}, _EXTRAS,
        frozenset(("force_zeros_for_empty_prompt",))),
    Kind("CogView4Pipeline", "cogview4", _transformer(
        "CogView4Transformer2DModel", text_encoder=_names("transformers", "GlmModel"), tokenizer=FAST_WORDS)),
    Kind("Kandinsky3Pipeline", "kandinsky3", {
        "unet": _names("diffusers", "Kandinsky3UNet"), "movq": _names("diffusers", "VQModel"), "text_encoder": T5,
        "tokenizer": T5_WORDS, "scheduler": NOISE}),
    Kind("Kandinsky5T2IPipeline", "kandinsky5", _transformer(
        "Kandinsky5Transformer3DModel", text_encoder=QWEN_SEES, text_encoder_2=CLIP_TEXT,
        tokenizer=_names("transformers", "Qwen2VLProcessor Qwen2_5_VLProcessor"), tokenizer_2=CLIP_WORDS)),
)}
# The same parts under the name of a pipeline that starts from a picture; the text-to-image one is made of them.
TWINS = {"StableDiffusionImg2ImgPipeline": "StableDiffusionPipeline",
         "StableDiffusionXLImg2ImgPipeline": "StableDiffusionXLPipeline",
         "StableDiffusion3Img2ImgPipeline": "StableDiffusion3Pipeline", "FluxImg2ImgPipeline": "FluxPipeline",
         "LatentConsistencyModelImg2ImgPipeline": "LatentConsistencyModelPipeline",
         "ChromaImg2ImgPipeline": "ChromaPipeline", "QwenImageImg2ImgPipeline": "QwenImagePipeline",
         "ZImageImg2ImgPipeline": "ZImagePipeline", "KolorsImg2ImgPipeline": "KolorsPipeline",
         "Kandinsky3Img2ImgPipeline": "Kandinsky3Pipeline",
         "SanaSprintImg2ImgPipeline": "SanaSprintPipeline", "Lumina2Text2ImgPipeline": "Lumina2Pipeline"}
# Pipelines that are refused for what they are for; the first sign in their name tells.
PURPOSES = {
    "model_files.folder_video": "Video|ToVid|Wan|LTX|Mochi|Cosmos(?!2TextToImage)|AnimateDiff|Allegro|Latte",
    "model_files.folder_fills": "Inpaint|Fill", "model_files.folder_edits": "Edit|Kontext|InstructPix2Pix",
    "model_files.folder_guided": "ControlNet|Control|Adapter|GLIGEN",
    "model_files.folder_finishes": "Upscale|Refiner|Depth2Img"}


@dataclass(frozen=True)
class Index:
    """What a model_index.json names, checked: `parts` is role -> (library, class)."""

    kind: Kind
    pipeline: str  # as the file spells it
    parts: dict[str, tuple[str, str]]
    left_out: tuple[str, ...]  # roles that the file leaves out on purpose
    options: dict[str, bool]

    def plain(self) -> dict[str, Any]:
        """The index as this program writes it for diffusers: checked entries and nothing else."""
        return {"_class_name": self.kind.pipeline, **{k: list(v) for k, v in self.parts.items()}, **self.options}


def read_index(index: dict[str, Any], where: str) -> Index:
    """The checked index; ExplorerError for a pipeline, a part or a class that is not in the table."""
    name = index.get("_class_name")
    kind = KINDS.get(TWINS.get(name, name)) if isinstance(name, str) else None
    if not isinstance(name, str):
        raise _own_code(where, "a custom pipeline")
    if kind is None:
        if what := next((key for key, sign in PURPOSES.items() if re.search(sign, name)), ""):
            raise ExplorerError(what, where=where, name=name[:60])
        raise ExplorerError("diffusion.classes_model_not_among", where=where, name=name[:60],
                            kinds=", ".join(k.removesuffix("Pipeline") for k in KINDS))
    parts, left_out = {}, []
    for role, value in index.items():
        if isinstance(value, (list, dict)):
            found = _part(kind, role, value, where)
            parts |= {role: found} if found else {}
            left_out += [] if found else [role]
    options = {k: v for k, v in index.items() if k in kind.options and isinstance(v, bool)}
    return Index(kind, name, parts, tuple(sorted(left_out)), options)


def _part(kind: Kind, role: str, value: Any, where: str) -> tuple[str, str] | None:
    """(library, class) of one entry, None for a part that is left out."""
    if value == [None, None]:
        return None
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value):
        if f"{value[0]}.{value[1]}" in kind.parts.get(role, ()):
            return value[0], value[1]
        if role in kind.parts and value[0] in ("diffusers", "transformers"):
            raise ExplorerError("diffusion.classes_model_not_take", role=role[:60], where=where,
                                last_value=value[1][:60], pipeline=kind.pipeline)
    raise _own_code(where, role[:60])


def _own_code(where: str, what: str) -> ExplorerError:
    return ExplorerError("diffusion.locate_model_brings_program", root=where, foreign=what)


def check_complete(index: Index, where: str) -> None:
    """ExplorerError if a part is left out that the kind cannot do without."""
    missing = sorted(set(index.kind.parts) - set(index.parts) - index.kind.optional)
    if missing:
        raise ExplorerError("diffusion.classes_model_no_needs", where=where, missing=", ".join(missing),
                            pipeline=index.kind.pipeline)


def files_read(name: str) -> tuple[str, ...]:
    """Names of the small files that a class of that name reads from its folder."""
    if name.endswith("Scheduler"):
        return SCHEDULER_FILES
    if "Tokenizer" in name:
        return TOKENIZER_FILES
    if name.endswith("Processor") and "Image" not in name:
        return TOKENIZER_FILES + PROCESSOR_FILES
    if name.endswith(("ImageProcessor", "ImageProcessorFast", "FeatureExtractor")):
        return PROCESSOR_FILES
    return NETWORK_FILES
