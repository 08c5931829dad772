"""What the subject's file says of itself: generation settings, EXIF, XMP and C2PA. Claims, not proof."""

from __future__ import annotations

from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.images.metadata import Embedded, read_metadata
from explorer.records import Subject
from explorer.report import report_texts
from explorer.report.blocks import Block, Heading, Table, Text
from explorer.texts import say

LONGEST = 1000  # characters of one claim that are printed


def claims_blocks(case: CaseView, subject: Subject) -> list[Block]:
    """The claims in the subject's original bytes, read in the image door's own process; one line where none are."""
    blocks: list[Block] = [Heading(say("document.file_says_itself"), 3)]
    try:
        found = read_metadata(case.blob(subject.sha256))
    except ExplorerError as error:
        return [*blocks, Text(str(error), "note")]
    rows = _rows(found)
    if rows:
        blocks += [Table(report_texts.head("claims"), tuple(rows), wide=(1,)), Text(say("document.claims"), "note")]
    elif found.c2pa.state == "absent" and not found.notes:
        blocks.append(Text(say("document.no_claims")))
    return [*blocks, *(Text(note, "note") for note in found.notes)]


def _rows(found: Embedded) -> list[tuple[str, str]]:
    state = found.c2pa
    rows = []
    if state.state != "absent":
        by = say("document.signer", signer=state.signer) if state.signer else ""
        told = report_texts.named("c2pa", state.state)
        rows.append((say("document.content_credentials_c2pa"), f"{told}.{by} {state.reason}"))
    for made in found.generation:
        rows += [(f"{made.tool}: {name.replace('_', ' ').replace(' px', ' (pixels)')}", str(value))
                 for name, value in made.facts().items()]
    rows += [(f"EXIF {name}", value) for name, value in found.exif.items()]
    rows += [(f"XMP {name}", value) for name, value in found.xmp_fields.items()]
    return [(name, value.strip() if len(value) <= LONGEST else say(
        "document.cut_short", value=value[:LONGEST], n=len(value))) for name, value in rows]
