"""A document as one HTML file: pictures inside as data addresses, no script, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from explorer.report.blocks import (
    Annex,
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Heading,
    PageBreak,
    PictureRow,
    Table,
    Text,
    plain,
)
from explorer.texts import language

STYLE = """
:root{color-scheme:light dark;
--ink:#1c1f24;--quiet:#565d68;--page:#fff;--line:#d5d9e0;--band:#f3f5f8;--mark:#1f5fa8}
@media(prefers-color-scheme:dark){:root{
--ink:#e8eaee;--quiet:#a9b0bb;--page:#16181c;--line:#3a3f47;--band:#20242a;--mark:#8fbdf2}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 5rem;max-width:54rem;background:var(--page);color:var(--ink);
font:17px/1.6 Georgia,'Iowan Old Style','Times New Roman',serif}
h1,h2,h3,th,figcaption,footer,.note{font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif}
h1{font-size:2rem;line-height:1.2;margin:0 0 .6rem}
h2{font-size:1.35rem;margin:2.6rem 0 .6rem;padding-top:.8rem;border-top:1px solid var(--line)}
h3{font-size:1.08rem;margin:1.8rem 0 .4rem}
p{margin:.6rem 0}.lead{font-size:1.15rem}.answer{font-size:1.4rem;font-weight:700;line-height:1.3}
.note{color:var(--quiet);font-size:.9rem}
.finding{border-left:4px solid var(--mark);background:var(--band);padding:.8rem 1.1rem;margin:1rem 0}
ul{padding-left:1.3rem}li{margin:.25rem 0}ul.note{margin:.6rem 0}
details{border-top:1px solid var(--line);margin:0;padding:.5rem 0}
summary{cursor:pointer;font:600 1.1rem/1.6 system-ui,'Segoe UI',Helvetica,Arial,sans-serif}
.row{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:1rem;margin:1rem 0}
.row.large{grid-template-columns:repeat(auto-fill,minmax(18rem,1fr))}
.row figure{margin:0;min-width:0}
figure{margin:1rem 0}
img{max-width:100%;height:auto;display:block;border:1px solid var(--line);background:#fff}
.row img{width:100%}.hard{image-rendering:pixelated}
figcaption{color:var(--quiet);font-size:.85rem;margin-top:.35rem;overflow-wrap:anywhere}
.table{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;width:100%;
font:.88rem/1.45 system-ui,'Segoe UI',Helvetica,Arial,sans-serif}
caption{text-align:left;color:var(--quiet);padding-bottom:.4rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
td.wide{overflow-wrap:anywhere;min-width:9rem}
th{font-weight:600;background:var(--band)}th[scope=row]{width:11rem}
.many th,.many td{padding:.3rem .4rem;font-size:.8rem}
pre{background:var(--band);padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere;
font:.78rem/1.5 ui-monospace,Consolas,monospace}
.logo{max-height:4rem;max-width:14rem;border:0;background:none;margin-bottom:1.5rem}
footer{margin-top:3rem;padding-top:.8rem;border-top:1px solid var(--line);
color:var(--quiet);font-size:.8rem;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:11pt}
h2,h3{break-after:avoid}figure,tr,.finding{break-inside:avoid}
.new{break-before:page}}
"""


def html_bytes(document: Document) -> bytes:
    """The document as UTF-8 HTML; all text escaped; the content policy allows no script and no network."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
              "form-action 'none'")
    logo = f'<img class="logo" src="{_address(document.logo_png)}" alt="Logo">\n' if document.logo_png else ""
    body = "\n".join((*map(_block, document.blocks), *map(_annex, document.annexes)))
    return (f'<!DOCTYPE html>\n<html lang="{language()}"><head><meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{_text(document.title)}</title>\n<style>{STYLE}</style></head>\n"
            f"<body>\n<main>\n{logo}{body}\n</main>\n<footer>{_text(document.foot)}</footer>\n</body></html>\n").encode()


def _text(value: object) -> str:
    return escape(plain(value), quote=True)


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _annex(annex: Annex) -> str:
    inside = "\n".join(_block(block) for block in annex.blocks)
    return f"<details><summary>{_text(annex.title)}</summary>\n{inside}\n</details>"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{_text(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        kind = f' class="{block.tone}"' if block.tone != "plain" else ""
        return f"<p{kind}>{_text(block.text)}</p>"
    if isinstance(block, Bullets):
        start = '<ul class="note">' if block.small else "<ul>"
        return start + "".join(f"<li>{_text(i)}</li>" for i in block.items) + "</ul>"
    if isinstance(block, Figure):
        return _figure(block)
    if isinstance(block, PictureRow):
        start = '<div class="row large">' if block.large else '<div class="row">'
        return start + "".join(_figure(p) for p in block.pictures) + "</div>"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Code):
        return f"<pre>{_text(block.text)}</pre>"
    if isinstance(block, PageBreak):
        return '<div class="new"></div>'
    raise TypeError(f"no way to set a {type(block).__name__}")


def _figure(picture: Figure) -> str:
    hard = ' class="hard"' if picture.pixelated else ""
    caption = f"<figcaption>{_text(picture.caption)}</figcaption>" if picture.caption else ""
    return f'<figure><img{hard} src="{_address(picture.png)}" alt="{_text(picture.alt)}">{caption}</figure>'


def _table(table: Table) -> str:
    caption = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.head)
    head = f"<thead><tr>{head}</tr></thead>" if any(table.head) else ""
    rows = "".join("<tr>" + "".join(_cell(table, i, c) for i, c in enumerate(row)) + "</tr>" for row in table.rows)
    many = " many" if len(table.head) > 8 else ""
    return f'<div class="table{many}"><table>{caption}{head}<tbody>{rows}</tbody></table></div>'


def _cell(table: Table, column: int, text: str) -> str:
    if column == 0 and not any(table.head):
        return f'<th scope="row">{_text(text)}</th>'
    return f'<td class="wide">{_text(text)}</td>' if column in table.wide else f"<td>{_text(text)}</td>"
