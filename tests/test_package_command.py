"""What `verify` says to a person, beside the JSON that it prints."""

from __future__ import annotations

from explorer.commands.package_command import told

CHECKED = {"checks": [{"name": "log", "state": "holds", "what": "All 84 entries follow from one another."}],
           "sentence": "Internally consistent."}


def replayed(*verdicts):
    seen = [v["largest_difference"] for v in verdicts if "largest_difference" in v]
    return CHECKED | {"replay": {"exhibits": len(verdicts), "verdicts": list(verdicts),
                                 "identical": sum(v["state"] == "identical" for v in verdicts),
                                 "largest_difference": max(seen, default=0)}}


def test_each_part_and_what_it_comes_to_are_said():
    assert told(CHECKED) == ["log: holds. All 84 entries follow from one another.", "Internally consistent."]


def test_exhibits_are_counted_with_the_largest_difference():
    lines = told(replayed({"state": "identical"}, {"state": "different", "largest_difference": 3}))
    assert lines[1] == ("exhibits: 2 of 2 replayed, 1 of them byte for byte the same; largest difference of a "
                        "colour value: 3 of 255.")


def test_exhibits_that_could_not_be_replayed_give_no_difference_but_the_reason_once():
    not_here = {"state": "not replayed", "why": "It was made with another model."}
    lines = told(replayed(not_here, not_here))
    assert lines[1:3] == ["exhibits: 0 of 2 replayed, 0 of them byte for byte the same.",
                          "exhibits: It was made with another model."]
