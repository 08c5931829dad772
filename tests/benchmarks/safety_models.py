"""Model folders with code planted in them, by number: folder n of a seed is the same on every machine.

Each is an honest tiny model of one kind (Stable Diffusion 1, XL and 3, a CLIP with and without a tokenizer of its
own, BLIP) with Python modules under plausible names, and configs that ask for them. A module that runs
leaves a mark. Loading happens twice: through the door as it is, and with the search for code files switched off, so
that what lies behind the door is tried too.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError

MARK = "planted_code_has_run"
MODULE = """
import pathlib
pathlib.Path({mark!r}).open("a").write(__file__ + "\\n")
class Planted:
    def __init__(self, *args, **kwargs): pathlib.Path({mark!r}).open("a").write("init\\n")
    from_pretrained = classmethod(lambda cls, *args, **kwargs: cls())
    config = {{}}
for name in {classes!r}:
    globals()[name] = type(name, (Planted,), {{}})
"""
CLASSES = ("Planted", "UNet2DConditionModel", "CLIPTextModel", "CLIPTokenizer", "DDIMScheduler", "AutoencoderKL",
           "StableDiffusionPipeline", "StableDiffusionSafetyChecker", "PlantedPipeline", "generate", "load")
_NAMES = """
    diffusers transformers stable_diffusion None pipeline pipelines model models modeling modeling_clip
    modeling_planted configuration_clip configuration_planted tokenization_clip tokenization_planted
    processing_planted image_processing_clip scheduling_ddim planted __init__ __main__ sitecustomize usercustomize
    conftest setup hubconf handler generate torch numpy json safetensors accelerate PIL unet vae text_encoder
    tokenizer scheduler safety_checker feature_extractor open_clip timm custom custom_pipeline main"""
INSIDE = ("", "custom_generate", "pipelines", "scripts", ".hidden", "__pycache__", "planted",
          "additional_chat_templates")
AUTO_MAP = {"AutoConfig": "planted.Planted", "AutoModel": "planted.Planted", "AutoProcessor": "planted.Planted",
            "AutoImageProcessor": "planted.Planted", "AutoTokenizer": ["planted.Planted", "planted.Planted"]}
_STRANGE = """DiffusionPipeline AutoModel AutoPipelineForText2Image ConsistencyDecoderVAE OnnxRuntimeModel
    ModularPipeline ControlNetModel AutoModelForImageSegmentation DetrForObjectDetection"""
NAMES, STRANGE = tuple(_NAMES.split()), tuple(_STRANGE.split())


@dataclass
class Tally:
    """What came of the folders. `ran` must stay 0, and so must `crashes` (other errors than sentences)."""

    folders: int = 0
    loads: int = 0
    refused: int = 0
    loaded: int = 0
    ran: int = 0
    crashes: int = 0
    faults: list[str] = field(default_factory=list)
    kinds: Counter = field(default_factory=Counter)


def honest_models(root: Path) -> dict[str, Path]:
    """Folders of tiny honest models by kind, written below `root`; nothing is downloaded."""
    from tests.clip.conftest import write_clip
    from tests.diffusion import tiny
    made = {}
    for kind, pipe in (("sd1-tiny", None), ("sdxl", None), ("sd3", tiny.other_pipeline)):
        folder = root / kind
        (pipe(root / "parts") if pipe else tiny.pipeline(kind, root / "parts")).save_pretrained(folder)
        made[kind] = folder
    made["clip"] = write_clip(root / "clip")
    made["clip-words"] = _clip_with_words(root / "clip-words")
    made["blip"] = _blip(root / "blip")
    return made


def _clip_with_words(folder: Path) -> Path:
    from tests.clip.conftest import write_clip
    from tests.diffusion import tiny
    words = tiny.tokenizer(folder)
    words.save_pretrained(folder)
    return write_clip(folder, vocab_size=len(words), hf_tokenizer_name="someone/letters")


def _blip(folder: Path) -> Path:
    from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "boat"]
    (folder / "vocab.txt").write_text("\n".join(words))
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    text = {**small, "vocab_size": len(words), "encoder_hidden_size": 16, "max_position_embeddings": 40}
    config = BlipConfig(text_config=text, projection_dim=16,
                        vision_config={**small, "image_size": 16, "patch_size": 8})
    BlipForConditionalGeneration(config).save_pretrained(folder)
    BlipImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def open_model(kind: str, folder: Path) -> None:
    """Loads a folder as the workers do."""
    if kind.startswith("clip"):
        from explorer.clip.encoder import load_encoder
        load_encoder(str(folder))
    elif kind == "blip":
        from explorer.clip.caption_model import load_captioner
        load_captioner(str(folder))
    else:
        from explorer.diffusion.models import load_model
        load_model(str(folder), device="cpu")


def plant(folder: Path, mark: Path, dice: random.Random) -> None:
    """Puts modules into a model's folder, and now and then entries that ask for them into its configs."""
    homes = [folder, *(p for p in sorted(folder.iterdir()) if p.is_dir())]
    code = MODULE.format(mark=str(mark), classes=CLASSES)
    everywhere = dice.random() < 0.2
    for home in homes if everywhere else dice.sample(homes, dice.randrange(1, len(homes) + 1)):
        for name in NAMES if everywhere else dice.sample(NAMES, dice.randrange(1, 12)):
            place = home / dice.choice(INSIDE)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{name}.py").write_text(code)
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        dice.choice(_asking)(folder, dice)


def _changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    if path.is_file():
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))


def _index(folder: Path, **entries: Any) -> None:
    _changed(folder / "model_index.json", lambda v: v.update(entries))


def _role(folder: Path, dice: random.Random) -> str:
    return dice.choice([p.name for p in sorted(folder.iterdir()) if p.is_dir()] or ["unet"])


def _listed_pipeline(folder: Path, dice: random.Random) -> None:
    _index(folder, _class_name=[dice.choice(NAMES), dice.choice(CLASSES)])


def _named_pipeline(folder: Path, dice: random.Random) -> None:
    _index(folder, _class_name=dice.choice((*CLASSES, *STRANGE, "None", "StableDiffusionInpaintPipeline")))


def _other_library(folder: Path, dice: random.Random) -> None:
    _index(folder, **{_role(folder, dice): [dice.choice((*NAMES, "os", "builtins")), dice.choice(CLASSES)]})


def _other_class(folder: Path, dice: random.Random) -> None:
    _index(folder, **{_role(folder, dice): [dice.choice(("diffusers", "transformers")), dice.choice(STRANGE)]})


def _nested_pipeline(folder: Path, dice: random.Random) -> None:
    _index(folder, safety_checker=["diffusers", dice.choice(("StableDiffusionPipeline", "DiffusionPipeline"))])
    nested = folder / "safety_checker"
    nested.mkdir(exist_ok=True)
    (nested / "model_index.json").write_text(json.dumps({"_class_name": [dice.choice(NAMES), "Planted"]}))


def _auto_map(folder: Path, dice: random.Random) -> None:
    for path in sorted(folder.rglob("*config.json")):
        if dice.random() < 0.6:
            _changed(path, lambda v: v.update(auto_map=AUTO_MAP, trust_remote_code=True,
                                              **({"tokenizer_class": "Planted"} if dice.random() < 0.5 else {})))


def _custom(folder: Path, dice: random.Random) -> None:
    entry = dice.choice(({"custom_pipeline": "planted"}, {"custom_pipelines": {"planted": {"impl": "planted.x"}}},
                         {"_attn_implementation": "someone/planted"}, {"custom_generate": "planted"},
                         {"backbone": "someone/planted", "use_pretrained_backbone": True}))
    for path in sorted(folder.rglob("*config.json")):
        _changed(path, lambda v: v.update(entry))


def _tokenizer_options(folder: Path, dice: random.Random) -> None:
    def change(value: dict[str, Any]) -> None:
        value["model_cfg"]["text_cfg"].update(
            hf_tokenizer_name=dice.choice((str(folder), "planted", "someone/planted")),
            tokenizer_kwargs={"trust_remote_code": True, "use_fast": False})
    _changed(folder / "open_clip_config.json", change)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Planted", "auto_map": AUTO_MAP}))


def _other_base(folder: Path, dice: random.Random) -> None:
    home = folder / _role(folder, dice)
    target = home if home.is_dir() else folder
    (target / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(folder / "planted"),
                                                            "auto_mapping": {"parent_library": "planted"}}))


_asking = (_listed_pipeline, _named_pipeline, _other_library, _other_class, _nested_pipeline, _auto_map, _custom,
           _tokenizer_options, _other_base)


@contextlib.contextmanager
def door_open() -> Iterator[None]:
    """Without the search for code files: what would still be refused or left unread behind it."""
    from unittest.mock import patch
    places = ("explorer.diffusion.locate", "explorer.clip.weights", "explorer.clip.caption_model")
    with contextlib.ExitStack() as stack:
        for place in places:
            stack.enter_context(patch(f"{place}.check_no_code", lambda root: None))
        yield


def planted(count: int, root: Path, *, seed: int = 1) -> Tally:
    """Plants and loads `count` folders below `root`; see the module's first lines."""
    honest, tally = honest_models(root / "honest"), Tally()
    before = list(sys.path)
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        kind = dice.choice(sorted(honest))
        folder, mark = root / f"{number}" / "model", root / f"{number}" / MARK
        shutil.copytree(honest[kind], folder)
        plant(folder, mark, dice)
        tally.folders += 1
        tally.kinds[kind] += 1
        _load(kind, folder, tally)
        with door_open():
            _load(kind, folder, tally)
        if mark.exists():
            tally.ran += 1
            tally.faults.append(f"{number} ({kind}): {mark.read_text()[:200]}")
        shutil.rmtree(folder.parent)
    assert sys.path == before, "loading changed where modules are looked for"
    return tally


def _load(kind: str, folder: Path, tally: Tally) -> None:
    tally.loads += 1
    try:
        open_model(kind, folder)
        tally.loaded += 1
    except ExplorerError:
        tally.refused += 1
    except Exception as error:  # counted: nothing but a sentence may come out
        tally.crashes += 1
        tally.faults.append(f"{folder.parent.name} ({kind}): {error!r:.200}")


def attack(folders: int, root: Path, *, seed: int = 1) -> dict[str, Any]:
    """The keys of the safety bench."""
    tally = planted(folders, root, seed=seed)
    for fault in tally.faults[:20]:
        print("model folder:", fault, flush=True)
    return {"planted_folders": tally.folders, "planted_loads": tally.loads, "planted_refused": tally.refused,
            "planted_loaded": tally.loaded, "planted_code_run": tally.ran, "planted_crashes": tally.crashes}
