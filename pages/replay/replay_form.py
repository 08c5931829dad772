"""The forms for replay settings: all of them, with the model's own defaults and expert ones folded away."""

from __future__ import annotations

import dataclasses

import streamlit as st

from explorer.diffusion.dialects import DIALECTS
from explorer.diffusion.names import GUIDANCE_RANGE, STEPS_RANGE
from explorer.errors import ExplorerError
from explorer.records import ModelInfo, ReplaySettings, StopRules
from explorer.records.families import FamilyFacts, facts
from explorer.records.program_samplers import PRESETS
from explorer.records.samplers import SAMPLERS, offered, sampler_label
from explorer.records.scores import SCORES
from explorer.search.expand import summarise
from pages.replay import race_chart
from pages.replay.replay_cards import FIRST_SCORES
from pages.shared.state import Here
from pages.shared.texts import plain, say
from pages.tasks import submit

STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MOST_SEED = 2**53 - 1  # what a browser can hold exactly
_STANDARD = (20, 7.5, 512)  # shown until a worker has looked at the model


def _defaults(info: ModelInfo | None) -> tuple[int, float, int]:
    return (info.default_steps, info.default_guidance, info.default_size_px) if info else _STANDARD


def one_image(now: Here) -> ReplaySettings | None:
    """The form for a subject made from a prompt; its settings once it was sent."""
    steps, guidance, _ = _defaults(submit.model_info(now))
    with st.form("one_image", border=False):
        prompt = st.text_area(say("set.prompt"), key="make_prompt", height=80)
        seed, n_steps, scale = st.columns(3)
        chosen = ReplaySettings(
            prompt=prompt.strip(), seeds=1,
            first_seed=seed.number_input(say("set.seed"), 0, MOST_SEED, 0, help=say("tip.seed"),
                                         key="make_seed"),
            steps=(n_steps.number_input(say("set.steps"), *STEPS_RANGE, steps, help=say("tip.steps"),
                                        key="make_steps"),),
            guidances=(scale.number_input(say("set.guidance"), *GUIDANCE_RANGE, guidance, 0.5,
                                          help=say("tip.guidance"), key="make_guidance"),))
        sent = st.form_submit_button(say("subject.make"))
    if sent and not chosen.prompt:
        st.warning(say("subject.no_prompt"))
        return None
    return chosen if sent else None


def full(now: Here, prompt: str) -> ReplaySettings:
    """Every replay setting, as chosen now; nothing starts here."""
    info = submit.model_info(now)
    text = st.text_area(say("set.prompt"), prompt, key=f"prompt_{now.open_subject.id}_{hash(prompt)}",
                        height=90, help=say("tip.prompt"))
    seeds, first, steps, guidance = st.columns(4)
    step_default, guidance_default, size = _defaults(info)
    settings = ReplaySettings(
        prompt=text.strip(),
        seeds=seeds.number_input(say("set.seeds"), 0, 100_000, submit.TRY_SEEDS, help=say("tip.seeds"),
                                 key="seeds"),
        first_seed=first.number_input(say("set.first_seed"), 0, MOST_SEED, 0, help=say("tip.seed"),
                                      key="first_seed"),
        steps=(steps.number_input(say("set.steps"), *STEPS_RANGE, step_default, help=say("tip.steps"),
                                  key=f"steps_{step_default}"),),
        guidances=(guidance.number_input(say("set.guidance"), *GUIDANCE_RANGE, guidance_default, 0.5,
                                         help=say("tip.guidance"), key=f"guidance_{guidance_default}"),))
    known = facts(info.family if info is not None else "sd1")
    strengths = st.pills(say("set.strengths"), STRENGTHS, selection_mode="multi", disabled=not known.img2img,
                         default=submit.TRY_STRENGTHS if known.img2img else (), format_func=lambda s: f"{s:g}",
                         help=say("tip.strengths"), key=f"strengths_{known.img2img}")
    lacking = [say(f"set.lacks_{name}") for name, there in (
        ("start", known.img2img), ("inside", known.own_loop), ("negative", known.negative),
        ("weights", known.weights), ("programs", known.own_loop and not known.flow)) if not there]
    if lacking:
        st.caption(say("set.lacks", family=known.label, what=", ".join(lacking)))
    settings = dataclasses.replace(settings, strengths=tuple(sorted(strengths)), mode=_mode(info))
    with st.expander(say("set.more"), icon=":material/tune:"):
        return _expert(settings, size, known)


def _mode(info: ModelInfo | None) -> str:
    """Whether every seed runs to its end, or those that fall behind are dropped on the way."""
    if info is not None and not facts(info.family).own_loop:
        return "exhaustive"
    return st.segmented_control(say("race.mode"), ("exhaustive", "race", "trigger"), default="exhaustive",
                                required=True, format_func=lambda m: say(f"search_mode.{m}"),
                                help=f"{say('race.tip')} {say('trigger.tip')}", key="mode")


def _stops(score: str) -> StopRules:
    """When to end before the plan is through; a field left at 0 or empty is no rule."""
    tries, minutes, close, gain = st.columns(4)
    aim = close.number_input(say("race.stop_closeness", label=SCORES[score].label), SCORES[score].low,
                             SCORES[score].high, None, help=say("race.tip_stop"), key=f"stop_{score}")
    return StopRules(
        tries=tries.number_input(say("race.stop_tries"), 0, 1_000_000, 0, help=say("race.tip_stop"),
                                 key="stop_tries"),
        seconds=60.0 * minutes.number_input(say("race.stop_minutes"), 0, 100_000, 0, help=say("race.tip_stop"),
                                            key="stop_minutes"),
        closeness=aim,
        no_gain=gain.number_input(say("race.stop_gain"), 0, 1_000_000, 0, help=say("race.tip_stop"),
                                  key="stop_gain"))


def _expert(settings: ReplaySettings, size: int, known: FamilyFacts) -> ReplaySettings:
    more = st.text_area(say("set.more_prompts"), help=say("tip.more_prompts"), key="more_prompts", height=68)
    words, weights = st.columns([3, 1])
    negative = words.text_input(say("set.negative"), help=say("tip.negative"), key="negative",
                                disabled=not known.negative)
    brackets = DIALECTS if known.weights else DIALECTS[:1]
    dialect = weights.selectbox(say("set.dialect"), brackets, format_func=lambda d: say(f"dialect.{d}"),
                                help=say("tip.dialect"), key="dialect")
    named = [name for name in offered(known.flow) if name in SAMPLERS]
    schedulers = st.pills(say("set.schedulers"), named, selection_mode="multi", disabled=not known.own_loop,
                          default=["euler"], format_func=sampler_label, help=say("tip.schedulers"),
                          key="schedulers")
    programs = st.multiselect(say("set.programs"), [] if known.flow else list(PRESETS), format_func=sampler_label,
                              help=say("tip.programs"), key="programs", disabled=known.flow or not known.own_loop)
    more_steps, more_guidance = st.columns(2)
    steps = more_steps.multiselect(say("set.more_steps"), [10, 20, 30, 50, 100], help=say("tip.more"),
                                   key="more_steps")
    guidances = more_guidance.multiselect(say("set.more_guidance"), [1.0, 3.0, 5.0, 7.5, 12.0, 20.0, 30.0],
                                          help=say("tip.more"), key="more_guidance")
    width, height, per, score = st.columns(4)
    settings = dataclasses.replace(
        settings, more_prompts=tuple(dict.fromkeys(line.strip() for line in more.splitlines() if line.strip())),
        negative_prompt=negative.strip() if known.negative else "", dialect=dialect,
        schedulers=(*schedulers, *programs) or ("euler",),
        steps=tuple(dict.fromkeys((*settings.steps, *steps))),
        guidances=tuple(dict.fromkeys((*settings.guidances, *guidances))),
        width_px=width.number_input(say("set.width"), 8, 4096, size, 8, help=say("tip.size"),
                                    key=f"width_{size}"),
        height_px=height.number_input(say("set.height"), 8, 4096, size, 8, help=say("tip.size"),
                                      key=f"height_{size}"),
        strength_seeds=per.number_input(say("set.strength_seeds"), 1, 1000, 1, help=say("tip.strength_seeds"),
                                        key="strength_seeds"),
        primary_score=score.selectbox(say("set.score"), FIRST_SCORES, format_func=lambda n: SCORES[n].label,
                                      help=say("tip.score"), key="primary_score"))
    return dataclasses.replace(settings, stop=_stops(settings.primary_score))


def plan(now: Here, settings: ReplaySettings) -> bool:
    """Says what the search will take, before it starts; False where the settings are not possible."""
    info = submit.model_info(now)
    if info is None:
        bundled = now.settings.model == "world"
        st.info(say("replay.no_model" if bundled else "replay.unknown_model"), icon=":material/help:")
        return submit.looked_at(now)
    try:
        planned = summarise(settings, info)
    except ExplorerError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return False
    st.markdown(say("replay.plan", tries=planned.tries, noise=planned.from_noise, subject=planned.from_subject,
                    evaluations=f"{planned.unet_evaluations:,}", time=submit.estimate(now, planned)))
    if planned.race is not None:
        st.caption(race_chart.limit_line(planned.race))
    if planned.from_subject:
        st.caption(say("replay.given"))
    return True
