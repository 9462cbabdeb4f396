"""Which rules can match which lines at all, found in one pass over a block of lines instead of one per rule.

It is asked of shapes of lines, in which all digits are alike: a log has fewer of them than lines.

A rule is worth a search only where literals stand that each of its matches holds. One automaton for the rules
themselves was measured first: RE2's set remembers which patterns it has met, so that logs gave it new states without
end, 2 ms for a line; the automaton of literals is complete from the start.

Rules without such literals - addresses, columns of tables - are looked for in small groups: one pattern for six of them,
which matches where one of them does. Larger groups have too many states again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.required import DIGIT, EDGE, Literal, required
from telemetry_service.core.scrub.rule import Budget, CompiledRule, Rule, joined, latin, lines_where, search_of, shape

_LENGTH_MIN = 3  # a rule is not chosen by a shorter literal: those are met everywhere
_GROUP = 6
_FEW = 8  # literals of a further set; a larger one excludes next to nothing
_MET_MAX = 2000  # sets of signs that are remembered
_TIMES = 2  # so many lines for each shape, and shapes are searched before lines
_NONE: frozenset[int] = frozenset()


_Need = TypeVar("_Need", int, tuple[bytes, ...])


class _Wanted(NamedTuple):
    """A literal, the rules that want it first, and the further sets it is of."""

    literal: Literal
    rules: set[int]
    sets: set[int]


class _Needs(NamedTuple):
    """What a line must hold besides, for a rule: a literal of each set, a character of each of `characters`."""

    sets: list[int]
    characters: list[tuple[bytes, ...]]


class Place(NamedTuple):
    """A rule that may match, and the numbers of the lines where."""

    rule: int
    lines: Sequence[int]


class Prefilter:
    """Built once from the rules; `places` answers for one block of lines."""

    def __init__(
        self, rules: Sequence[Rule], compiled: Sequence[CompiledRule], frequent: Container[str] = (), common: Container[str] = ()
    ) -> None:
        """`compiled` are the rules compiled. `frequent` names rules that match so often that no group should hold them;
        `common` those that rarely match where their literals stand: groups serve them better.
        """
        always: list[int] = []
        wanted: dict[Literal, _Wanted] = {}
        sets: dict[frozenset[str], int] = {}
        self._needs = [_Needs([], []) for _ in rules]
        for number, rule in enumerate(rules):
            needs = required(latin(rule.pattern))
            if needs and rule.name not in common and _shortest(needs[0]) >= _LENGTH_MIN:
                for literal in needs.pop(0):
                    _entry(wanted, literal).rules.add(number)
            else:
                always.append(number)
            for some in needs:
                if some == {DIGIT}:
                    self._needs[number].characters.append((b"0",))
                elif DIGIT in some:
                    continue
                elif min(map(len, some)) == 1:
                    first = {shape(literal.strip(EDGE).encode("ascii"))[:1] for literal in some}
                    self._needs[number].characters.append(tuple(sorted(first)))
                elif len(some) <= _FEW and _shortest(some) >= _LENGTH_MIN:
                    self._needs[number].sets.append(sets.setdefault(some, len(sets)))
        for some, number in sets.items():
            for literal in some:
                _entry(wanted, literal).sets.add(number)
        self._always = frozenset(always)
        self._with_set = _having({number: self._needs[number].sets for number in always})
        signs = {
            number: [some for some in self._needs[number].characters if not any(map(bytes.isalpha, some))] for number in always
        }
        self._with_sign = _having(signs)
        self._signs = sorted({sign for some, _ in self._with_sign for sign in some})
        self._met_signs: dict[bytes, frozenset[int]] = {}
        rare = [number for number in always if rules[number].name not in frequent]
        groups = [rare[first : first + _GROUP] for first in range(0, len(rare), _GROUP)]
        groups += [[number] for number in always if number not in rare]
        self._groups = [(frozenset(group), search_of(rules[number] for number in group)) for group in groups]
        self._compiled = compiled
        self._wanted = list(wanted.values())
        self._find = BytesAhoCorasick([literal.text for literal in wanted]).find_matches_as_indexes

    def places(self, lines: Sequence[bytes], budget: Budget) -> Iterator[Place]:
        """The rules that may match in the lines, in order, each with its lines in order. Raises Spent."""
        numbers: dict[bytes, list[int]] = {}
        for number, line in enumerate(shape(b"\n".join(lines)).split(b"\n")):
            numbers.setdefault(line, []).append(number)
        held = _Held(list(numbers))
        is_repetitive = len(lines) > _TIMES * len(numbers)
        of_shape = list(numbers.values())
        places = self._met(held)
        self._search_groups(places, held, budget)
        for rule in sorted(places):
            shapes = sorted(self._fulfilled(rule, places[rule], held))
            if self._compiled[rule].is_of_shapes and is_repetitive:
                found = self._compiled[rule].lines(*joined([held.lines[one] for one in shapes]), budget)
                shapes = [shapes[one] for one in found]
            if shapes:
                yield Place(rule, sorted([number for one in shapes for number in of_shape[one]]))

    def _met(self, held: _Held) -> dict[int, set[int]]:
        """Rules by the literals in the text, each with the numbers of the lines. They are found in the order of their ends."""
        places: dict[int, set[int]] = {}
        lowered, starts, sets = held.lowered, held.starts, held.sets
        line, limit = 0, starts[1]
        for number, start, end in self._find(lowered, overlapping=True):
            while end > limit:
                line += 1
                limit = starts[line + 1]
            literal, rules, of_sets = self._wanted[number]
            if (literal.begins or literal.ends) and not literal.stands(lowered, start, end):
                continue
            for rule in rules:
                if rule in places:
                    places[rule].add(line)
                else:
                    places[rule] = {line}
            for some in of_sets:
                if some in sets:
                    sets[some].add(line)
                else:
                    sets[some] = {line}
        return places

    def _search_groups(self, places: dict[int, set[int]], held: _Held, budget: Budget) -> None:
        """Add the rules that have no literal to be chosen by. Raises Spent."""
        possible = self._possible(held)
        for group, find in self._groups:
            if not possible.isdisjoint(group) and (found := lines_where(find, held.text, held.starts, budget)):
                places.update((rule, set(found)) for rule in possible.intersection(group))

    def _possible(self, held: _Held) -> set[int]:
        """Of the rules without a first literal those for which all that they need stands somewhere, be it in different lines."""
        signs = b"".join([sign for sign in self._signs if sign in held.lowered])
        possible = set(self._met_signs.get(signs) or self._possible_with(signs))
        for number, rules in self._with_set:
            if number not in held.sets:
                possible -= rules
        return possible

    def _possible_with(self, signs: bytes) -> frozenset[int]:
        """The same where no more is known than which signs stand in the text; remembered, since texts have few sets of them."""
        possible = self._always.difference(*(rules for some, rules in self._with_sign if not _has(signs, some)))
        if len(self._met_signs) < _MET_MAX:
            self._met_signs[signs] = possible
        return possible

    def _fulfilled(self, rule: int, shapes: set[int], held: _Held) -> set[int]:
        """Those of the shapes that hold what the rule needs."""
        sets, characters = self._needs[rule]
        for number in sets:
            shapes = shapes & held.sets.get(number, _NONE)
        for some in characters:
            shapes = {one for one in shapes if _has(held.small[one], some)}
        return shapes


class _Held:
    """What shapes of lines hold."""

    __slots__ = ("lines", "lowered", "sets", "small", "starts", "text")

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self.text, self.starts = joined(lines)
        self.lowered = self.text.lower()
        self.small = self.lowered.split(b"\n")
        self.sets: dict[int, set[int]] = {}  # of literals: the lines that hold one of each


def _has(line: bytes, some: Sequence[bytes]) -> bool:
    for character in some:  # noqa: SIM110 - of one to four: half the time of any()
        if character in line:
            return True
    return False


def _having(rules: Mapping[int, Sequence[_Need]]) -> list[tuple[_Need, frozenset[int]]]:
    """The needs, each with the rules that have it."""
    needs = dict.fromkeys(need for some in rules.values() for need in some)
    return [(need, frozenset(rule for rule, some in rules.items() if need in some)) for need in needs]


def _shortest(literals: Iterable[str]) -> int:
    return min(len(literal.strip(EDGE)) for literal in literals)


def _entry(wanted: dict[Literal, _Wanted], text: str) -> _Wanted:
    literal = Literal.of(text)
    literal = literal._replace(text=shape(literal.text))
    return wanted.setdefault(literal, _Wanted(literal, set(), set()))
