"""What is known of every family before a model is loaded; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FamilyFacts:
    """A family of models and what our own sampler does with it."""

    key: str  # as ModelInfo and recipes hold it
    label: str
    pipelines: tuple[str, ...] = ()  # diffusers' classes whose folders hold it; the first makes images from words
    own_loop: bool = True  # our sampler runs it, and can look inside a run
    flow: bool = False  # it learned a flow from noise to image; otherwise it takes noise off
    guided_above: float | None = 1.0  # guidance beyond it takes a second pass; None: guidance is an input
    negative: bool = True  # takes a negative prompt
    weights: bool = False  # brackets in a prompt can weigh its words
    clip_skip: bool = False
    tokens: int = 77  # of a prompt that its longest text encoder reads
    walks_back: str = "ddim"  # the sampler that inversion and optimised noise use
    attends: bool = False  # separate attention from picture to words, which some signals look at
    size_px: int = 1024
    steps: int = 30
    guidance: float = 7.5
    size_step_px: int = 16
    wide_range: bool = False  # its activations need bfloat16's range; float16 gives black pictures

    @property
    def img2img(self) -> bool:
        """Whether it can start from a picture: in our own loop always, else where diffusers has the class."""
        return self.own_loop or len(self.pipelines) > 1

    @property
    def bfloat16(self) -> bool:
        """Whether half precision is bfloat16 for it."""
        return self.flow or self.wide_range

    @property
    def unguided(self) -> float:
        """The guidance that stands for none."""
        return 1.0 if self.guided_above is None else self.guided_above

    def passes(self, guidance: float) -> int:
        """Network evaluations a step."""
        return 2 if self.guided_above is not None and guidance > self.guided_above else 1

    def steps_run(self, steps: int, strength: float | None) -> int:
        """Steps that img2img at `strength` leaves of `steps`, by the rule of its pipelines; all without one."""
        if strength is None:
            return steps
        if self.flow:
            return steps - int(max(steps - min(steps * strength, steps), 0))
        return min(int(steps * strength), steps)


def _unet(key: str, label: str, kind: str, **more: object) -> FamilyFacts:
    return FamilyFacts(key, label, (f"{kind}Pipeline", f"{kind}Img2ImgPipeline"), weights=True, clip_skip=True,
                       attends=True, size_step_px=8, **more)


def _flow(key: str, label: str, *kinds: str, **more: object) -> FamilyFacts:
    return FamilyFacts(key, label, kinds, flow=True, walks_back="euler", **more)


def _own(key: str, label: str, *kinds: str, **more: object) -> FamilyFacts:
    """A family that only its pipeline's own call runs."""
    return FamilyFacts(key, label, kinds, own_loop=False, **({"wide_range": True} | more))


FAMILIES: dict[str, FamilyFacts] = {f.key: f for f in (
    _unet("sd1", "Stable Diffusion 1", "StableDiffusion", size_px=512),
    _unet("sd2", "Stable Diffusion 2", "StableDiffusion", size_px=768),
    _unet("sdxl", "Stable Diffusion XL", "StableDiffusionXL", guidance=5.0),
    _flow("sd3", "Stable Diffusion 3", "StableDiffusion3Pipeline", "StableDiffusion3Img2ImgPipeline",
          clip_skip=True, tokens=256, steps=28, guidance=7.0),
    _flow("flux", "FLUX.1 dev", "FluxPipeline", "FluxImg2ImgPipeline", guided_above=None, negative=False,
          tokens=512, steps=28, guidance=3.5),
    _flow("schnell", "FLUX.1 schnell", "FluxPipeline", "FluxImg2ImgPipeline", tokens=256, steps=4, guidance=1.0),
    _flow("flux2", "FLUX.2", "Flux2Pipeline", guided_above=None, negative=False, tokens=512, steps=50,
          guidance=4.0),
    _flow("klein", "FLUX.2 klein", "Flux2KleinPipeline", tokens=512, steps=4, guidance=1.0),
    _flow("qwen", "Qwen-Image", "QwenImagePipeline", "QwenImageImg2ImgPipeline", tokens=512, steps=50,
          guidance=4.0),
    _flow("zimage", "Z-Image", "ZImagePipeline", "ZImageImg2ImgPipeline", guided_above=0.0, tokens=512, steps=9,
          guidance=0.0),
    _flow("chroma", "Chroma", "ChromaPipeline", "ChromaImg2ImgPipeline", tokens=512, steps=35, guidance=5.0),
    _own("lcm", "Latent Consistency", "LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline",
         negative=False, size_px=768, steps=4, guidance=8.5, wide_range=False),
    _own("pixart", "PixArt", "PixArtSigmaPipeline", tokens=300, steps=20, guidance=4.5),
    _own("sana", "Sana", "SanaPipeline", tokens=300, steps=20, guidance=4.5, size_step_px=32),
    _own("sana_sprint", "Sana Sprint", "SanaSprintPipeline", "SanaSprintImg2ImgPipeline", negative=False,
         tokens=300, steps=2, guidance=4.5, size_step_px=32),
    _own("lumina2", "Lumina Image 2", "Lumina2Pipeline", tokens=256, guidance=4.0),
    _own("hidream", "HiDream", "HiDreamImagePipeline", tokens=128, steps=50, guidance=5.0),
    _own("auraflow", "AuraFlow", "AuraFlowPipeline", tokens=256, steps=50, guidance=3.5),
    _own("kolors", "Kolors (needs sentencepiece)", "KolorsPipeline", "KolorsImg2ImgPipeline", tokens=256, steps=50,
         guidance=5.0, wide_range=False),
    _own("cogview4", "CogView 4", "CogView4Pipeline", tokens=1024, steps=50, guidance=5.0),
    _own("kandinsky3", "Kandinsky 3", "Kandinsky3Pipeline", "Kandinsky3Img2ImgPipeline", tokens=128, steps=25,
         guidance=3.0, wide_range=False),
    _own("kandinsky5", "Kandinsky 5", "Kandinsky5T2IPipeline", tokens=512, steps=50, guidance=3.5),
    FamilyFacts("other", "another family", own_loop=False),
)}


def facts(family: str) -> FamilyFacts:
    """The facts of a family; those of "other" for one that is not known."""
    return FAMILIES.get(family, FAMILIES["other"])
