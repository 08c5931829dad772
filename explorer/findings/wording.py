"""The sentences in which findings are said: fixed templates with numbers, effort and limits.

Every statement that the app or a report makes about a subject comes from here. None of them says what
someone did; each says what was measured, with which effort, and what that cannot show.
"""

from __future__ import annotations

import string

STATEMENTS: dict[str, str] = {
    "stands_out":
        "Of {controls} control works that the model was not trained on, each given the same effort "
        "({tries} tries, {evaluations} network evaluations), {at_least} came at least as close to their own "
        "picture as the subject did{allowing} (p = {p}; the smallest value possible with {controls} "
        "controls is {smallest}). The closest replay of the subject reached {value} ({score}).",
    "does_not_stand_out":
        "The subject does not stand out: {at_least} of {controls} control works that the model was not "
        "trained on came at least as close{allowing} with the same effort ({tries} tries, {evaluations} "
        "network evaluations; p = {p}). The closest replay reached {value} ({score}).",
    "too_few_controls":
        "With {controls} controls the smallest p-value possible is {smallest}, so the level of {level} "
        "cannot be reached; at least {needed} controls are needed. The closest replay reached {value} "
        "({score}) with {tries} tries.",
    "no_controls":
        "The closest of {tries} replays ({evaluations} network evaluations) reached {value} ({score}). "
        "Without controls put through the same effort this closeness cannot be weighed: any two sparse "
        "drawings look close, and the best of many tries is always nearer than one.",
    "controls_do_not_fit":
        "No p-value is given: {why}. The closest of {tries} replays ({evaluations} network evaluations) "
        "reached {value} ({score}).",
    "exploratory":
        "No p-value is given: the same picture was tested with other settings or controls before ({tests} "
        "earlier measured tests), and a choice made after a look is exploratory. The closest of {tries} "
        "replays ({evaluations} network evaluations) reached {value} ({score}).",
    "supplied_by_you":
        "This replay was given {bits} bits, {share} of them in a starting image or in noise made for it: the "
        "picture comes back because it was put in. The closeness of {value} ({score}) says nothing about "
        "what the model holds.",
    "not_run":
        "No replay has been made yet, so there is nothing to weigh.",
    "above_band":
        "With {bits} bits supplied, the subject's test reached {value} ({score}). {off}95 of 100 "
        "of its {controls} controls, which supplied {least} to {most} bits, came no closer than {band}: the "
        "subject is closer than the controls' band by {margin}.",
    "within_band":
        "With {bits} bits supplied, the subject's test reached {value} ({score}), within what its {controls} "
        "controls reach with {least} to {most} bits. {off}95 of 100 of them came no "
        "closer than {band}.",
    "neighbour":
        "The nearest work of the collection {collection} is {title} by {creator}, similarity {similarity} "
        "({percentile} of unrelated pairs of its works are less alike).",
    "neighbour_near":
        "The collection {collection} holds a near-identical picture: {title} by {creator}, similarity "
        "{similarity}. That the collection holds it does not show that this model learnt from it.",
    "portfolio":
        "{listed} of {works} works are listed at a false discovery rate of {rate}: of such a list, about "
        "that share is expected to be there by chance. Each work was given {tries} tries and ranked among "
        "{controls} controls.",
    "portfolio_none":
        "None of {works} works is listed at a false discovery rate of {rate}, with {tries} tries each and "
        "{controls} controls. Works that would have to stand out before any could be listed with so many "
        "controls: at least {least}.",
    "portfolio_does_not_fit":
        "The works are ranked, but no p-values and no list are given: {why}. {works} works, {tries} tries "
        "each, {controls} controls.",
    "exhibit_again":
        "Rendered a second time from its recipe alone, the replay differs from the exhibit by at most "
        "{difference} of 255 in any colour value ({pixels} pixels differ).",
}

ERROR_RATES: dict[str, str] = {
    "measured":
        "Measured error rate of this rule ({rule}): {share} of {cases} works that were not in training were "
        "flagged (95% interval {low} to {high}), on {measured_on}, {date}, model {fingerprint}.",
    "missed":
        "Measured misses of this rule ({rule}) among works that the bundled model had in training, each tested "
        "unaltered and, where the test takes a caption, with the caption that it was trained with: it did not flag "
        "{missed} (upper 95% limits; {date}, model {fingerprint}).",
    "elsewhere":
        "No error rate has been measured for this model with these controls. Rates measured on the bundled "
        "world hold for its own model and controls only; here only the controls that were run speak.",
    "none":
        "No error rate is quoted, because nothing was decided.",
}

ALLOWING = ", after taking off what complexity, style, caption length and likeness to other pictures predict"

LIMITS: dict[str, str] = {
    "similar": "Similar is not derived: a neighbour shows likeness, not that the model learnt from it.",
    "member": "Reproducible is not a member: a picture that was not in training can come back too, for "
              "example when it is simple, a common motif, or close to one that was.",
    "absent": "Not found with this effort is not absent: more tries, another prompt or another model may "
              "find it.",
    "effort": "The figure holds for this effort, this model and these settings.",
    "controls": "A p-value ranks the subject among these controls; it is not the chance that the work was "
                "used. It rests on none of them having been in training: that is known of the bundled controls, "
                "and of others it is the word of whoever chose them.",
    "start": "A replay that starts from the subject's own picture is near it whatever the model knows.",
    "several": "Where several works or settings were looked at, one of them stands out by chance now and "
               "then.",
    "law": "Nothing here says who made what, whether a use was allowed, or what the law makes of it.",
}

LIMITS_OF: dict[str, tuple[str, ...]] = {
    "stands_out": ("member", "controls", "effort", "law"),
    "does_not_stand_out": ("absent", "effort", "law"),
    "too_few_controls": ("controls", "absent", "law"),
    "no_controls": ("member", "absent", "law"),
    "controls_do_not_fit": ("controls", "absent", "law"),
    "exploratory": ("several", "absent", "law"),
    "supplied_by_you": ("start", "law"),
    "not_run": ("absent",),
    "above_band": ("member", "effort", "law"),
    "within_band": ("absent", "effort", "law"),
    "neighbour": ("similar", "law"),
    "neighbour_near": ("similar", "law"),
    "portfolio": ("several", "member", "effort", "law"),
    "portfolio_none": ("absent", "effort", "law"),
    "portfolio_does_not_fit": ("controls", "absent", "law"),
    "exhibit_again": ("effort",),
}

PLAIN_ANSWERS: dict[str, tuple[str, str]] = {
    "What does this show?": (
        "How near this model comes to the picture with a stated effort, how near it comes to pictures that "
        "it was never shown with the same effort, and how much information you put in yourself.", ""),
    "What can it not show?": (
        "Whether the picture was in the training set, who made what from what, or whether any of it was "
        "allowed.",
        "A picture that stands out is a reason to ask for the training data; one that does not is no proof "
        "of its absence."),
    "Is somebody in the wrong?": (
        "That is a question of law and of facts outside this program: licence, permission, use, harm.",
        "What you see here can be one exhibit among others. Show it with its controls, its effort and its "
        "limits, or not at all."),
    "Could it be chance?": (
        "Yes, and the p-value says how easily: it is the share of never-seen works, this one counted among "
        "them, that came at least as close with the same effort, after taking off what such a picture lets one "
        "expect.",
        "The best of a thousand tries is always nearer than the best of ten; that is why controls get the "
        "same number."),
}

BANNED = ("copied", "copies of your", "stolen", "stole", "steal", "theft", "infring", "plagiar", "pirat",
          "proves", "proof that", "guilty")


def say(kind: str, **values: object) -> str:
    """The statement of `kind` with its values in place.

    KeyError for an unknown kind, TypeError if a value is missing or one too many is given: a sentence
    with a hole, or a number that nobody reads, is a bug.
    """
    return fill(STATEMENTS[kind], values)


def fill(template: str, values: dict[str, object]) -> str:
    """A template with its values; values are texts already and are never read as templates themselves."""
    wanted = fields(template)
    if wanted != set(values):
        raise TypeError(f"the sentence needs {sorted(wanted)}, got {sorted(values)}")
    return template.format_map({k: str(v) for k, v in values.items()})


def fields(template: str) -> set[str]:
    """The names of a template's values."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def limits(kind: str) -> tuple[str, ...]:
    """What a statement of `kind` cannot show, in fixed sentences."""
    return tuple(LIMITS[name] for name in LIMITS_OF[kind])


def number(value: float, digits: int = 3) -> str:
    """A number for a sentence: as many digits as mean something, never in exponents above a millionth."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    text = f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:.7f}".rstrip("0") if "e" in text else text


def above(percentile: float) -> str:
    """A standing among unrelated pairs in [0, 100] as text; a sample never shows that it is above all of them."""
    return "over 99.9%" if percentile > 99.9 else f"{percentile:.1f}%"


def percent(share: float) -> str:
    """A share as a percentage: "3.1%", never rounded to nothing or to all."""
    if 0 < share < 0.001:
        return "under 0.1%"
    if 0.999 < share < 1:
        return "over 99.9%"
    return f"{100 * share:.3g}%"
