"""Every sentence stands in the texts: none elsewhere, none missing, none left over, each with its values."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.texts import WHOLE, catalogue, fields, known

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p.relative_to(ROOT).as_posix() for room in ("explorer", "pages")
               for p in (ROOT / room).rglob("*.py"))
ERRORS = {"ExplorerError", "ArchiveFault", "Refused", "Unreachable"}
SAYS = {"say": "", "statement": "statement.", **dict.fromkeys(ERRORS, "error.")}

# Files whose words are no sentences of the program.
APART = {
    "explorer/cases/contents.py": "the README of a package, which its check makes again to the byte",
    "explorer/cases/crate.py": "facts of a package's description, in the language of its vocabulary",
    "explorer/world_build/": "builds and trains the world: its makers read it, and its titles are data of examples",
    "explorer/findings/readme_table.py": "the README's own table",
}
# Calls whose words a person never reads, or that are names and patterns.
UNSAID = {"ValueError", "TypeError", "KeyError", "AssertionError", "IndexError", "RuntimeError", "TimeoutError",
          "execute", "executemany", "compile", "search", "match", "sub", "info", "warning", "error", "exception",
          "debug", "startswith", "note", "component"}


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"))


def called(node: ast.AST | None) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def text_of(node: ast.AST) -> str | None:
    """A string as it stands, with {} for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return None


def strings(module: ast.Module) -> Iterator[tuple[ast.AST, str, list[ast.AST]]]:
    """Every string but docstrings, whole f-strings as one, with the nodes around it, the nearest first."""
    around: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(module):
        around |= dict.fromkeys(ast.iter_child_nodes(node), node)
    for node in around:
        text, chain, up = text_of(node), [], node
        while text is not None and up in around:
            up = around[up]
            chain.append(up)
        if text is not None and not isinstance(chain[0], (ast.Expr, ast.JoinedStr)):
            yield node, text, chain


def is_sentence(text: str) -> bool:
    """Words with a capital first and a stop last."""
    bare = " ".join(text.split())
    if re.match(r"(SELECT|INSERT|UPDATE|DELETE|WITH) ", bare):
        return False
    return bool(re.match(r"[“\"{A-Z]", bare) and re.search(r"[.?!]$", bare)) and len(
        re.findall(r"[A-Za-z]{2,}", bare)) >= 4


def is_shown(node: ast.AST, text: str, chain: list[ast.AST]) -> bool:
    """Whether a call hands the string to a person as it is, sentence or not."""
    at = next((i for i, up in enumerate(chain) if not isinstance(up, (ast.IfExp, ast.BinOp))), 0)
    up, above = chain[at], chain[at + 1] if at + 1 < len(chain) else None
    words = len(re.findall(r"[A-Za-z]{3,}", re.sub(r":material/\w+:|<[^>]*>|\{\}", "", text)))
    if isinstance(up, ast.keyword):
        return up.arg in ("help", "label", "placeholder") and words > 1
    if called(up) in ("Progress", "report"):
        return words > 0
    if isinstance(up, ast.Call) and isinstance(up.func, ast.Attribute) and isinstance(up.func.value, ast.Name) \
            and up.func.value.id == "st":
        return (words > 1 and " " in text.strip() and up.args[:1] == [node]
                and up.func.attr not in ("html", "switch_page", "page_link"))
    return isinstance(above, ast.keyword) and above.arg == "help" and words > 1


def loose(name: str) -> list[str]:
    found = []
    for node, text, chain in strings(tree(name)):
        if any(called(up) in {*UNSAID, *SAYS} for up in chain if isinstance(up, ast.Call)):
            continue
        if is_sentence(text) or is_shown(node, text, chain):
            found.append(f"{name}:{node.lineno}: {' '.join(text.split())[:100]}")
    return found


@pytest.mark.parametrize("name", [f for f in FILES if not f.startswith(tuple(APART))])
def test_no_sentence_stands_in_the_code(name):
    assert loose(name) == []


def test_what_stands_apart_is_there():
    for name in APART:
        assert any(f.startswith(name) for f in FILES), name


@pytest.mark.parametrize("text", [
    'st.write("The model is gone. Choose another.")', 'x = "This is not the way to do it."',
    'f(x, f"{n} works could not be read.")', 'st.button("Press it now")', 'add("--a", help="how many of them")',
    'Progress(0, 1, "loading")', 'context.report(0, 1, "" if b else "loading")',
    'x = ("The first half of a sentence "\n     f"and its {n} other halves.")'])
def test_a_sentence_in_the_code_is_found(text, monkeypatch):
    monkeypatch.setattr("tests.texts.test_sources.tree", lambda _: ast.parse(text))
    assert len(loose("any.py")) == 1


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call that says a text by a key, with the key; two where the key is one of two."""
    for name in FILES:
        for node in ast.walk(tree(name)):
            if called(node) in SAYS and node.args:
                first = node.args[0]
                for key in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        yield name, node, SAYS[called(node)] + key.value


def test_every_key_that_is_said_exists_and_gets_its_values():
    found = list(calls())
    assert len(found) > 1000
    for name, node, key in found:
        where = f"{name}:{node.lineno}: {key}"
        assert known(key), where
        section, _, text = key.rpartition(".")
        given = {k.arg for k in node.keywords}
        wanted = fields(catalogue()[section][text])
        if None not in given and not isinstance(node.args[0], ast.IfExp):
            assert given == wanted, where
        else:
            assert None in given or wanted <= given, where


@functools.cache
def constants() -> tuple[set[str], re.Pattern]:
    """The strings of the code, and a pattern of the keys that are made at run time."""
    whole, made = set(), {"measured.X"}
    for name in FILES:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                made.add("".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values))
            elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                made.add(f"{node.left.value}X")
    keys = {key for key in made if re.fullmatch(r"[a-z_0-9]*[a-z_][a-z_0-9X]*(\.[a-z_0-9X]+)+", key) and "X" in key}
    keys -= {"error.X", "statement.X", "document.X"}  # of any key
    return whole, re.compile("|".join(re.escape(key).replace("X", ".+") for key in sorted(keys)))


@pytest.mark.parametrize("section", catalogue(WHOLE))
def test_no_text_is_left_over(section):
    whole, made = constants()
    said = {f"{section}.{name}" for name in catalogue()[section]} if section not in whole else set()
    left = [key for key in said if key not in whole and key.removeprefix("error.") not in whole
            and key.removeprefix("statement.") not in whole and not made.fullmatch(key)
            and not (section.startswith("document.") and section.removeprefix("document.") in whole)]
    assert left == []
