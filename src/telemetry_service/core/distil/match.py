"""Which signs fire on which lines, in one pass over all of them.

One automaton for all signs was measured first: RE2's set takes 1 microsecond a line once warm, but builds its states
as it meets new text, and 10 KiB of words taken from the signs cost 50 ms. Literals first, then only the patterns they
belong to: 2 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate

import re2
from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.distil.alternatives import expanded
from telemetry_service.core.distil.sign import Kind, Sign
from telemetry_service.core.distil.signs_general import GENERAL
from telemetry_service.core.distil.signs_services import SERVICES
from telemetry_service.core.distil.signs_system import SYSTEM
from telemetry_service.core.distil.signs_tools import TOOLS
from telemetry_service.core.required import DIGIT, Literal, required

SIGNS: tuple[Sign, ...] = SYSTEM + SERVICES + TOOLS + GENERAL


_LENGTH_MIN = 2
_FEW = 8  # literals of a further set; a larger one excludes next to nothing
ABOUT_AS_HEAVY = 5  # a chain of messages begins with the tool's own words and ends with the reason
SPAN_MAX_BYTES = 70  # a pattern that spans more describes the whole line and shows no place in it


class _Matcher:
    """A sign and what must hold besides the literal: it begins the line, or a pattern fires (none: nothing must).

    Of each set of `further` a literal is in a line that the pattern fires on. Patterns are compiled when they are first
    needed: most are of tools that a process never hears of, and all together take 0.2 s and 5 MB.
    """

    __slots__ = ("_fires", "_pattern", "anchored", "further", "has_pattern", "sign")

    def __init__(self, sign: int, anchored: bool, pattern: str | None, further: tuple[tuple[bytes, ...], ...] = ()) -> None:
        self.sign = sign
        self.anchored = anchored
        self.further = further
        self.has_pattern = pattern is not None
        self._pattern = pattern or ""
        self._fires: Callable[[bytes], object] | None = None

    def fires(self, body: bytes) -> object:
        """Whether the pattern fires, true or false."""
        if self._fires is None:
            # Of a set, and without the wrapper's checks: half the time of a search with its match object.
            self._fires = _set_of([self._pattern])._set.Match
        return self._fires(body)

    def found(self, body: bytes) -> tuple[int, int] | None:
        """Where the pattern matches, if it does."""
        match = re2.compile(self._pattern, _options()).search(body)
        return match.span() if match else None


def _options() -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return options


def _set_of(patterns: list[str]) -> re2.Set:
    signs = re2.Set.SearchSet(_options())
    for pattern in patterns:
        signs.Add(pattern)
    signs.Compile()
    return signs


def _table() -> tuple[dict[Literal, list[_Matcher]], list[tuple[int, str]]]:
    """(the matchers of each literal, signs and patterns without a literal)."""
    by_literal: dict[Literal, list[_Matcher]] = {}
    others: list[tuple[int, str]] = []
    for number, sign in enumerate(SIGNS):
        for pattern in expanded(sign.pattern):
            sets = required(pattern, with_signs=True)
            if not sets or min(len(literal.encode()) for literal in sets[0]) < _LENGTH_MIN:
                others.append((number, pattern))
                continue
            matcher = _matcher(number, pattern, sets)
            for literal in sets[0]:
                by_literal.setdefault(Literal.of(literal), []).append(matcher)
    return by_literal, others


def _matcher(sign: int, pattern: str, sets: list[frozenset[str]]) -> _Matcher:
    anchored = pattern.startswith("^")
    if anchored and pattern[1:2] != " ":
        pattern = "^ ?" + pattern[1:]
    if len(sets[0]) == 1 and pattern.removeprefix("^ ?").lower().replace("\\", "") in sets[0]:
        return _Matcher(sign, anchored, None)
    further = tuple(
        tuple(Literal.of(literal).text for literal in some) for some in sets[1:] if DIGIT not in some and len(some) <= _FEW
    )
    return _Matcher(sign, False, pattern, further)


_BY_LITERAL, _OTHERS = _table()
_LITERALS = list(_BY_LITERAL.items())
_AUTOMATON = BytesAhoCorasick([literal.text for literal in _BY_LITERAL])
_OTHER_MATCH = _set_of([pattern for _, pattern in _OTHERS])._set.Match


def may_be_other(body: bytes) -> bool:
    """Whether a pattern without a literal can fire: such lines begin with a sign or a number, or are a prompt."""
    return not body[:1].isalpha() or b"@" in body


def signs_of_lines(bodies: list[str]) -> list[set[int]]:
    """For each body the numbers (in SIGNS) of the signs that fire on it."""
    encoded = [body.encode("utf-8", "replace") for body in bodies]
    starts = [0, *accumulate(len(body) + 1 for body in encoded)]
    fired: list[set[int]] = [
        {_OTHERS[number][0] for number in _OTHER_MATCH(body)} if may_be_other(body) else set() for body in encoded
    ]
    tried: set[tuple[int, int]] = set()
    text = b"\n".join(encoded).lower()
    index, start, limit = 0, 0, starts[1]
    for number, begin, end in _AUTOMATON.find_matches_as_indexes(text, overlapping=True):  # in the order of their ends
        while end > limit:
            index += 1
            start, limit = limit, starts[index + 1]
        literal, matchers = _LITERALS[number]
        if (index, number) in tried or ((literal.begins or literal.ends) and not literal.stands(text, begin, end)):
            continue
        tried.add((index, number))
        signs, body = fired[index], encoded[index]
        for matcher in matchers:
            if matcher.sign in signs or (matcher.anchored and begin - start > body.startswith(b" ")):
                continue
            if not matcher.has_pattern or (_holds(text, start, limit, matcher.further) and matcher.fires(body)):
                signs.add(matcher.sign)
    return fired


def _holds(text: bytes, start: int, end: int, further: tuple[tuple[bytes, ...], ...]) -> bool:
    """Whether the line at `text[start:end]` has a literal of each set."""
    for some in further:
        for literal in some:
            if text.find(literal, start, end) >= 0:
                break
        else:
            return False
    return True


def heaviest_cause(line: str) -> tuple[int, int]:
    """Where the heaviest sign of a cause stands in a line; of those about as heavy the last: messages end with the reason.

    (0, 0) if there is none. Offsets are in characters.
    """
    body = line.encode("utf-8", "replace")
    heaviest = 0
    spans: list[tuple[int, int, int]] = []  # start, end, weight
    tried: set[int] = set()
    lowered = body.lower()
    for number, begin, end in _AUTOMATON.find_matches_as_indexes(lowered, overlapping=True):
        literal, matchers = _LITERALS[number]
        if not literal.stands(lowered, begin, end):
            continue
        for matcher in matchers:
            sign = SIGNS[matcher.sign]
            weight = sign.weight
            if sign.kind is not Kind.CAUSE or weight < heaviest - ABOUT_AS_HEAVY:
                continue
            if matcher.anchored and begin > body.startswith(b" "):
                continue
            if not matcher.has_pattern:
                spans.append((begin, end, weight))
            elif number not in tried and (found := matcher.found(body)) and found[1] - found[0] <= SPAN_MAX_BYTES:
                spans.append((*found, weight))
            else:
                continue
            heaviest = max(heaviest, weight)
        tried.add(number)
    start, end, _ = max((span for span in spans if span[2] >= heaviest - ABOUT_AS_HEAVY), default=(0, 0, 0))
    first = lowered.find(lowered[start:end])  # a reason said twice is explained where it is said first
    return len(body[:first].decode("utf-8", "replace")), len(body[: first + end - start].decode("utf-8", "replace"))
