"""ComfyUI's graphs, both forms, as nodes with named inputs; links are followed, values looked up.

The "prompt" form is what ran: {id: {class_type, inputs}}, a link being [id, slot]. The "workflow" form is what the
editor shows: nodes with links by number, values by position, subgraphs as definitions; it is brought into the
first form here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from explorer.images.settings.comfy_tables import VALUES
from explorer.texts import say

MAX_NODES = 5000
MAX_HOPS = 400


class Undecided(Exception):
    """The walk cannot tell what went in; the text says at which node."""


@dataclass(frozen=True)
class Link:
    node: str
    slot: int


@dataclass(eq=False)
class Node:
    """One node; `inputs` holds values and `Link`s by name, `used` the names that were read."""

    id: str
    kind: str
    inputs: dict[str, Any]
    title: str = ""
    used: set[str] = field(default_factory=set)
    touched: bool = False

    @property
    def name(self) -> str:
        return f"node {self.id[:40]} ({self.kind[:60]})"

    def use(self, *names: str) -> None:
        self.touched = True
        self.used.update(names)

    def links(self) -> dict[str, Link]:
        return {k: v for k, v in self.inputs.items() if isinstance(v, Link)}


class Graph:
    """The nodes by id. `node(link)` is where a link comes from, behind reroutes and switches that are decided."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes

    def node(self, link: Any) -> Node | None:
        """The node that a link comes from; None if it is no link; Undecided if it leads nowhere."""
        return None if not isinstance(link, Link) else self.origin(link)[0]

    def origin(self, link: Link) -> tuple[Node, int]:
        """(node, output slot) behind whatever only passes on what goes in."""
        for _ in range(MAX_HOPS):
            node = self.nodes.get(link.node)
            if node is None:
                raise Undecided(say("note.images.link_leads_node", node=link.node[:40]))
            onward = passed_on(self, node, link.slot)
            if onward is None:
                return node, link.slot
            link = onward
        raise Undecided(say("note.images.links_run_circle_node", node=link.node[:40]))

    def upstream(self, node: Node) -> list[Node]:
        """Every node that something of `node` comes from, itself first."""
        seen, queue = {node.id}, [node]
        for one in queue:
            for link in one.links().values():
                if link.node not in seen and link.node in self.nodes:
                    seen.add(link.node)
                    queue.append(self.nodes[link.node])
        return queue

    def value(self, node: Node, *names: str, depth: int = 0) -> Any:
        """The value of the first input that is there: as it stands, or from the node that it is linked to.

        Undecided where that node makes its value by ways that are not known here.
        """
        for name in names:
            if name in node.inputs:
                node.use(name)
                given = node.inputs[name]
                return self._behind(given, f"“{name}” of {node.name}", depth) if isinstance(given, Link) else given
        return None

    def _behind(self, link: Link, what: str, depth: int) -> Any:
        source, slot = self.origin(link)
        if depth > 20:
            raise Undecided(say("note.images.comes_too_far", what=what))
        source.touched = True
        keys = VALUES.get(source.kind)
        if keys is None:
            raise Undecided(say("note.images.comes_ways_not", what=what, source_name=source.name))
        if keys and keys[0] == "+":
            return self._joined(source, depth)
        by_slot = [k for k in keys if k.startswith(f"{slot}:")]
        return self.value(source, *([k.partition(":")[2] for k in by_slot] or keys), depth=depth + 1)

    def _joined(self, node: Node, depth: int) -> str:
        """Texts that a node joins in the order of their names."""
        node.use("delimiter", "separator", "clean_whitespace", "linebreak_addition", "inputcount")
        between = node.inputs.get("delimiter", node.inputs.get("separator", ""))
        if isinstance(between, Link) or node.inputs.get("linebreak_addition") in ("true", True):
            raise Undecided(say("note.images.joins_texts_something", node_name=node.name))
        names = sorted(k for k in node.inputs if k.lower().startswith(("text", "string")))
        texts = [self.value(node, name, depth=depth + 1) for name in names]
        if not all(isinstance(t, str) for t in texts):
            raise Undecided(say("note.images.joins_no_text", node_name=node.name))
        if node.inputs.get("clean_whitespace") in ("true", True):
            texts = [t.strip() for t in texts if t.strip()]
        return str(between).replace("\\n", "\n").join(texts)


def passed_on(graph: Graph, node: Node, slot: int) -> Link | None:
    """Where a reroute or a decided switch gets its output from; None for any other node."""
    links = node.links()
    kind = node.kind.lower()
    if "reroute" in kind or kind in ("getnode", "setnode", "bypass"):
        node.touched = True
        if len(links) == 1:
            return next(iter(links.values()))
        raise Undecided(say("note.images.passes_something_not", node_name=node.name))
    if "switch" not in kind and kind not in ("impactconditionalbranch", "easy ifelse", "if any execute",
                                             "comfyswitchnode", "lazyswitch", "crystoolsswitch"):
        return None
    return _switched(graph, node, links)


def _switched(graph: Graph, node: Node, links: dict[str, Link]) -> Link:
    node.touched = True
    if node.kind == "Any Switch (rgthree)":  # the first that is connected
        return links[min(links)] if links else _open(node)
    selectors = ("select", "index", "Input", "input", "switch", "boolean", "condition", "cond", "bool", "selected",
                 "value")
    chosen = next((n for n in selectors if n in node.inputs and n not in _branches(node.inputs)), None)
    if chosen is None:
        return _open(node)
    value = graph.value(node, chosen)
    node.use(*node.inputs)
    if isinstance(value, bool):
        names = ("on_true", "true", "if_true", "tt_value", "true_value") if value else (
            "on_false", "false", "if_false", "ff_value", "false_value")
        return next((links[n] for n in names if n in links), None) or _open(node)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, int):
        found = [link for name, link in links.items() if name != chosen and _numbered(name) == value]
        if len(found) == 1:
            return found[0]
    return _open(node)


def _branches(inputs: dict[str, Any]) -> set[str]:
    return {n for n, v in inputs.items() if isinstance(v, Link) and (_numbered(n) is not None or "true" in n
                                                                     or "false" in n)}


def _numbered(name: str) -> int | None:
    digits = name[len(name.rstrip("0123456789")):]
    return int(digits[:6]) if digits else None


def _open(node: Node) -> Link:
    raise Undecided(say("note.images.way_switched_not", node_name=node.name))


def read_graph(text: str) -> Graph | None:
    """The graph of either form; None if the text is no graph."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("prompt"), dict) and not _is_prompt(value):
        value = value["prompt"]
    if not isinstance(value, dict):
        return None
    if _is_prompt(value):
        return Graph(_from_prompt(value))
    if isinstance(value.get("nodes"), list) and value["nodes"]:
        from explorer.images.settings.comfy_workflow import nodes_of
        return Graph(nodes_of(value))
    return None


def _is_prompt(value: dict[str, Any]) -> bool:
    return any(
        isinstance(v, dict) and isinstance(v.get("class_type"), str) for v in list(value.values())[:MAX_NODES]
    )


def _from_prompt(value: dict[str, Any]) -> dict[str, Node]:
    nodes = {}
    for key, raw in list(value.items())[:MAX_NODES]:
        if not isinstance(raw, dict) or not isinstance(raw.get("class_type"), str):
            continue
        inputs = raw.get("inputs")
        meta = raw.get("_meta")
        title = meta.get("title", "") if isinstance(meta, dict) else ""
        nodes[key] = Node(key, raw["class_type"], {str(k): _linked(v, value) for k, v in inputs.items()}
                          if isinstance(inputs, dict) else {}, str(title)[:100])
    return nodes


def _linked(value: Any, nodes: dict[str, Any]) -> Any:
    """[id, slot] as a Link; other lists are values (some nodes have them)."""
    if isinstance(value, dict) and set(value) == {"__value__"}:  # how the editor writes a list that is a value
        return value["__value__"]
    if not isinstance(value, list) or len(value) != 2 or type(value[1]) is not int:
        return value
    named = isinstance(value[0], str) or (type(value[0]) is int and str(value[0]) in nodes)
    return Link(str(value[0]), value[1]) if named else value


__all__ = ["Graph", "Link", "Node", "Undecided", "read_graph"]
