"""Which signs fire on which lines, in one pass over all of them.

One automaton for all signs was measured first: RE2's set takes 1 microsecond a line once warm, but builds its states
as it meets new text, and 10 KiB of words taken from the signs cost 50 ms. Literals first, then only the patterns they
belong to: 2 ms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

import re2
from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.distil.literals import expanded, required
from telemetry_service.core.distil.sign import Kind, Sign
from telemetry_service.core.distil.signs_general import GENERAL
from telemetry_service.core.distil.signs_services import SERVICES
from telemetry_service.core.distil.signs_system import SYSTEM
from telemetry_service.core.distil.signs_tools import TOOLS

SIGNS: tuple[Sign, ...] = SYSTEM + SERVICES + TOOLS + GENERAL


SPAN_MAX_BYTES = 70  # a pattern that spans more describes the whole line and shows no place in it


class _Matcher(NamedTuple):
    """A sign and what must hold besides the literal: it begins the line, or a pattern fires (None: nothing)."""

    sign: int
    anchored: bool
    pattern: re2._Regexp | None
    fires: Callable[[bytes], object] | None


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


def _table() -> tuple[list[str], list[list[_Matcher]], list[tuple[int, str]]]:
    """(literals, the matchers of each, signs and patterns without a literal)."""
    by_literal: dict[str, list[_Matcher]] = {}
    others: list[tuple[int, str]] = []
    for number, sign in enumerate(SIGNS):
        for pattern in expanded(sign.pattern):
            literals = required(pattern)
            if not literals:
                others.append((number, pattern))
                continue
            anchored = pattern.startswith("^")
            if anchored and pattern[1:2] != " ":
                pattern = "^ ?" + pattern[1:]
            bare = len(literals) == 1 and pattern.removeprefix("^ ?").lower().replace("\\", "") in literals
            compiled = None if bare else re2.compile(pattern, _options())
            # Of a set, and without the wrapper's checks: half the time of a search with its match object.
            matcher = _Matcher(number, anchored and bare, compiled, None if bare else _set_of([pattern])._set.Match)
            for literal in literals:
                by_literal.setdefault(literal, []).append(matcher)
    return list(by_literal), list(by_literal.values()), others


_LITERALS, _MATCHERS, _OTHERS = _table()
_AUTOMATON = BytesAhoCorasick([literal.encode() for literal in _LITERALS])
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
    for literal, begin, _ in _AUTOMATON.find_matches_as_indexes(b"\n".join(encoded).lower(), overlapping=True):
        index = bisect_right(starts, begin) - 1
        first = begin - starts[index] <= encoded[index].startswith(b" ")
        if (index, literal) in tried:
            continue
        tried.add((index, literal))
        signs, body = fired[index], encoded[index]
        for sign, anchored, _, fires in _MATCHERS[literal]:
            if sign not in signs and (first or not anchored) and (fires is None or fires(body)):
                signs.add(sign)
    return fired


def signs_of(body: str) -> list[Sign]:
    """The signs which fire on a line's body, in the order of the table."""
    return [SIGNS[number] for number in sorted(signs_of_lines([body])[0])]


def heaviest_cause(line: str) -> tuple[int, int]:
    """Where the heaviest sign of a cause stands in a line; of equal ones the last: messages end with the reason.

    (0, 0) if there is none. Offsets are in characters.
    """
    body = line.encode("utf-8", "replace")
    best = (0, 0, 0)  # weight, start, end
    tried: set[int] = set()
    for literal, begin, end in _AUTOMATON.find_matches_as_indexes(body.lower(), overlapping=True):
        for sign, anchored, pattern, _ in _MATCHERS[literal]:
            weight = SIGNS[sign].weight
            if SIGNS[sign].kind is not Kind.CAUSE or weight < best[0] or (anchored and begin > body.startswith(b" ")):
                continue
            if pattern is None:
                best = max(best, (weight, begin, end))
            elif literal not in tried and (found := pattern.search(body)) and found.end() - found.start() <= SPAN_MAX_BYTES:
                best = max(best, (weight, found.start(), found.end()))
        tried.add(literal)
    return len(body[: best[1]].decode("utf-8", "replace")), len(body[: best[2]].decode("utf-8", "replace"))
