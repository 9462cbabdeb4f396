"""Cut a long line so that what explains the failure stays in it."""

from __future__ import annotations

import re

from telemetry_service.core.distil.match import heaviest_cause

# What stands in front of a message and tells where rather than what: level, process, file and line.
_LEAD = re.compile(
    r"(?:(?:\(?[A-Za-z][\w./@+-]{0,60}\)?\[\d{1,8}\]|kernel|\[[A-Za-z]{3,8}\]|npm (?:ERR!|error)"
    r"|[\w./+-]{1,40}(?::[\w./+-]{1,40})?:\d{1,7}(?::\d{1,6})?)[: |-]{1,4}){1,3}"
)
_CLAUSE_MAX_CHARS = 50  # after a sign
_CLAUSE = re.compile(r"(?:: |; |\. |, |  +| - | -> | \| |\) |' |\" )")
# A placeholder of the scrubber or the gate is never cut in two.
_PATH = re.compile(r"(https?://[^\s/'\"]{1,100}/|(?:\.{0,2}/))(?:[^\s/'\":,()<>]{1,100}/)+([^\s/'\":,()<>]{1,100})")
_ATOM = re.compile(r"<[a-z0-9_-]{1,20}>")


def window(line: str, limit: int) -> str:
    """At most `limit` characters of `line`, cut at word boundaries, around the sign that explains the failure.

    A line that fits comes back as it is. Of a longer one goes first what tells only where it comes from; then, if its
    heaviest sign is not seen from the beginning, directories of paths, then clauses in front of the one with the
    sign. Placeholders such as `<host>` stay whole. Linear in the line's length.
    """
    if len(line) <= limit:
        return line
    if lead := _LEAD.match(line):
        line = line[lead.end() :]
    if len(line) <= limit or _sign_span(line)[1] <= limit:
        return _cut(line, 0, limit)
    line = _PATH.sub(_shortened, line)
    start, end = _sign_span(line)
    return _cut(line, _begin(line, start, end, limit), limit)


def _shortened(path: re.Match[str]) -> str:
    return f"{path[1]}.../{path[2]}" if "://" in path[1] else path[2]


def _sign_span(line: str) -> tuple[int, int]:
    """Where the heaviest sign stands, to the end of its clause: `FATAL:` alone says little."""
    start, end = heaviest_cause(line)
    last = min(len(line), end + _CLAUSE_MAX_CHARS)
    clause = _CLAUSE.search(line, end, last) if end else None
    end = clause.start() if clause else last if end else 0
    while end < len(line) and line[end].isalnum() and end < last + 24:
        end += 1
    return start, end


def _begin(line: str, start: int, end: int, limit: int) -> int:
    """The first beginning of a clause from which the sign is seen whole, or of a word if the clause is too long."""
    if len(line) <= limit or end <= limit:
        return 0
    for mark in _CLAUSE.finditer(line, 0, start):
        if end - mark.end() <= limit:
            return mark.end()
    space = line.find(" ", max(0, end - limit), start) + 1
    return space or min(start, max(0, end - limit))


def _cut(line: str, begin: int, limit: int) -> str:
    end = begin + limit
    if end >= len(line):
        return line[begin:].strip()
    text = line[begin:end]
    if line[end].isalnum() and text[-1].isalnum():
        space = text.rfind(" ")
        text = text[:space] if space > limit // 2 else text
    for atom in _ATOM.finditer(line, max(0, begin - 24), min(len(line), end + 24)):
        if atom.start() < begin + len(text) < atom.end():
            text = line[begin : atom.start()]
    return text.strip()
