"""The header of a client's error text: `exit_code=N | meaning | at line L: command`, then `---`, then the log."""

from __future__ import annotations

import re
from typing import NamedTuple

# A command can span lines (here-documents); more than this is not a header any more.
HEADER_MAX_LINES = 60
HEADER_MAX_CHARS = 8192

_CODE = re.compile(r"\s*exit[_ ]code\s*[=:]\s*(-?\d{1,9})\s*\|?\s*", re.IGNORECASE)
_COMMAND = re.compile(r"(?:^|\|)?\s*\b(?:at |in |on )?line \d{1,9}\s*:\s*", re.IGNORECASE)
_RULE = re.compile(r"^[ \t]*-{3,}[ \t]*$", re.MULTILINE)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]{0,30}\Z")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_CANCELLED = re.compile(
    r"\b(?:cancell?ed|aborted by (?:the )?user|user (?:abort|cancel|interrupt)|sigint|sighup|ctrl[ +-]?c"
    r"|terminal closed)",
    re.IGNORECASE,
)
# Programs that only run another one.
_WRAPPERS = frozenset(
    {"sudo", "env", "exec", "command", "nohup", "time", "nice", "timeout", "silent", "$STD", "STD", "doas", "eval"}
)
_OPENING = "({[!$\"'`<\\"


class Header(NamedTuple):
    """`program` is the first word of the command without its directory, empty if there is none that is a plain name.

    `command` is the expanded command. It can hold passwords and serves only to recognise its echo in the log.
    """

    exit_code: int | None
    meaning: str
    program: str
    command: str
    cancelled: bool


def split_header(error: str) -> tuple[Header, str]:
    """The header and the log of an error text; either may be missing."""
    code = _CODE.match(error, 0, HEADER_MAX_CHARS)
    rule = _RULE.search(error, 0, HEADER_MAX_CHARS)
    if code is None:
        if rule is None or error.count("\n", 0, rule.start()) > 1 or "at line " not in error[: rule.start()]:
            return Header(None, "", "", "", False), error
        head, log, exit_code = error[: rule.start()], error[rule.end() :], None
    else:
        exit_code = int(code[1])
        end = rule.start() if rule and error.count("\n", 0, rule.start()) <= HEADER_MAX_LINES else -1
        if end < 0:
            newline = error.find("\n", code.end())
            end = len(error) if newline < 0 else newline
            log = error[end:]
        else:
            log = error[rule.end() :] if rule else ""
        head = error[code.end() : end]
    return _parse(head, exit_code), log


def _parse(head: str, exit_code: int | None) -> Header:
    head = head[:HEADER_MAX_CHARS]
    at = _COMMAND.search(head)
    meaning = (head[: at.start()] if at else head.partition("\n")[0]).strip(" |\t\r\n")
    command = head[at.end() :].strip() if at else ""
    cancelled = exit_code in (129, 130) or bool(_CANCELLED.search(meaning))
    return Header(exit_code, " ".join(meaning[:200].split()), program_of(command), command, cancelled)


def program_of(command: str) -> str:
    """The program a shell command runs: `FOO=1 sudo /usr/bin/apt-get -y` -> `apt-get`; empty if unclear."""
    for word in command[:400].split():
        if _ASSIGNMENT.match(word) or word.startswith("-") or word in _WRAPPERS or word.isdigit():
            continue
        word = word.lstrip(_OPENING).rstrip(";)}\"'`")
        name = word.rpartition("/")[2]
        if not name or name in _WRAPPERS:
            continue
        return name if _PROGRAM.match(name) else ""
    return ""
