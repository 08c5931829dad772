"""A case's report as HTML, PDF or data: a function of a named log head, so that anyone can make it again."""

from __future__ import annotations

from explorer.cases.case import Case
from explorer.cases.snapshot import snapshot
from explorer.errors import ExplorerError
from explorer.images.decode import open_image, png_bytes
from explorer.report.blocks import Document
from explorer.report.compose import compose
from explorer.report.html import html_bytes
from explorer.report.options import ReportOptions
from explorer.report.report_numbers import data_bytes
from explorer.report.sheet import sheet_of

FORMATS = ("html", "pdf", "json")  # the last is for programs to read


def make_report(case: Case, *, kind: str = "html", head: int | str | None = None,
                options: ReportOptions | None = None) -> bytes:
    """The report's bytes; changes nothing in the case.

    `head` names a log entry by number or hash (the newest without one). The same head and options give
    the same bytes with the same versions of this program, Pillow, matplotlib and fpdf2. ExplorerError
    for an unknown kind or head, or a missing or changed blob.
    """
    if kind == "json":
        return data_bytes(snapshot(case, head=head), options or ReportOptions())
    return _set(document_of(case, head=head, options=options), kind)


def make_sheet(case: Case, replay_id: str, *, kind: str = "pdf", head: int | str | None = None,
               options: ReportOptions | None = None) -> bytes:
    """The exhibit sheet of one replay as one A4 page, or as HTML; errors and sameness as for a report."""
    found = snapshot(case, head=head)
    return _set(sheet_of(found, found.replay(replay_id), options or ReportOptions()), kind)


def _set(document: Document, kind: str) -> bytes:
    if kind == "html":
        return html_bytes(document)
    if kind != "pdf":
        raise ExplorerError("report.write_report_made_html_pdf", kind=kind)
    from explorer.report.pdf import pdf_bytes
    return pdf_bytes(document)


def document_of(case: Case, *, head: int | str | None = None,
                options: ReportOptions | None = None) -> Document:
    """The report as blocks, for a preview."""
    return compose(snapshot(case, head=head), options or ReportOptions())


def logo_png(data: bytes, name: str = "") -> bytes:
    """A person's logo through the image door, as the PNG that options take; ExplorerError if refused."""
    return png_bytes(open_image(data, name=name).rgb)
