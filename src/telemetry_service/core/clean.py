"""What is kept of an error text: its cause in `limit` harmless characters, and the line its fingerprint is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from telemetry_service.core.distil import distil, window
from telemetry_service.core.ending import Cleaned

# Of the text around the line, only lines that hold a word of it can teach that the word is a name, and only words that
# are not public can be taught. Most lines of failures have none.
CONTEXT_MAX_CHARS = 4 * 1024
CONTEXT_LINE_MAX_CHARS = 1000
WORDS_MAX = 20  # of the line, looked up in the text
LINE_MAX_CHARS = 600  # of the scrubbed line, before the gate; bounds its work

_OCTET = r"(?:\d{1,3}|[xX*]{1,3})"
_REMNANT_V4 = re.compile(rf"(?<![\w.]){_OCTET}(?:\.{_OCTET}){{3}}(?![\w*])")
_REMNANT_PAIRS = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}|[xX*]{1,4})(?::(?:[0-9A-Fa-f]{1,4}|[xX*]{1,4})){3,7}(?![\w:*])")


class _Scrubbed(Protocol):
    @property
    def text(self) -> str: ...


class _Scrubber(Protocol):
    def scrub(self, text: str) -> _Scrubbed: ...

    def gate(self, text: str) -> str: ...

    def open_words(self, text: str) -> list[str]: ...


def clean_error(error: str, exit_meaning: str, scrubber: _Scrubber, limit: int) -> Cleaned:
    """Distil, scrub, gate and cut, in the only order that is safe.

    The line is chosen on the raw text, because scrubbing the whole text first would blur the signs. It is scrubbed
    together with that text, so that a host or user learnt elsewhere in the log goes from the line too. Only then is
    it cut: cutting first could leave half a secret that no rule recognises. `exit_meaning` serves when nothing in the
    text explains the failure.
    """
    line = distil(error)
    if not line:
        return Cleaned(window(exit_meaning, limit), exit_meaning)
    scrubbed = _scrub_in_context(without_remnants(line), line, error, scrubber)
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


def _scrub_in_context(line: str, raw: str, text: str, scrubber: _Scrubber) -> str:
    """The scrubbed line. `raw` is the line as it stands in the text."""
    alone = scrubber.scrub(line).text
    words = scrubber.open_words(alone)
    context = context_of(words, raw, text) if words else ""
    return scrubber.scrub(f"{line}\n{without_remnants(context)}").text.partition("\n")[0] if context else alone


def context_of(words: list[str], line: str, text: str) -> str:
    """The other lines of a text that hold one of the words, in their order, at most CONTEXT_MAX_CHARS of them.

    Where that is too much, lines with the rarest words come first, and of those the last.
    """
    lowered = text.lower()
    words = [word for word in words[:WORDS_MAX] if word in lowered]
    if not words:
        return ""
    around = [other[:CONTEXT_LINE_MAX_CHARS] for other in text.splitlines() if other.strip() and line not in other]
    sharing: dict[str, list[int]] = {word: [] for word in words}
    for number, other in enumerate(around):
        lowered = other.lower()
        for word in words:
            if word in lowered:
                sharing[word].append(number)
    chosen: set[int] = set()
    room = CONTEXT_MAX_CHARS
    for numbers in sorted(sharing.values(), key=len):
        for number in reversed(numbers):
            if number not in chosen and len(around[number]) < room:
                chosen.add(number)
                room -= len(around[number]) + 1
    return "\n".join(around[number] for number in sorted(chosen))
