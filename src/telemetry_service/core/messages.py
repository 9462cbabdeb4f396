"""What people are told, as text and as HTML that mail programs show. Only what may be published goes in here."""

import re
from collections.abc import Sequence
from html import escape

import msgspec

MAX_SUBJECT_NAMES = 3
MAX_NOTICES = 30  # in one message


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell: `key` says what it is about, `path` is the page that shows it. What is `old` is noted and not told."""

    key: str
    title: str
    lines: tuple[str, ...]
    path: str = ""
    old: bool = False


class Message(msgspec.Struct, frozen=True):
    """A message as channels take it; `html` is for mail alone."""

    subject: str
    text: str
    html: str


def compose(notices: Sequence[Notice], public_url: str) -> Message:
    """One message of everything there is to tell, in the order given: a digest where that is more than one thing.

    The text of a single thing does not repeat the subject, which chat services show above it.
    """
    if len(notices) == 1:
        (notice,) = notices
        said = _told(notice, public_url) or [notice.title]
        return Message(notice.title, "\n".join(said) + "\n", page(notice.title, "Alert", _section(notice, public_url, "h1")))
    subject = f"{len(notices)} alerts: {_titles(notices)}"
    shown, left = notices[:MAX_NOTICES], len(notices) - MAX_NOTICES
    if left > 0:
        shown = [*shown, Notice(key="", title=f"... and {left} more", lines=(), path="/alerts")]
    text = "\n\n".join("\n".join([notice.title, *_told(notice, public_url)]) for notice in shown) + "\n"
    sections = "".join(_section(notice, public_url, "h2") for notice in shown)
    return Message(subject, text, page(subject, "Alerts", _row(_heading("h1", f"{len(notices)} alerts")) + sections))


def _titles(notices: Sequence[Notice]) -> str:
    shown = "; ".join(notice.title.partition(":")[0] for notice in notices[:MAX_SUBJECT_NAMES])
    return f"{shown}; ..." if len(notices) > MAX_SUBJECT_NAMES else shown


def _told(notice: Notice, public_url: str) -> list[str]:
    return [*notice.lines, *([public_url + notice.path] if public_url and notice.path else [])]


def said_once(subject: str, kind: str, line: str) -> Message:
    """A message that says one thing under a heading."""
    return Message(subject, f"{line}\n", page(subject, kind, _row(_heading("h1", subject) + _paragraph(line))))


def _section(notice: Notice, public_url: str, heading: str) -> str:
    link = ""
    if public_url and notice.path:
        link = (
            f'<p style="margin:8px 0 0 0"><a class="link" href="{escape(public_url + notice.path)}" '
            'style="color:#1d5c99">Look into it</a></p>'
        )
    said = _heading(heading, notice.title) + "".join(map(_paragraph, notice.lines)) + link
    return _row(said, rule=";border-top:1px solid #dfe3e8" if heading == "h2" else "")


def _row(content: str, rule: str = "") -> str:
    return f'<tr><td class="line" style="padding:12px 0{rule}">{content}</td></tr>'


def _heading(tag: str, text: str) -> str:
    size = {"h1": "22px", "h2": "17px"}[tag]
    return f'<{tag} style="font-size:{size};line-height:1.3;margin:0 0 6px 0">{unbroken(text)}</{tag}>'


def _paragraph(line: str) -> str:
    return f'<p style="margin:0 0 4px 0">{unbroken(line)}</p>'


_WHOLE = re.compile(r"\d{4}-\d\d-\d\d|\d+(?:\.\d+)? %")


def unbroken(text: str, by: str = 'style="white-space:nowrap"') -> str:
    """Text as HTML in which no line ends within a date or before a percent sign; `by` is the attribute that sees to it."""
    return _WHOLE.sub(rf"<span {by}>\g<0></span>", escape(text))


# Mail programs that know of dark backgrounds take these; others invert the colours that stand in the elements, or show them.
_DARK = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}@media (prefers-color-scheme:dark){"
    ".page{background:#12161b!important;color:#e4e8ec!important}.quiet{color:#9aa5b1!important}.link{color:#86b9ec!important}"
    ".line{border-color:#2b333c!important}.edge{border-color:#6b7682!important}.text{color:#e4e8ec!important}"
    ".better{color:#86b9ec!important}.worse{color:#f59374!important}"
    ".good{background:#1c3347!important;color:#e4e8ec!important}.middling{background:#3f3412!important;color:#e4e8ec!important}"
    ".bad{background:#4a2318!important;color:#e4e8ec!important}"
    ".success{background:#5b9bd9!important}.failed{background:#ee7550!important}}"
)


def page(title: str, kind: str, rows: str, width: int = 600) -> str:
    """Rows of a table as a whole document: tables and inline styles are what mail programs agree on. `kind` stands above them."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        f'<meta name="supported-color-schemes" content="light dark"><style>{_DARK}</style>'
        '</head><body class="page" style="margin:0;padding:0;background:#ffffff;color:#171c22">'
        '<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">'
        f'<table role="presentation" width="{width}" cellpadding="0" cellspacing="0" border="0" '
        f'style="width:100%;max-width:{width}px;font-family:Segoe UI,Roboto,Helvetica,Arial,sans-serif;font-size:15px;'
        'line-height:1.45;text-align:left;overflow-wrap:anywhere"><tr><td style="padding:16px 8px 24px 8px">'
        f'<p class="quiet" style="margin:0;color:#56606c;font-size:13px">{escape(kind)} · Telemetry Service</p>'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">{rows}</table>'
        "</td></tr></table></td></tr></table></body></html>"
    )
