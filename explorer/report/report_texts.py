"""A report's fixed texts: what the figures mean, how they were made, what they cannot show, sources."""

from __future__ import annotations

from explorer.records import ModelRef, Recipe, Start, Subject

INTRO = ("This report asks one question of an image-generating model: how close can it get to a given picture, "
         "and does it get there by itself? It states what was tried, what came of it, what the same effort "
         "reached on pictures that the model was never shown, and what none of this can show.")

SHOWS = ("How near this model comes to the picture with a stated effort, how near it comes to pictures that it was "
         "never shown with the same effort, and how much information was put in by whoever ran the search.")

DECIDED = ("stands_out", "does_not_stand_out")
NOT_TOGETHER = ("Nothing is decided for these works: together, or each by itself, they do not fit the controls, so "
                "no p-value is to be relied on. How near the same effort came to each:")
HEADLINES = {
    "stands_out": "The picture stands out among the controls.",
    "does_not_stand_out": "The picture does not stand out among the controls.",
    "too_few_controls": "There were too few controls to decide.",
    "no_controls": "There were no controls, so nothing is decided.",
    "controls_do_not_fit": "The controls do not fit this picture, so nothing is decided.",
    "exploratory": "Exploratory: this was not the first test of this picture, so nothing is decided.",
    "supplied_by_you": "The picture comes back because it was put in.",
}

ORIGINS = {"upload": "a file that was handed in", "generated": "made by the model, with its recipe on record",
           "example": "an example from the bundled world"}

STARTS = {Start.NOISE: "from noise", Start.SUBJECT: "given the subject's picture at strength {strength}",
          Start.REPLAY: "given another replay's picture at strength {strength}",
          Start.OPTIMISED: "from optimised noise"}
STARTED = {Start.NOISE: "noise", Start.SUBJECT: "the subject, {strength}",
           Start.REPLAY: "another replay, {strength}", Start.OPTIMISED: "optimised noise"}
COMES_BACK = {Start.SUBJECT: "It comes back because it was put in.",
              Start.REPLAY: "It was led there in rounds; each was a choice, which the ledger charges.",
              Start.OPTIMISED: "It comes near because the noise was made for it."}

NO_CLAIMS = "The file carries no generation settings, EXIF, XMP or content credentials (C2PA)."
CLAIMS = "Anyone can write such claims into a file. They are no proof of who made it or how."
C2PA = {"valid": "present, signature valid", "invalid": "present but invalid: changed, or wrongly signed",
        "untrusted": "present, signature intact, but the signer is not on a trust list"}

BRIEF = ("This is the short form for many works. The full report of the same case adds, for each work, the other "
         "scores, every search with its plan, the plots, the nearest works and every replay.")

CONTROLS = ("What the same search reached on works that the model was not trained on, each against its own "
            "picture. The range is before anything is taken off for how simple a picture is.")

TESTS = ("Seeds from 0 on, which recovered prompts share; plain noise, no alignment. Settings and controls were "
         "written to the log before the first replay. A test after another one under other settings is exploratory "
         "and gets no p-value.")
SEVERAL_TESTS = ("This picture was put through {tests} measured tests, with {models} in all; the p-values are not "
                 "corrected for that.")
AMONG_ALT = "The subject among its controls: how much closer each came than such a picture lets one expect"
AMONG_PLAIN_ALT = "The subject among its controls: how close each came"
TIMES_AXIS = "Times as close as such a picture lets one expect"
CLOSER_AXIS = "Closer than such a picture lets one expect ({label})"
SCALES = {True: "1 is as close as expected, 2 is twice as close.", False: "0 is as close as expected."}
AMONG = ("Each dot is a control work, the diamond is the subject: how much closer the model came to it than it "
         "comes, on average, to a picture as simple, in such a style, with so long a caption and as like other "
         "pictures. {scale} {at_least} of {controls} controls came at least as close by this measure, which is "
         "what the p-value counts. Before anything is taken off, {raw} of {controls} controls came at least as "
         "close. Only left and right count: the heights keep the dots apart.")
AMONG_PLAIN = ("Each dot is the closest replay of one control work to that work, the diamond is the subject's; "
               "nothing is taken off. {raw} of {controls} controls came at least as close, which is what the "
               "p-value counts. Only left and right count: the heights keep the dots apart.")

PROMPTS = "Numbered in the order of their first use. The full report lists every replay with its prompt's number."

RECIPES = ("All that is needed to make each picture again, and the SHA-256 of what each stage gave. Those of "
           "every other replay are in the package of the case.")

HOW = (
    "The subject's original bytes are kept untouched and named by their SHA-256; what is compared are its "
    "decoded pixels in sRGB, laid on a white square of the replay's size with their aspect kept.",
    "A prompt was found by comparing words with the picture in a CLIP model, or given by a person. The "
    "picture's nearest neighbours in a collection were looked up by the same model.",
    "The model then made pictures (replays), each from a complete recipe: model, prompt, seed, sampler, "
    "steps, guidance, size. Every replay that was tried is on record, not only the best.",
    "Each replay was compared with the subject by several scores. The plan of a search is written to the "
    "case's log before its first replay.",
    "The bits that a person supplied (prompt, choice of seed and settings, starting image) are counted under "
    "stated codes, because a picture comes back from any model to which it is handed.",
    "Controls are works known not to be in the training set, put through the same search. The "
    "subject is ranked among them; the p-value is the share of that rank. It assumes that the subject, had it "
    "not been in training, would have come out like one of them.",
)

READING = (
    ("Closeness", "How near a replay is to the subject, by one named score. A score alone says little."),
    ("Control", "A work that the model was not trained on, given the same effort as the subject."),
    ("p-value", "The share of controls that come at least as close, the subject counted as one of them, after "
                "taking off what complexity, style, caption length and likeness to other pictures predict. Small "
                "means rare among controls. It is not the chance that the subject was used."),
    ("Subject", "The picture under test."),
    ("Prompt", "The words that the model is given."),
    ("Seed", "The number from which the noise is drawn that the model starts with. Another seed, another picture."),
    ("Steps, guidance, sampler", "Settings of the model: in how many steps and by which rule noise becomes a "
                                 "picture, and how strongly the words are enforced."),
    ("Strength", "Where the model was given a picture: how much of it was painted over, 0 to 1."),
    ("Network evaluations", "How often the model's network was run: a measure of effort that does not depend on "
                            "the computer."),
    ("Neighbour", "A work of a collection that is like the subject. CLIP, a network that places words and pictures "
                  "in one space, measures it from -1 to 1."),
    ("SHA-256", "A number computed from a file's bytes. Other bytes have another number."),
    ("Fingerprint", "The SHA-256 over all of a model's files: which model it was."),
    ("Bits supplied", "How much information the person put in; 10 bits are one choice among 1,024."),
    ("Replay and recipe", "A picture that the model made, and everything needed to make it again."),
    ("Exhibit", "A replay rendered a second time, alone and in deterministic mode, with hashes of each stage."),
    ("Log head", "The last link of the case's chain of entries. Whoever holds the printed head can tell whether "
                 "the log was changed later."),
)

REFERENCES = (
    "N. Carlini et al., Extracting Training Data from Diffusion Models, USENIX Security 2023 (tiled "
    "distance).",
    "G. Somepalli et al., Diffusion Art or Digital Forgery? Investigating Data Replication in Diffusion "
    "Models, CVPR 2023.",
    "Z. Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP "
    "2004; multi-scale version, Asilomar 2003.",
    "A. Radford et al., Learning Transferable Visual Models from Natural Language Supervision, ICML 2021 "
    "(CLIP).",
    "A. Davison and D. Hinkley, Bootstrap Methods and their Application, 1997 (rank p-value).",
    "C. Clopper and E. Pearson, The Use of Confidence or Fiducial Limits, Biometrika 1934.",
    "Y. Benjamini and Y. Hochberg, Controlling the False Discovery Rate, JRSS B 1995.",
)

UNSEALED = ("The chain of the log is consistent in itself. Against someone able to rewrite the whole case it holds "
            "only where the head printed here, or an outside time stamp over it, is kept elsewhere.")
BROKEN = "The chain of this case's log does NOT hold: {faults}. Nothing below should be relied on."
NO_SUBJECT = "The case has no subject yet, so there is nothing to report."
NOT_ALL = "Shown are the closest {shown} of {all} replays; the package of the case holds all of them."


def began(recipe: Recipe, subject: Subject, words: dict[Start, str] = STARTS) -> str:
    """What a replay started from, in these words."""
    return words[recipe.start(subject)].format_map({"strength": f"{recipe.strength or 0:g}"})


def model_name(model: ModelRef, *, short: bool = False) -> str:
    """A model by its source and fingerprint (12 of its 64 digits if `short`), with what was laid over it."""
    source = "the bundled model (Afterimage world)" if model.source == "world" else model.source
    over = f", with {len(model.adapters)} adapters" if model.adapters else ""
    return f"{source}{over}, fingerprint {model.fingerprint[:12 if short else 64]}"
