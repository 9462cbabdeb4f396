"""Which rules can match a block of text at all, found in one pass instead of one per rule.

A rule is worth a search only where literals stand that each of its matches holds. One automaton for the rules
themselves was measured first: RE2's set remembers which patterns it has met, so that logs gave it new states without
end, 2 ms for a line; the automaton of literals is complete from the start.

Rules without such literals - addresses, columns of tables - are searched in small groups first: one pattern for six of them,
which matches where one of them does. Larger groups have too many states again.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

import re2
from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.required import DIGIT, EDGE, Literal, required
from telemetry_service.core.scrub.rule import Rule, is_found, latin, options, shadow, within_lines

_LENGTH_MIN = 3  # a rule is not chosen by a shorter literal: those are met everywhere
_GROUP = 6
_LONGEST_RUN = 16  # repetitions that tell a digest from a word; the upper bound of a repetition tells nothing
_FEW = 8  # literals of a further set; a larger one excludes next to nothing
_COUNTED = re.compile(r"\{(\d+)(?:,\d*)?\}")
_NAME = re.compile(r"\(\?P<\w+>")
_FLAGS = re.compile(r"^\(\?([im]+)\)")
_DIGITS = frozenset(b"0123456789")


class _Wanted(NamedTuple):
    """A literal, the rules that want it first, and the further sets it is of."""

    literal: Literal
    rules: list[int]
    sets: list[int]


class Prefilter:
    """Built once from the rules; `candidates` answers for one block."""

    def __init__(self, rules: Sequence[Rule], frequent: Container[str] = (), common: Container[str] = ()) -> None:
        """`frequent` names rules that match so often that no group should hold them; `common` those that rarely match
        where their literals stand: groups serve them better.
        """
        self._always: list[int] = []
        wanted: dict[Literal, _Wanted] = {}
        characters: dict[frozenset[int], list[int]] = {}
        sets: dict[frozenset[str], list[int]] = {}
        for number, rule in enumerate(rules):
            needs = required(latin(rule.pattern))
            if needs and rule.name not in common and _shortest(needs[0]) >= _LENGTH_MIN:
                for literal in needs.pop(0):
                    _entry(wanted, literal).rules.append(number)
            else:
                self._always.append(number)
            for some in needs:
                if some == {DIGIT}:
                    characters.setdefault(_DIGITS, []).append(number)
                elif DIGIT not in some and min(map(len, some)) == 1:
                    first = frozenset(literal.strip(EDGE).encode("ascii")[0] for literal in some)
                    characters.setdefault(first, []).append(number)
                elif DIGIT not in some and len(some) <= _FEW and _shortest(some) >= _LENGTH_MIN:
                    sets.setdefault(some, []).append(number)
        for number, some in enumerate(sets):
            for literal in some:
                _entry(wanted, literal).sets.append(number)
        rare = [number for number in self._always if rules[number].name not in frequent]
        groups = [rare[first : first + _GROUP] for first in range(0, len(rare), _GROUP)]
        self._groups = [(frozenset(group), _any_of([rules[number] for number in group])) for group in groups]
        self._characters = list(characters.items())
        self._known = frozenset().union(*characters)
        self._sets = list(sets.values())
        self._wanted = list(wanted.values())
        self._find = BytesAhoCorasick([literal.text for literal in wanted]).find_matches_as_indexes

    def candidates(self, data: bytes) -> list[int]:
        """Numbers of the rules that may match, in order."""
        lowered = data.lower()
        numbers = set(self._always)
        absent = set(range(len(self._sets)))
        for _, rules, sets in self._met(lowered):
            numbers.update(rules)
            absent.difference_update(sets)
        for some in absent:
            numbers.difference_update(self._sets[some])
        present = {character for character in self._known if character in lowered}
        for characters, rules in self._characters:
            if characters.isdisjoint(present):
                numbers.difference_update(rules)
        for group, search in self._groups:
            if len(group & numbers) > 1 and not is_found(search, data):
                numbers -= group
        return sorted(numbers)

    def _met(self, lowered: bytes) -> Iterable[_Wanted]:
        met: dict[int, _Wanted] = {}
        for number, start, end in self._find(lowered, overlapping=True):
            if number not in met:
                wanted = self._wanted[number]
                literal = wanted.literal
                if not (literal.begins or literal.ends) or literal.stands(lowered, start, end):
                    met[number] = wanted
        return met.values()


def _shortest(literals: frozenset[str]) -> int:
    return min(len(literal.strip(EDGE)) for literal in literals)


def _any_of(rules: Sequence[Rule]) -> re2._Regexp:
    """A pattern that matches wherever one of the rules does."""
    parts = [_COUNTED.sub(_unbounded, _NAME.sub("(?:", within_lines(rule.pattern))) for rule in rules]
    scoped = "|".join(_FLAGS.sub(r"(?\1:", part) + ")" if _FLAGS.match(part) else f"(?:{part})" for part in parts)
    return re2.compile(shadow("(?m)" + latin(scoped)), options=options())


def _unbounded(count: re.Match[str]) -> str:
    return f"{{{min(int(count[1]), _LONGEST_RUN)},}}"


def _entry(wanted: dict[Literal, _Wanted], text: str) -> _Wanted:
    literal = Literal.of(text)
    return wanted.setdefault(literal, _Wanted(literal, [], []))
