"""Published lists of memorised prompts: both formats, their strata, and what is refused."""

from __future__ import annotations

import json

import pytest

from explorer.errors import ExplorerError
from explorer.findings.prompt_lists import MOST_BYTES, MOST_ROWS, read_table

NEMO = ("Caption;URL;type;mean_sscd;max_sscd;Index\n"
        '"The No Limits Business Woman Podcast";http://a.example/1.jpg;VM;0.91;0.97;12\n'
        '"Phone case; black";http://a.example/2.jpg;TM;0.5;0.62;13\n'
        '"the no limits business woman podcast ";http://a.example/3.jpg;VM;0,9;0,95;14\n')


def test_a_table_separated_by_semicolons():
    found = read_table(NEMO.encode()).rows
    assert [p.kind for p in found] == ["verbatim", "template", "verbatim"]
    assert found[1].prompt == "Phone case; black" and found[1].index == "13"
    assert [p.sscd for p in found] == [0.97, 0.62, 0.95]


def test_strata_are_counted_apart_and_doubles_once():
    found = read_table(NEMO.encode())
    assert (len(found.rows), found.distinct) == (3, 2)
    assert list(found.kinds.items()) == [("template", 1), ("verbatim", 2)]


@pytest.mark.parametrize("mark", [";", ",", "\t"])
def test_a_table_is_read_whatever_separates_its_columns(mark):
    found = read_table(f"Index{mark}Caption\n7{mark}a boat\n".encode()).rows
    assert [(p.prompt, p.index) for p in found] == [("a boat", "7")]


def test_one_json_object_a_line():
    lines = "\n".join(json.dumps({"caption": f"work {n}", "index": n, "url": "u"}) for n in range(3)) + "\n\n"
    found = read_table(lines.encode())
    assert [p.prompt for p in found.rows] == ["work 0", "work 1", "work 2"] and found.rows[2].index == "2"
    assert found.kinds == {"": 3}


@pytest.mark.parametrize(("data", "said"), [
    (b"title;year\na;1\n", "no column called"),
    (b'{"caption": "a"}\n{broken\n', "entry 2"),
    (b"\xff\xfe\x00a", "no UTF-8 text"),
    (b"a" * (MOST_BYTES + 1), "at most"),
    (b"", "no prompts"),
    (b"caption\n" + b"a\n" * (MOST_ROWS + 1), "at most"),
])
def test_what_is_no_list_is_refused_in_a_sentence(data, said):
    with pytest.raises(ExplorerError, match=said):
        read_table(data, name="list.csv")
