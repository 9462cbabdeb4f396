"""What is kept of an error text: its cause in `limit` harmless characters, and the line its fingerprint is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

from telemetry_service.core.distil import distil, window

# Of the text around the line, only lines that share a word with it can teach a name that is in it. Measured at 300
# microseconds per KiB of scrubbing, the bound keeps a 128 KiB log within 5 ms of it.
CONTEXT_MAX_CHARS = 16 * 1024
CONTEXT_LINE_MAX_CHARS = 1000
WORDS_MAX = 60  # of the line, looked up in the text
LINE_MAX_CHARS = 600  # of the scrubbed line, before the gate; bounds its work

_WORD = re.compile(r"[^\W_][\w-]+")
_OCTET = r"(?:\d{1,3}|[xX*]{1,3})"
_REMNANT_V4 = re.compile(rf"(?<![\w.]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w*])")
_REMNANT_PAIRS = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}|[xX*]{1,4})(?::(?:[0-9A-Fa-f]{1,4}|[xX*]{1,4})){3,7}(?![\w:*])")


class _Scrubbed(Protocol):
    @property
    def text(self) -> str: ...


class _Scrubber(Protocol):
    def scrub(self, text: str) -> _Scrubbed: ...

    def gate(self, text: str) -> str: ...


class Cleaned(NamedTuple):
    """`text` is stored, at most `limit` characters; `line`, the same but not cut, is for the fingerprint."""

    text: str
    line: str


def clean_error(error: str, exit_meaning: str, scrubber: _Scrubber, limit: int) -> Cleaned:
    """Distil, scrub, gate and cut, in the only order that is safe.

    The line is chosen on the raw text, because scrubbing the whole text first would blur the signs. It is scrubbed
    together with that text, so that a host or user learnt elsewhere in the log goes from the line too. Only then is
    it cut: cutting first could leave half a secret that no rule recognises. `exit_meaning` serves when nothing in the
    text explains the failure.
    """
    text = without_remnants(error)
    line = distil(text)
    if not line:
        return Cleaned(window(exit_meaning, limit), exit_meaning)
    scrubbed = _scrub_in_context(line, text, scrubber)
    gated = scrubber.gate(window(scrubbed, LINE_MAX_CHARS))
    return Cleaned(window(gated, limit), gated)


def without_remnants(text: str) -> str:
    """Text in which what clients left of an address (`192.x.x.37`, `aa:bb:xx:xx:xx:ff`) is a placeholder."""
    text = _REMNANT_V4.sub(_masked("<ipv4>"), text)
    return _REMNANT_PAIRS.sub(_masked("<mac>"), text)


def _masked(placeholder: str) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        return placeholder if any(character in "xX*" for character in found[0]) else found[0]

    return replace


def _scrub_in_context(line: str, text: str, scrubber: _Scrubber) -> str:
    return scrubber.scrub(f"{line}\n\n{context_of(line, text)}").text.partition("\n")[0]


def context_of(line: str, text: str) -> str:
    """The lines of a text that share a word with a line, in their order, at most CONTEXT_MAX_CHARS of them.

    Where that is too much, lines that share the rarest words come first: a name is rarer than "error".
    """
    around = [other[:CONTEXT_LINE_MAX_CHARS] for other in text.splitlines() if other.strip() and line not in other]
    if sum(map(len, around)) <= CONTEXT_MAX_CHARS // 8:
        return "\n".join(around)
    lowered = [other.lower() for other in around]
    words = dict.fromkeys(word.lower() for word in _WORD.findall(line))
    sharing = [[number for number, other in enumerate(lowered) if word in other] for word in list(words)[:WORDS_MAX]]
    chosen: set[int] = set()
    room = CONTEXT_MAX_CHARS
    for numbers in sorted(sharing, key=len):
        for number in reversed(numbers):
            if number not in chosen and len(around[number]) < room:
                chosen.add(number)
                room -= len(around[number]) + 1
    return "\n".join(around[number] for number in sorted(chosen))
