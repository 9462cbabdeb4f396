"""Looking for identifiers in texts, in two ways that share no rule: the scrubber's, and one of its own."""

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import Literal

from telemetry_service.core.audit.identifiers import EMAIL, HOST, IPV4, IPV6, MAC, identifiers, is_file_name

REMEMBERED_TEXTS = 200_000  # as numbers: some 20 MB at most
# Numbers that stand alone identify nothing, and lines that differ in them alone are looked at once.
_NUMBER = re.compile(r"(?<![\w.:@-])\d{1,5}(?![\w.:@-])")
_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9]{0,11})>")
_WORD = re.compile(r"[^\s<>()\[\]{}\"',;=|]+")
_NAMES = {"ipv4": IPV4, "ipv6": IPV6, "mac": MAC, "email": EMAIL, "host": HOST}

_ADDRESSES = (IPV4, IPV6, MAC, EMAIL)
Scrubs = Callable[[str], str]
Scrubbing = Literal["text", "name", "chosen"]
Found = tuple[str, str, Scrubbing]  # (where, text, what kind of text)


class Looking:
    """Tells the kinds of identifiers in a text, and remembers the texts that hold none; memory is bounded."""

    def __init__(self, scrub: Scrubs, public: Container[str]) -> None:
        """`scrub` gives a text as the scrubber leaves it; `public` are hosts that may be named."""
        self._scrub = scrub
        self._public = public
        self._harmless: set[int] = set()

    def kinds(self, text: str, *, by: Scrubbing = "text") -> frozenset[str]:
        """The kinds of identifiers in a text, each with who found it.

        In `name`s, which hold no sentences - those of clients, and the lines of our own log -, the scrubber's guesses from the
        shape of a word say nothing; `chosen` texts are for the second look alone.
        """
        key = hash((_NUMBER.sub("0", text), by))
        if key in self._harmless:
            return frozenset()
        found = {f"{kind} (second look)" for kind in identifiers(text, self._public)}
        if by != "chosen":
            said = self._scrubbed_kinds(text)
            found |= {
                f"{kind} (scrubber)" for kind in said if by == "text" or kind in _ADDRESSES or (kind == HOST and "." in text)
            }
        if not found:
            if len(self._harmless) >= REMEMBERED_TEXTS:
                self._harmless.clear()
            self._harmless.add(key)
        return frozenset(found)

    def faults(self, texts: Iterable[Found]) -> list[str]:
        """Where identifiers are, by kind and number, never what they are."""
        counts: Counter[tuple[str, str]] = Counter()
        for where, text, by in texts:
            for kind in self.kinds(text, by=by):
                counts[where, kind] += 1
        return [f"{where}: {n} with {kind}" for (where, kind), n in sorted(counts.items())]

    def _scrubbed_kinds(self, text: str) -> set[str]:
        after = self._scrub(text)
        if after == text:
            return set()
        gone = Counter(_WORD.findall(text)) - Counter(_WORD.findall(after))
        # At the beginning of a line the scrubber takes `start.sh:` for a host, and of the operator's own hosts it knows nothing.
        if gone and all(is_file_name(word) or _host_of(word) in self._public for word in gone):
            return set()
        new = Counter(_PLACEHOLDER.findall(after)) - Counter(_PLACEHOLDER.findall(text))
        return {_NAMES.get(name, name) for name in new} or {"text that it changes"}


def _host_of(word: str) -> str:
    """The host of a URL or of what is one without its scheme."""
    return word.rpartition("://")[2].partition("/")[0].partition(":")[0]
