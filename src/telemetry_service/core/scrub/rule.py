"""What a rule is, and how rules rewrite a text.

A rule is a name and an RE2 pattern whose *named groups say what they hold*: `(?P<host>...)` is a host in a place where only
hosts stand, `(?P<peer>...)` a word that is a host unless the public vocabulary knows it. The group's name (without a
trailing number) is a key of the kinds table, which decides in code how much of the value goes and what takes its place.
RE2 is linear in the text; nothing here backtracks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import re2


class Rule(NamedTuple):
    """A named pattern. `group_kinds` pairs each group number with its kind, in the order of the text."""

    name: str
    pattern: str


class Found(NamedTuple):
    """One value a pattern found: `text[start:end]`."""

    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]

    @property
    def before(self) -> str:
        """Up to 48 characters left of the value."""
        return self.text[max(0, self.start - 48) : self.start]

    @property
    def after(self) -> str:
        """Up to 24 characters right of the value."""
        return self.text[self.end : self.end + 24]


class Change(NamedTuple):
    """Replace `text[start:end]` by `placeholder`; `learn` is a word to remove elsewhere too ('' for none)."""

    start: int
    end: int
    placeholder: str
    learn: str = ""


_PREFIX = 2  # characters of context from which on a refused value is looked at again

Kind = Callable[[Found], Change | None]


def options(case_sensitive: bool = True) -> re2.Options:
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.never_capture = False
    chosen.case_sensitive = case_sensitive
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.max_mem = 8 << 20
    return chosen


class CompiledRule:
    """A rule bound to its kinds."""

    __slots__ = ("groups", "name", "regex")

    def __init__(self, rule: Rule, kinds: Mapping[str, Kind]) -> None:
        self.name = rule.name
        self.regex = re2.compile(shadow(rule.pattern), options=options())
        self.groups = tuple(
            (number, kinds[name.decode("ascii").rstrip("0123456789_")])
            for name, number in sorted(self.regex.groupindex.items(), key=lambda item: item[1])
        )
        if not self.groups:
            raise ValueError(f"rule {rule.name} has no named group")

    def changes(self, subject: Subject) -> list[Change]:
        """The changes this rule makes to the subject, in order, not overlapping.

        A refused value is searched again from its start on when words stood before it, because they may hide another
        occurrence: in `target node alpha` the first match takes `node` for the value.
        """
        found: list[Change] = []
        position: int | None = 0
        while position is not None:
            position = self._search(subject, position, found)
        return found

    def _search(self, subject: Subject, position: int, found: list[Change]) -> int | None:
        """Add changes from `position` on; where to look again after a refused value, or None at the end."""
        text = subject.text
        end_of_last = found[-1].end if found else 0
        for match in self.regex.finditer(subject.data, position):
            refused = -1
            for number, kind in self.groups:
                start, end = match.span(number)
                if start == end or start < end_of_last:
                    continue
                change = kind(Found(text, start, end))
                if change is not None and change.start >= end_of_last:
                    found.append(change)
                    end_of_last = change.end
                elif refused < 0:
                    refused = start
            if refused > match.start() + _PREFIX and refused >= end_of_last:
                return refused
        return None


class Subject:
    """A text, and the bytes RE2 searches: one byte per character, so that offsets in one are offsets in the other."""

    __slots__ = ("data", "text")

    def __init__(self, text: str, data: bytes | None = None) -> None:
        self.text = text
        self.data = shadow(text) if data is None else data

    def rewritten(self, changes: list[Change]) -> Subject:
        """The text with every change made; `changes` are in order and do not overlap."""
        pieces: list[str] = []
        bits: list[bytes] = []
        position = 0
        for change in changes:
            pieces += (self.text[position : change.start], change.placeholder)
            bits += (self.data[position : change.start], change.placeholder.encode("ascii", "replace"))
            position = change.end
        return Subject("".join((*pieces, self.text[position:])), b"".join((*bits, self.data[position:])))


_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "´": "'", "′": "'", "″": '"', "„": '"'})
_WIDE = re.compile("[^\x00-\xff]")


def shadow(text: str) -> bytes:
    """Latin-1 of the same length: typographic quotes become plain, letters beyond Latin-1 `é`, anything else a space."""
    if text.isascii():
        return text.encode("ascii")
    return _WIDE.sub(lambda match: "é" if match[0].isalpha() else "\xa0", text.translate(_QUOTES)).encode("latin-1")
