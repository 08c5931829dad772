"""A suite of loads, honest and hostile, under a resolver that records: nobody may ask for another computer.

    python tests/benchmarks/safety_lookups.py FOLDER told|untold EVERY

Runs twice in processes of its own: with the environment that workers have while offline is on ("told"), and
without it, so that the doors themselves are tried too.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

BACKBONES: tuple[dict[str, Any], ...] = (
    {"backbone": "someone/else", "use_pretrained_backbone": True},
    {"backbone": "resnet50", "use_timm_backbone": True, "use_pretrained_backbone": True},
    {"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet18", "use_pretrained_backbone": True}},
    {"model_type": "timm_wrapper", "architecture": "hf-hub:someone/else"},
    {"_attn_implementation": "someone/kernel"}, {"_name_or_path": "someone/else"},
    {"auto_map": {"AutoModel": "someone/else--x.Y", "AutoTokenizer": ["someone/else--x.Y", None]}},
    {"text_config": {"model_type": "bert", "_name_or_path": "someone/else"}}, {"tokenizer_class": "AutoTokenizer"})
CLASSES = ("AutoModel", "DetrForObjectDetection", "AutoBackbone", "TimmWrapperModel",
           "UperNetForSemanticSegmentation")
NAMES = ("someone/else", "someone/else@0123abc", "open_clip:ViT-L-14/openai", "open_clip:RN50/yfcc15m",
         "open_clip:ViT-B-16-SigLIP/webli", "open_clip:xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k", "ViT-B/32",
         "hf-hub:someone/else", "nllb-clip-base/x", "hf-hub:timm/ViT-B-16-SigLIP")


def loads(root: Path, *, every: int = 1) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and call of the suite's loads; the folders are written below `root`. `every` leaves some out."""
    from explorer.clip.caption_model import load_captioner
    from explorer.clip.encoder import load_encoder
    from explorer.diffusion.models import load_model
    from tests.benchmarks.safety_models import honest_models, open_model
    from tests.clip.conftest import write_clip
    honest = honest_models(root / "honest")
    for kind, folder in honest.items():
        yield kind, lambda kind=kind, folder=folder: open_model(kind, folder)
    yield "world", lambda: load_model("world", device="cpu")
    yield "world's CLIP", lambda: load_encoder("world")
    for name in NAMES:
        yield name, lambda name=name: load_model(name, home=root)
        yield f"clip {name}", lambda name=name: load_encoder(name)
        yield f"captions {name}", lambda name=name: load_captioner(name)
    for number, text in enumerate(({"hf_tokenizer_name": "someone/else"}, {"hf_model_name": "xlm-roberta-base"},
                                   {"hf_tokenizer_name": "a", "tokenizer_kwargs": {"trust_remote_code": True}})):
        folder = write_clip(root / f"clip-{number}")
        _edit(folder / "open_clip_config.json", lambda v, text=text: v["model_cfg"]["text_cfg"].update(text))
        yield f"clip config {number}", lambda folder=folder: load_encoder(str(folder))
    yield from itertools.islice(_asking(root, honest), 0, None, every)


def _asking(root: Path, honest: dict[str, Path]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Every model with every config that leads elsewhere, and with classes that would look for a backbone."""
    from tests.benchmarks.safety_models import open_model
    for kind, folder in honest.items():
        for number, entry in enumerate(BACKBONES):
            copy = Path(shutil.copytree(folder, root / "asking" / f"{kind}-{number}"))
            for path in copy.rglob("*config.json"):
                _edit(path, lambda v, entry=entry: v.update(entry))
            yield f"{kind} {entry}", lambda kind=kind, copy=copy: open_model(kind, copy)
        for name in CLASSES if (folder / "model_index.json").is_file() else ():
            copy = Path(shutil.copytree(folder, root / "asking" / f"{kind}-{name}"))
            _edit(copy / "model_index.json", lambda v, name=name: v.update(text_encoder=["transformers", name]))
            yield f"{kind} {name}", lambda kind=kind, copy=copy: open_model(kind, copy)


def _edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def watch(folder: Path, *, told: bool, every: int) -> dict[str, Any]:
    """Runs the suite here; counts look-ups of, and connections to, anything but this computer."""
    from explorer.foreign.offline import obey
    if told:
        obey(True)
    asked: list[str] = []
    current = [""]
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        def refuse(host: Any, *_: Any, **__: Any) -> Any:
            asked.append(f"{current[0]}: {host}")
            raise socket.gaierror(socket.EAI_NONAME, "nobody is asked here")
        setattr(socket, name, refuse)
    sys.addaudithook(lambda event, given: asked.append(f"{current[0]}: {given[-1]}")
                     if event == "socket.connect" and isinstance(given[-1], tuple) else None)
    from explorer.errors import ExplorerError
    told_apart = {"loaded": 0, "refused": 0, "crashed": 0}
    for name, load in loads(folder, every=every):
        current[0] = name
        try:
            load()
            told_apart["loaded"] += 1
        except ExplorerError:
            told_apart["refused"] += 1
        except Exception as error:  # counted: nothing but a sentence may come out
            told_apart["crashed"] += 1
            print("crashed:", name, repr(error)[:200], flush=True)
    return {**told_apart, "asked": asked}


def attack(folder: Path, *, every: int = 1, ways: tuple[str, ...] = ("told", "untold")) -> dict[str, Any]:
    """The keys of the safety bench; `every` leaves some of the hostile folders out."""
    found = []
    for way in ways:
        environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
        environment["HF_HOME"] = str(folder / "hub")
        done = subprocess.run([sys.executable, __file__, str(folder / way), way, str(every)], cwd=ROOT,
                              capture_output=True, text=True, timeout=1500, env=environment)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        found.append(json.loads(done.stdout.splitlines()[-1]))
        for line in found[-1]["asked"][:20]:
            print("asked:", line, flush=True)
    return {"lookup_loads": sum(f["loaded"] + f["refused"] + f["crashed"] for f in found),
            "lookup_loaded": sum(f["loaded"] for f in found), "lookup_crashes": sum(f["crashed"] for f in found),
            "outside_lookups": sum(len(f["asked"]) for f in found)}


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    print(json.dumps(watch(place, told=sys.argv[2] == "told", every=int(sys.argv[3]))))
