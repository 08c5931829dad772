"""Models on the screen: what is known and loaded, what can be fetched, what a test made, and the workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from explorer.diffusion import memory_plan
from explorer.diffusion.known import KNOWN
from explorer.diffusion.locate import MODEL_FILES, PREDICTIONS, WITH, locate, needs, weight_files
from explorer.diffusion.memory_plan import Room
from explorer.diffusion.shapes import shape_of
from explorer.errors import ExplorerError
from explorer.jobs.tasks import DownloadModel, InspectModel, TryModel
from explorer.records import ModelInfo, from_json
from explorer.records.families import facts
from explorer.settings import BUNDLED, save_settings
from pages.shared import pickers, state, widgets
from pages.shared.state import Here
from pages.shared.texts import plain, retold, say, size
from pages.tasks import submit

_OTHER = ""


def listed(now: Here) -> dict[str, ModelInfo]:
    """Every model that was looked at, downloaded or tried, by its source, newest knowledge first."""
    found: dict[str, ModelInfo] = {}
    for source in BUNDLED:
        if info := submit.described(now, source):
            found[source] = info
    for job in now.queue.recent(limit=200, states=("done",)):
        told = job.result or {}
        if isinstance(job.task, InspectModel) and told:
            found.setdefault(job.task.model, from_json(ModelInfo, told))
        elif isinstance(job.task, (DownloadModel, TryModel)) and told:
            info = from_json(ModelInfo, told["info"])
            found.setdefault(info.source, info)
    return found


def held(now: Here) -> dict[str, tuple[int, str]]:
    """Loaded models by source: bytes in memory and device, as the device worker last told."""
    rows = [row for row in now.queue.workers() if row.kind == "device"]
    found = {}
    for name, size_bytes in (rows[0].facts.get("loaded", {}) if rows else {}).items():
        kind, _, rest = name.partition(" ")
        source, _, device = rest.rpartition(" ")
        if kind == "model":
            found[source] = (int(size_bytes), device)
    return found


def room(now: Here) -> Room:
    """Where models run and what is free there, as the device worker last told."""
    rows = [row for row in now.queue.workers() if row.kind == "device"]
    return memory_plan.room(rows[0].facts if rows else None)


def _memory(now: Here, info: ModelInfo) -> str:
    """Whether a model fits, from the tables of its files; nothing where they are gone."""
    try:
        shape = shape_of(locate(info.source.split(" + ")[0], home=now.settings.home))
    except ExplorerError:
        return ""
    return memory_plan.told(memory_plan.plan_in(room(now), shape, side_px=info.default_size_px,
                                                flow=facts(info.family).bfloat16))


def known(now: Here, *, prompt: str) -> None:
    """A card a model: family, licence, size, fingerprint, memory, and what can be done with it."""
    found, loaded = listed(now), held(now)
    if not found:
        widgets.empty("models")
    total = sum(size_bytes for size_bytes, _ in loaded.values())
    st.caption(say("models.all_held", n=len(loaded), size=size(total)) if loaded
               else say("models.nothing_held"))
    for number, (source, info) in enumerate(found.items()):
        with st.container(border=True):
            _facts(now, source, info, loaded.get(source))
            _actions(now, source, number, prompt)


def _facts(now: Here, source: str, info: ModelInfo, memory: tuple[int, str] | None) -> None:
    chosen = f" · {say('models.chosen')}" if source == now.settings.model else ""
    st.markdown(f"**{plain(info.name)}**{chosen}")
    state_words = say("models.held", size=size(memory[0]), device=plain(memory[1])) if memory \
        else say("models.not_held")
    st.markdown(say("models.facts", source=plain(info.source), family=facts(info.family).label,
                    licence=plain(retold(info.licence)), size=size(info.size_bytes), px=info.default_size_px,
                    steps=info.default_steps, guidance=f"{info.default_guidance:g}", held=state_words))
    with st.expander(say("models.fingerprint_title")):
        st.caption(say("models.fingerprint", value=info.fingerprint))
    if told := _memory(now, info):
        st.caption(told)
    for note in info.notes:
        st.caption(plain(retold(note)))


def _actions(now: Here, source: str, number: int, prompt: str) -> None:
    with st.container(horizontal=True):
        if st.button(say("models.load"), key=f"load_{number}", help=say("models.load_help")):
            state.remember(look_model=submit.submit(now, InspectModel(source, load=True)))
            st.rerun()
        if st.button(say("models.test"), key=f"test_{number}", help=say("models.test_help")):
            state.remember(look_model=submit.submit(now, TryModel(source, prompt)))
            st.rerun()
        if st.button(say("models.use"), key=f"use_{number}", disabled=source == now.settings.model):
            save_settings(replace(now.settings, model=source))
            st.rerun()


def choose(now: Here) -> str:
    """A model's source: bundled, a folder, a single checkpoint, a hub id; with adapters laid over it."""
    base = pickers.source(now, "model")
    if base and Path(base).is_absolute() and not (Path(base) / "model_index.json").is_file():
        files = weight_files(Path(base), MODEL_FILES)
        base = str(Path(base) / st.selectbox(say("models.file"), files, key="model_file")) if files else base
    base = _completed(now, base)
    with st.expander(say("models.adapters"), icon=":material/layers:"):
        st.caption(say("models.adapters_text"))
        folder = pickers.folder(now, "adapter", [Path(f) for f in now.settings.model_folders],
                                adds="model_folders")
        files = weight_files(Path(folder)) if folder else []
        parts = [_weighed(Path(folder) / name) for name in
                 st.multiselect(say("models.adapter_files"), files, key="adapter_files", disabled=not files)]
    return " + ".join([base, *parts]) if base else ""


def _completed(now: Here, base: str) -> str:
    """A file with what it does not hold itself, once that is chosen: a model's other parts, or what it predicts."""
    asked = needs(Path(base)) if base and Path(base).is_file() else ""
    if asked == "parts":
        whole = [source for source in listed(now) if WITH not in source and " + " not in source]
        chosen = st.selectbox(say("models.parts"), whole, index=None, key="model_parts",
                              help=say("models.parts_help"))
    elif asked == "prediction":
        chosen = st.radio(say("models.predicts"), PREDICTIONS, index=None, key="model_predicts",
                          help=say("models.predicts_help"), format_func=lambda p: say(f"models.predicts_{p}"))
    else:
        return base
    return f"{base}{WITH}{chosen}" if chosen else ""


def _weighed(path: Path) -> str:
    weight = st.number_input(say("models.adapter_weight", name=path.name), -4.0, 4.0, 1.0, 0.1,
                             key=f"weight_{path}", help=say("models.adapter_weight_help"))
    return f"{path}*{weight:g}"


def download(now: Here) -> None:
    """The short list and a field for any other hub id; says why not while the workspace is offline."""
    st.markdown(say("models.download_text"))
    if now.settings.offline:
        st.info(say("models.download_offline"), icon=":material/cloud_off:")
    named = {k.source: say("models.download_known", name=k.name, family=facts(k.family).label, licence=k.licence,
                           size=size(k.size_bytes)) for k in KNOWN}
    chosen = st.radio(say("models.download_which"), [*named, _OTHER], key="download_which",
                      format_func=lambda s: named.get(s, say("models.download_other")))
    about = next((k for k in KNOWN if k.source == chosen), None)
    if about is not None:
        for words in (memory_plan.told(about.planned(room(now))), about.training, about.interrogation,
                      say("models.download_gated", id=about.id) if about.gated else ""):
            st.caption(words)
    typed = chosen or st.text_input(say("models.download_id"), key="download_id",
                                    help=say("models.download_id_help")).strip()
    full = st.toggle(say("models.download_full"), key="download_full", help=say("models.download_full_help"))
    if st.button(say("models.download_go"), icon=":material/download:",
                 disabled=now.settings.offline or not typed):
        task = DownloadModel(typed, "" if full else "fp16")
        state.remember(look_model=submit.submit(now, task))
        st.rerun()


def outcome(now: Here, job_id: str) -> None:
    """What a finished job of this page brought: the test's picture, or where a download went."""
    told = submit.result_of(now, job_id)
    if not told:
        return
    task = now.queue.get(job_id).task
    if isinstance(task, DownloadModel):
        st.success(say("models.downloaded", source=plain(told["source"])), icon=":material/check_circle:")
    elif isinstance(task, TryModel):
        _tested(told)


def _tested(told: dict) -> None:
    recipe = told["recipe"]
    st.caption(say("models.tested", name=plain(told["info"]["name"]), prompt=plain(recipe["prompt"]),
                   seed=recipe["seed"], steps=recipe["steps"], seconds=f"{told['elapsed_s']:.1f}"))
    path = Path(told["path"])
    if not path.is_file():
        st.caption(say("models.tested_gone"))
    elif not told["flagged"] or st.checkbox(say("models.flagged"), key="show_flagged"):
        widgets.picture(path.read_bytes(), alt=say("models.tested_alt"), width_px=512)


def workers(now: Here) -> None:
    """Each worker process: its device, what it does, what it holds in memory."""
    rows = now.queue.workers()
    if not rows:
        st.caption(say("settings.no_workers"))
    for row in rows:
        facts = ", ".join(f"{k}: {v}" for k, v in row.facts.items())
        st.markdown(say("settings.worker", kind=say(f"worker.{row.kind}"), pid=row.pid,
                        device=plain(row.device or "–"), facts=plain(facts) or "–"))
