"""A log as lines without what terminals, loggers and package managers put in front of a message."""

from __future__ import annotations

import re
from typing import NamedTuple

LINE_MAX_CHARS = 2000  # longer lines are taken in pieces of this size
PIECE_OVERLAP_CHARS = 200  # what tells that a word is a secret often stands just before it
CROSSES = frozenset("✖✗✘❌")
LOG_MAX_CHARS = 4 * 1024 * 1024  # a bound, not a limit in use: intake refuses bodies over 256 KiB

_ESCAPES = re.compile(
    r"(?:\x1b|\\x1[bB]|\\033|\\e|\\u001[bB]|\x9b)(?:\[[0-9;?]{0,20}[ -/]?[@-~]|\][^\x07\x1b\n]{0,200}(?:\x07"
    r"|\x1b\\)?|[()][A-Z0-9]|[=>78cM])?"
    r"|\[(?:\d{1,2};){0,4}\d{1,2}m|\[0?[KJ]|\[m"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_BREAKS = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]+")

_STAMPS = (
    r"\d{1,2}/\d{1,2}/\d{4},? \d{1,2}:\d\d:\d\d(?: [AP]M)?",
    r"\[?\d{4}[-/.]\d\d[-/.]\d\d(?:[T ,]{1,2}\d{1,2}:\d\d(?::\d\d(?:[.,:]\d{1,9})?)?)?(?: ?(?:Z|[+-]\d\d:?\d\d"
    r"|UTC|GMT|CES?T|[ECMP][DS]T)\b)?\]?"
    r"(?: \[\d+\])?(?: \d{1,7}(?= \[))?",
    r"\[?(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:\d{1,2}[ /-])?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct"
    r"|Nov|Dec)[a-z]{0,6}[ /-]"
    r"(?:\d{1,2}|\d{4})[ :,]+\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:AM|PM|UTC|GMT|CES?T))?(?: \d{4})?\]?",
    r"\[\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,9})?(?: [AP]M)?\]|\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?(?: [AP]M)?(?=[ \]:|])",
    r"\[ *\d{1,9}\.\d{3,9}\]",
    r"\[pid +\d+\]|\d{1,7}:[A-Z](?: (?=\d\d [A-Z]))?",
)
_PREFIX = re.compile(
    r"(?:" + "|".join(_STAMPS) + r"|#\d{1,4} \d{1,6}\.\d{1,4}(?= )|#\d{1,4}(?= [A-Z\[])|[a-z0-9][\w.-]{0,40}[-_]\d{1,3} +\|(?= )"
    r"|[│┃┆┊|╎•✗✖✘❌⚠×➤►▶└├╰╭─—→↳️⨯\ufe0f\ufffd]+|(?:gyp |npm )(?:ERR!|error|verb)(?=\s|$)|ERR!|(?:stack"
    r"|notarget|network|engine|404|peer dep) (?=[A-Z4][\w ]+))"
    r"[ \t:>|-]{0,8}"
)
_PREFIX_WORDS = ("gyp ", "npm ", "stack ", "notarget ", "network ", "engine ", "peer dep ")  # of _PREFIX, in small letters
# After a time stamp: `host program[pid]:`, as syslog and journald print it.
_SYSLOG = re.compile(r"([A-Za-z0-9][\w.-]{0,63}) (?=\(?[A-Za-z][\w./@:+-]{0,60}\)?(?:\[\d{1,8}\])?: |kernel: )")
_PROGRAM = re.compile(r"(?:\(?[A-Za-z][\w./@+-]{0,60}\)?\[\d{1,8}\]|kernel): (?:\[ *\d{1,9}\.\d{3,9}\] )?")
_LEVEL = re.compile(r"\[(?:ERROR|FATAL|ERR|CRITICAL|CRIT|SEVERE|error|fatal|Error) {0,2}\][ :|-]{0,4}")
_FIELD = re.compile(
    r"(?:^|[ {,])\"?(msg|message|error|err|reason|detail|errmsg)\"?\s{0,3}[=:]\s{0,3}(?:\"((?:[^\"\\]|\\.)*)\""
    r"|([^\s\",{}\[]+))"
)
_SEVERE = re.compile(r"\"s\":\"[EF]\"|\b(?:error|fatal|panic|critical)\b", re.IGNORECASE)
# Two spaces are kept: apt, PHP and PostgreSQL print them, and a message should be found as it was printed.
_GAP = re.compile(r"[\s,;|(){}\[\]]")
_GAP_BEFORE = re.compile(r"[\s,;|(){}\[\]](?=[^\s,;|(){}\[\]]*\Z)")
_SPACES = re.compile(r"[ \t\u00a0]{3,}|[\t\u00a0]")


class Line(NamedTuple):
    """`body` is what signs look at; `lead` (`systemd[1]: `, `[ERROR] `) is kept while there is room."""

    lead: str
    body: str
    indent: int
    verdict: int  # 2: a cross stood in front, 1: a level of error; the program itself called this a failure


def plain(text: str) -> str:
    """Text without terminal escapes and control characters; tabs stay, line breaks of any kind become newlines."""
    if "\x1b" in text or "\\" in text or "\x9b" in text or "[" in text:
        text = _ESCAPES.sub("", text)
    if text.replace("\n", "").isprintable():
        return text  # no tab either, which is most texts
    return _BREAKS.sub("\n", _CONTROLS.sub("", text))


def unescape_newlines(text: str) -> str:
    """Text whose line breaks arrived as the two characters backslash and n gets real ones."""
    escaped = text.count("\\n")
    if escaped and escaped > 2 * text.count("\n"):
        return text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t")
    return text


def split_lines(log: str) -> list[Line]:
    """The lines of a plain log: what a progress bar overwrote is a line too, for it may be the cause."""
    lines: list[Line] = []
    for raw in log[-LOG_MAX_CHARS:].split("\n"):
        if not raw or raw.isspace():
            continue
        if len(raw) <= LINE_MAX_CHARS:
            lines.append(parse_line(raw))
        else:
            lines.extend(parse_line(piece) for piece in _pieces(raw))
    return lines


def _pieces(raw: str) -> list[str]:
    """Pieces of a long line, cut between words, each beginning a little before the last one's end.

    A piece never holds a part of a word: no rule recognises half a secret. A word longer than a piece is left out.
    """
    pieces = []
    start = 0
    while start < len(raw):
        end = min(start + LINE_MAX_CHARS, len(raw))
        if end < len(raw):
            found = _GAP_BEFORE.search(raw, start, end)
            if found is None or found.start() == start:
                following = _GAP.search(raw, end)
                start = following.end() if following else len(raw)
                continue
            end = found.start()
        pieces.append(raw[start:end])
        if end == len(raw):
            break
        # Only after a long piece, or many short ones would be looked at again and again.
        back = _GAP.search(raw, end - PIECE_OVERLAP_CHARS, end) if end - start > LINE_MAX_CHARS // 2 else None
        start = back.end() if back else end + 1
    return [piece for piece in pieces if not piece.isspace()]


def parse_line(raw: str) -> Line:
    """One line, its prefixes taken off; `raw` has no line break and at most LINE_MAX_CHARS characters."""
    text = raw.expandtabs(4) if "\t" in raw else raw
    body = text.lstrip()
    indent = len(text) - len(body)
    verdict = 2 if body[:1] in CROSSES else 0
    body, stamped = _strip_prefixes(body)
    if stamped and (host := _SYSLOG.match(body)):
        body = body[host.end() :]
    lead = ""
    if ("]" in body or body.startswith("kernel")) and (program := _PROGRAM.match(body)):
        lead, body = body[: program.end()], body[program.end() :]
        body, _ = _strip_prefixes(body)
    if body.startswith("[") and (level := _LEVEL.match(body)):
        lead, body, verdict = lead + level[0], body[level.end() :], max(verdict, 1)
        body, _ = _strip_prefixes(body)
    if _is_structured(body):
        lead, body, verdict = "", _structured(body), int(bool(_SEVERE.search(body, 0, 400)))
    if "   " in body or "\t" in body or "\u00a0" in body:
        body = _SPACES.sub(" ", body)
    return Line(lead, body.strip(), indent, verdict)


def _strip_prefixes(body: str) -> tuple[str, bool]:
    stamped = False
    for _ in range(6):
        if "a" <= body[:1] <= "z" and "|" not in body and not body.startswith(_PREFIX_WORDS):
            break  # most lines: a word is no prefix
        prefix = _PREFIX.match(body)
        if prefix is None or not prefix.end():
            break
        stamped = stamped or any(character.isdigit() for character in prefix[0])
        body = body[prefix.end() :]
    return body, stamped


def _is_structured(body: str) -> bool:
    if body.startswith("{"):
        return '"msg"' in body or '"message"' in body or '"error"' in body
    return "msg=" in body and ("level=" in body or "lvl=" in body or "ts=" in body)


def _structured(body: str) -> str:
    """`level=error msg="a" error="b"` and the like as `a: b`."""
    parts: list[str] = []
    for field in _FIELD.finditer(body):
        value = (field[2] or field[3] or "").replace('\\"', '"').strip()
        if value and value not in parts:
            parts.append(value)
        if len(parts) == 3:
            break
    return ": ".join(parts) or body
