"""A case's report as HTML or PDF: a function of a named log head, so that anyone can make it again."""

from __future__ import annotations

from explorer.cases.case import Case
from explorer.cases.snapshot import snapshot
from explorer.errors import ExplorerError
from explorer.images.decode import open_image, png_bytes
from explorer.report.blocks import Document
from explorer.report.compose import ReportOptions, compose
from explorer.report.html import html_bytes

FORMATS = ("html", "pdf")


def make_report(case: Case, *, kind: str = "html", head: int | str | None = None,
                options: ReportOptions | None = None) -> bytes:
    """The report's bytes; changes nothing in the case.

    `head` names a log entry by number or hash (the newest without one). The same head and options give
    the same bytes with the same versions of this program, Pillow, matplotlib and fpdf2. ExplorerError
    for an unknown kind or head, or a missing or changed blob.
    """
    if kind not in FORMATS:
        raise ExplorerError("report.write_report_made_html_pdf", kind=kind)
    document = document_of(case, head=head, options=options)
    if kind == "html":
        return html_bytes(document)
    from explorer.report.pdf import pdf_bytes
    return pdf_bytes(document)


def document_of(case: Case, *, head: int | str | None = None,
                options: ReportOptions | None = None) -> Document:
    """The report as blocks, for a preview."""
    return compose(snapshot(case, head=head), options or ReportOptions())


def logo_png(data: bytes, name: str = "") -> bytes:
    """A person's logo through the image door, as the PNG that options take; ExplorerError if refused."""
    return png_bytes(open_image(data, name=name).rgb)
