"""What a rule is, and how rules rewrite a text.

A rule is a name and an RE2 pattern whose *named groups say what they hold*: `(?P<host>...)` is a host in a place where only
hosts stand, `(?P<peer>...)` a word that is a host unless the public vocabulary knows it. The group's name (without a
trailing number) is a key of the kinds table, which decides in code how much of the value goes and what takes its place.
RE2 is linear in the text; nothing here backtracks.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import re2


class Rule(NamedTuple):
    """A named pattern."""

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


_STEP = 4096  # a search or decision costs as much as reading so many bytes: some microseconds
_MATCHED = 256  # and a byte of a match as much as so many others: RE2 follows all threads to find its groups, and it is judged
_PREFIX = 2  # characters of context from which on a refused value is looked at again
_UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED
_WHOLE = re2._re2.RE2.Anchor.ANCHOR_BOTH
_NOWHERE = (-1, -1)
_LONGEST_RUN = 16  # repetitions that tell a digest from a word; the upper bound of a repetition tells nothing
_COUNTED = re.compile(r"\{(\d+)(?:,\d*)?\}")
_NAME = re.compile(r"\(\?P<\w+>")
_NAMED = re.compile(r"\(\?P<(\w+)>")
_FLAGS = re.compile(r"^\(\?([im]+)\)")

Kind = Callable[[Found], Change | None]
Find = Callable[[object, bytes, int, int], list[tuple[int, int]]]


def options(case_sensitive: bool = True, spans_lines: bool = True) -> re2.Options:
    chosen = re2.Options()
    chosen.never_nl = not spans_lines  # in a text of lines a pattern then matches what it matches in each of them
    chosen.log_errors = False
    chosen.never_capture = False
    chosen.case_sensitive = case_sensitive
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.max_mem = 8 << 20
    return chosen


class Spent(Exception):
    """A text made the rules work more than any honest text does."""


class Budget:
    """The work a text may still cost, in bytes read by a search: about a nanosecond each. Bounds what a text can be made to cost."""

    __slots__ = ("left",)

    def __init__(self, work: int) -> None:
        self.left = work

    def spend(self, read: int = 0, matched: int = 0, steps: int = 1) -> None:
        """Searches or decisions more, which read so many bytes and matched so many of them. Raises Spent."""
        self.left -= _STEP * steps + read + _MATCHED * matched
        if self.left < 0:
            raise Spent


class Whole:
    """A pattern that a word must match as a whole, linear in its length whatever the pattern."""

    __slots__ = ("_find",)

    def __init__(self, pattern: str) -> None:
        self._find = re2.compile(shadow(pattern), options=options())._regexp.Match

    def matches(self, word: str) -> bool:
        """Whether the pattern matches the word, which is ASCII."""
        data = word.encode("ascii", "replace")
        return bool(self._find(_WHOLE, data, 0, len(data))[0] != _NOWHERE)


class CompiledRule:
    """A rule bound to its kinds. It is compiled when it is first searched: many rules are of things a process never hears of."""

    __slots__ = ("_find", "_options", "_pattern", "groups", "is_of_shapes", "name")

    def __init__(self, rule: Rule, kinds: Mapping[str, Kind], spans_lines: bool = False) -> None:
        self.name = rule.name
        pattern = self._pattern = latin(rule.pattern)
        self._options = options(spans_lines=spans_lines)
        self._find: Find | None = None
        self.groups = tuple(
            (number, kinds[name.rstrip("0123456789_")]) for number, name in enumerate(_NAMED.findall(pattern), start=1)
        )
        self.is_of_shapes = tells_no_digits_apart(pattern)  # what it finds in a shape is what it finds in the line
        if not self.groups:
            raise ValueError(f"rule {rule.name} has no named group")

    @property
    def find(self) -> Find:
        """The spans of one search: the package's own match objects take four times as long as the search itself."""
        if self._find is None:
            self._find = re2.compile(shadow(f"(?m){self._pattern}"), options=self._options)._regexp.Match
        return self._find

    def lines(self, data: bytes, starts: Sequence[int], budget: Budget) -> list[int]:
        """Numbers of the lines in which the pattern occurs. Raises Spent."""
        return lines_where(self.find, data, starts, budget)

    def matches(self, data: bytes) -> bool:
        """Whether the pattern occurs, whatever its kinds say."""
        return bool(self.find(_UNANCHORED, data, 0, len(data))[0] != _NOWHERE)

    def changes(self, subject: Subject, budget: Budget) -> list[Change]:
        """The changes this rule makes to a text, in order, not overlapping. Raises Spent."""
        return [change for _, changes in self.changes_in([subject], budget) for change in changes]

    def changes_in(self, subjects: Sequence[Subject], budget: Budget) -> Iterator[tuple[int, list[Change]]]:
        """The changes this rule makes to lines: the numbers of those that change, each with its changes, in order, not overlapping.

        The lines are searched as one text, since a search costs more than what it reads. A refused value is searched again
        from its start on when words stood before it, because they may hide another occurrence: in `target node alpha` the
        first match takes `node` for the value. Raises Spent.
        """
        data, starts = joined([subject.data for subject in subjects])
        find, size = self.find, len(data)
        position = line = offset = end_of_last = 0
        limit = starts[1]
        found: list[Change] = []
        while position < size:
            spans = find(_UNANCHORED, data, position, size)
            first, last = spans[0]
            if first < 0:
                budget.spend(size - position)
                break
            if first >= limit:
                if found:
                    yield line, found
                    found = []
                line = bisect_right(starts, first) - 1
                offset, limit = starts[line], starts[line + 1]
            text = subjects[line].text
            steps, refused = 1, -1
            for number, kind in self.groups:
                start, end = spans[number]
                if start == end or start < end_of_last:
                    continue
                steps += 1
                change = kind(Found(text, start - offset, end - offset))
                if change is not None and change.start + offset >= end_of_last:
                    found.append(change)
                    end_of_last = change.end + offset
                elif refused < 0:
                    refused = start
            budget.spend(limit - position, last - first, steps)
            if refused > first + _PREFIX and refused >= end_of_last:
                position = refused
            else:
                position = last if last > first else last + 1
        if found:
            yield line, found


_ZEROS = bytes.maketrans(b"123456789", b"000000000")


def shape(data: bytes) -> bytes:
    """The same with every digit a zero: lines of a log are of few shapes."""
    return data.translate(_ZEROS)


def search_of(rules: Iterable[Rule]) -> Find:
    """Finds the shapes of lines that any of the rules matches, and perhaps others: without groups, faster than the rules."""
    parts = [_COUNTED.sub(_unbounded, for_shapes(rule.pattern)) for rule in rules]
    scoped = "|".join(_FLAGS.sub(r"(?\1:", part) + ")" if _FLAGS.match(part) else f"(?:{part})" for part in parts)
    find: Find = re2.compile(shadow(f"(?m){scoped}"), options=options(spans_lines=False))._regexp.Match
    return find


def joined(lines: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """Lines as one text, with their offsets and that after the last one's break."""
    if len(lines) == 1:
        return lines[0], [0, len(lines[0]) + 1]
    return b"\n".join(lines), [0, *accumulate([len(line) + 1 for line in lines])]


def lines_where(find: Find, data: bytes, starts: Sequence[int], budget: Budget) -> list[int]:
    """Numbers of the lines of `data` in which a pattern occurs; `starts` are their offsets and that after the last one's break."""
    size = len(data)
    found: list[int] = []
    begin = find(_UNANCHORED, data, 0, size)[0][0]
    while begin >= 0:
        number = bisect_right(starts, begin) - 1
        found.append(number)
        budget.spend()
        position = starts[number + 1]
        begin = find(_UNANCHORED, data, position, size)[0][0] if position < size else -1
    return found


class Subject(NamedTuple):
    """A text, and the bytes RE2 searches: one byte per character, so that offsets in one are offsets in the other."""

    text: str
    data: bytes

    @classmethod
    def of(cls, text: str) -> Subject:
        return cls(text, shadow(text))

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


def subjects_of(lines: Sequence[str]) -> list[Subject]:
    """Lines, which have no line breaks, as subjects."""
    text = "\n".join(lines)
    data = text.encode("ascii").split(b"\n") if text.isascii() else list(map(shadow, lines))
    return list(map(Subject, lines, data))


_QUOTES = {"‘": "'", "’": "'", "“": '"', "”": '"', "´": "'", "′": "'", "″": '"', "„": '"'}
_WIDE = re.compile("[^\x00-\xff]|´")


def shadow(text: str) -> bytes:
    """Latin-1 of the same length: typographic quotes become plain, letters beyond Latin-1 `é`, anything else a space."""
    if text.isascii():
        return text.encode("ascii")
    return _WIDE.sub(_narrow, text).encode("latin-1")


def _narrow(match: re.Match[str]) -> str:
    return _QUOTES.get(match[0]) or ("é" if match[0].isalpha() else "\xa0")


# The letters and numbers of Latin-1. RE2 would fold all of Unicode's for each pattern: 2 s for the table of rules.
_CLASSES = {
    "\\pL": "A-Za-z\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff",
    "\\pN": "0-9\xb2\xb3\xb9\xbc-\xbe",
    "\\p{Lu}": "A-Z\xc0-\xd6\xd8-\xde",
    "\\p{Ll}": "a-z\xb5\xdf-\xf6\xf8-\xff",
}
_CLASS = re.compile(r"(?P<named>\\p(?:\{\w+\}|[LN]))|\\.|(?P<open>\[\^?\]?)|(?P<close>\])", re.DOTALL)


def latin(pattern: str) -> str:
    """The pattern with Unicode's classes written out for text in Latin-1."""
    inside = False

    def rewritten(match: re.Match[str]) -> str:
        nonlocal inside
        if match["named"]:
            ranges = _CLASSES[match["named"]]
            return ranges if inside else f"[{ranges}]"
        inside = (inside or bool(match["open"])) and not match["close"]
        return match[0]

    return _CLASS.sub(rewritten, pattern)


def _unbounded(count: re.Match[str]) -> str:
    return f"{{{min(int(count[1]), _LONGEST_RUN)},}}"


def for_shapes(pattern: str) -> str:
    """A rule's pattern without its groups, that matches the shape of whatever the pattern matches."""
    return of_shapes(_NAME.sub("(?:", latin(pattern)))


_DIGITED = re.compile(r"\\x[0-9A-Fa-f]{2}|\\.|\{\d+(?:,\d*)?\}|(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<digit>[0-9])", re.DOTALL)


def of_shapes(pattern: str) -> str:
    """A pattern that matches the shape of whatever the pattern matches; it has no names of groups and none of Unicode's classes."""
    return _DIGITED.sub(_of_shape, pattern)


def _of_shape(found: re.Match[str]) -> str:
    if found["digit"]:
        return "0"
    digits = _digits_of(found["class"]) if found["class"] else frozenset()
    if not digits or "0" in digits:
        return found[0]
    return "[^\n]" if found[0].startswith("[^") else f"[0{found[0][1:]}"


def tells_no_digits_apart(pattern: str) -> bool:
    """Whether all digits are the same to a pattern, which has none of Unicode's classes."""
    parts = _DIGITED.finditer(_NAME.sub("(?:", pattern))
    return not any(part["digit"] or (part["class"] and 0 < len(_digits_of(part["class"])) < 10) for part in parts)


@cache
def _digits_of(some: str) -> frozenset[str]:
    """The digits that a class of characters has."""
    return frozenset(re.findall(some, "0123456789"))
