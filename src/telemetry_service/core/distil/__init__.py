"""Find the one line of an installation log that explains why the installation failed.

Pure: text in, text out. Nothing is removed for privacy here: `core/clean.py` puts distil, scrub and gate in order.
"""

from __future__ import annotations

from telemetry_service.core.distil.choose import choose, outweighed
from telemetry_service.core.distil.header import Header, split_header
from telemetry_service.core.distil.lines import LINE_MAX_CHARS, Line, plain, split_lines, unescape_newlines
from telemetry_service.core.distil.window import window

__all__ = ["distil", "window"]


def distil(error: str) -> str:
    """The line of an error text that explains the failure, its prefixes taken off; empty if nothing explains it.

    `error` is `exit_code=N | meaning | at line L: command`, `---`, and a log, or any part of that. Any text is allowed.
    The result is one line of at most LINE_MAX_CHARS characters without control characters. It is NOT scrubbed.
    Of the header only the meaning and the program's name are used: the command is expanded and can hold passwords.
    """
    header, log = split_header(unescape_newlines(plain(error)))
    lines = split_lines(log)
    chosen = choose(lines, header) if lines else None
    if chosen is None or outweighed(chosen, header):
        return _headline(header) or (_text(chosen.line, header) if chosen else "")
    return _text(chosen.line, header)


def _headline(header: Header) -> str:
    if not header.meaning:
        return ""
    return f"{header.meaning} ({header.program})" if header.program else header.meaning


def _text(line: Line, header: Header) -> str:
    text = line.lead + line.body
    command = header.command
    if len(command) > len(header.program) + 3 and command in text:
        text = text.replace(command, header.program)
    return text[:LINE_MAX_CHARS].strip()
