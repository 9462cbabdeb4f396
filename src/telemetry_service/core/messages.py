"""What people are told, as text and as HTML that mail programs show. Only what may be published goes in here."""

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
    """One message of everything there is to tell, in the order given: a digest where that is more than one thing."""
    subject = notices[0].title if len(notices) == 1 else f"{len(notices)} alerts: {_titles(notices)}"
    shown, left = notices[:MAX_NOTICES], len(notices) - MAX_NOTICES
    if left > 0:
        shown = [*shown, Notice(key="", title=f"... and {left} more", lines=(), path="/alerts")]
    text = "\n\n".join(_text(notice, public_url) for notice in shown) + "\n"
    body = "".join(_section(notice, public_url) for notice in shown)
    return Message(subject, text, page(subject, body))


def _titles(notices: Sequence[Notice]) -> str:
    shown = "; ".join(notice.title.partition(":")[0] for notice in notices[:MAX_SUBJECT_NAMES])
    return f"{shown}; ..." if len(notices) > MAX_SUBJECT_NAMES else shown


def _text(notice: Notice, public_url: str) -> str:
    link = [public_url + notice.path] if public_url and notice.path else []
    return "\n".join([notice.title, *notice.lines, *link])


def _section(notice: Notice, public_url: str) -> str:
    lines = "".join(f'<p style="margin:0 0 4px 0">{escape(line)}</p>' for line in notice.lines)
    link = ""
    if public_url and notice.path:
        link = (
            f'<p style="margin:8px 0 0 0"><a href="{escape(public_url + notice.path)}" style="color:#1d5c99">Look into it</a></p>'
        )
    return (
        '<tr><td style="padding:14px 0;border-bottom:1px solid #dfe3e8">'
        f'<h2 style="font-size:17px;line-height:1.3;margin:0 0 6px 0">{escape(notice.title)}</h2>{lines}{link}</td></tr>'
    )


def page(title: str, rows: str, width: int = 600) -> str:
    """Rows of a table as a whole document: tables and inline styles are what mail programs agree on."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
        '</head><body style="margin:0;padding:0;background:#ffffff;color:#171c22">'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">'
        f'<table role="presentation" width="{width}" cellpadding="0" cellspacing="0" border="0" '
        f'style="width:100%;max-width:{width}px;font-family:Segoe UI,Roboto,Helvetica,Arial,sans-serif;font-size:15px;'
        'line-height:1.45;text-align:left"><tr><td style="padding:8px 12px 24px 12px">'
        f'<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">{rows}</table>'
        "</td></tr></table></td></tr></table></body></html>"
    )
