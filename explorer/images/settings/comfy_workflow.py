"""ComfyUI's editor form ("workflow") as the nodes that would have run."""

from __future__ import annotations

from typing import Any

from explorer.images.settings.comfy_graph import MAX_NODES, Link, Node
from explorer.images.settings.comfy_tables import WIDGETS

_AFTER_SEED = ("fixed", "increment", "decrement", "randomize")
_NEVER, _BYPASSED = 2, 4
MAX_DEPTH = 8


def nodes_of(workflow: dict[str, Any]) -> dict[str, Node]:
    """The nodes by id, subgraphs laid open ("57:3" is node 3 inside node 57), bypassed ones bridged."""
    definitions = workflow.get("definitions")
    graphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    kinds = {str(g["id"]): g for g in graphs or [] if isinstance(g, dict) and "id" in g}
    made: dict[str, Node] = {}
    bridges: dict[tuple[str, int], Link | None] = {}
    _lay_open(workflow, "", kinds, made, bridges, depth=0)
    for node in made.values():
        own = node.inputs.pop(_OWN, {})  # values that count where a link leads to nothing
        linked = {k: _bridged(v, bridges) if isinstance(v, Link) else v for k, v in node.inputs.items()}
        node.inputs = {k: own.get(k, _GONE) if v is _GONE else v for k, v in linked.items()}
        node.inputs = {k: v for k, v in node.inputs.items() if v is not _GONE}
    return made


class _Gone:
    pass


_GONE = _Gone()
_OWN = "\0own"


def _bridged(link: Link, bridges: dict[tuple[str, int], Link | None]) -> Any:
    for _ in range(MAX_NODES):
        key = (link.node, link.slot)
        if key not in bridges:
            return link
        onward = bridges[key]
        if onward is None:
            return _GONE
        link = onward
    return _GONE


def _lay_open(graph: dict[str, Any], prefix: str, kinds: dict[str, Any], made: dict[str, Node],
              bridges: dict[tuple[str, int], Link | None], *, depth: int) -> None:
    links = _links(graph, prefix)
    for raw in graph.get("nodes") or []:
        if not isinstance(raw, dict) or len(made) >= MAX_NODES or "id" not in raw:
            continue
        name, kind = f"{prefix}{raw['id']}", str(raw.get("type", ""))
        incoming = [i for i in raw.get("inputs") or [] if isinstance(i, dict)]
        ends = {str(i.get("name")): links.get(_key(i.get("link"))) for i in incoming}
        ends = {k: v for k, v in ends.items() if v is not None}
        if raw.get("mode") in (_NEVER, _BYPASSED):
            _bypass(raw, name, incoming, ends, bridges)
        elif kind in kinds and depth < MAX_DEPTH:
            _enter(kinds[kind], name, ends, _widgets(raw, kind, incoming), made, bridges)
            _lay_open(kinds[kind], f"{name}:", kinds, made, bridges, depth=depth + 1)
        elif kind not in ("Note", "MarkdownNote"):
            own = _widgets(raw, kind, incoming)
            made[name] = Node(name, kind, own | ends | {_OWN: own}, str(raw.get("title", ""))[:100])


def _key(link: Any) -> str:
    return str(link)


def _links(graph: dict[str, Any], prefix: str) -> dict[str, Link]:
    """Link number -> where it comes from; lists and objects are both written."""
    found = {}
    for link in graph.get("links") or []:
        if isinstance(link, list) and len(link) >= 5:
            number, origin, slot = link[0], link[1], link[2]
        elif isinstance(link, dict):
            number, origin, slot = link.get("id"), link.get("origin_id"), link.get("origin_slot")
        else:
            continue
        if isinstance(slot, int):
            found[_key(number)] = Link(f"{prefix}{origin}", slot)
    return found


def _bypass(raw: dict[str, Any], name: str, incoming: list[dict], ends: dict[str, Link],
            bridges: dict[tuple[str, int], Link | None]) -> None:
    """A bypassed node hands on its first input of the output's type; a silenced one hands on nothing."""
    for slot, out in enumerate(raw.get("outputs") or []):
        kind = out.get("type") if isinstance(out, dict) else None
        same = [ends.get(str(i.get("name"))) for i in incoming if i.get("type") == kind]
        bridges[(name, slot)] = next((s for s in same if s), None) if raw.get("mode") == _BYPASSED else None


def _enter(definition: dict[str, Any], name: str, ends: dict[str, Link], values: dict[str, Any],
           made: dict[str, Node], bridges: dict[tuple[str, int], Link | None]) -> None:
    """Joins a subgraph to its surroundings: its inputs stand at node -10, its outputs at node -20.

    A value typed at the subgraph's own node reaches its inside as one from a node of its own.
    """
    inputs = [i for i in definition.get("inputs") or [] if isinstance(i, dict)]
    for slot, one in enumerate(inputs):
        key = str(one.get("name"))
        link = ends.get(key)
        if link is None and key in values:
            link = Link(f"{name}:-10:{slot}", 0)
            made[link.node] = Node(link.node, "PrimitiveNode", {"value": values[key]})
        bridges[(f"{name}:-10", slot)] = link
    inner = definition.get("links") or []
    for link in inner:
        if isinstance(link, dict):
            origin, from_slot = link.get("origin_id"), link.get("origin_slot")
            target, slot = link.get("target_id"), link.get("target_slot")
        elif isinstance(link, list) and len(link) >= 5:
            _, origin, from_slot, target, slot = link[:5]
        else:
            continue
        if target == -20 and isinstance(slot, int) and isinstance(from_slot, int):
            bridges[(name, slot)] = Link(f"{name}:{origin}", from_slot)


def _widgets(raw: dict[str, Any], kind: str, incoming: list[dict]) -> dict[str, Any]:
    """Values by name: from the node's own widget inputs, else from what is known of its kind; else by number."""
    values = raw.get("widgets_values")
    if isinstance(values, dict):
        return {str(k): v for k, v in values.items()}
    if not isinstance(values, list):
        return {}
    names = [str(i["widget"]["name"]) for i in incoming
             if isinstance(i.get("widget"), dict) and "name" in i["widget"]]
    known = WIDGETS.get(kind)
    if known is None or (len(names) > len(known)):
        known = tuple(names)
    made, at = {}, 0
    for name in known:
        if at >= len(values):
            break
        made[name] = values[at]
        at += 1
        if name in ("seed", "noise_seed") and at < len(values) and values[at] in _AFTER_SEED:
            at += 1
    made |= {f"value {i + 1}": v for i, v in enumerate(values) if i >= at and not isinstance(v, (dict, list))}
    return made
