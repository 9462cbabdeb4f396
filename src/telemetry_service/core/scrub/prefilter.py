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
from itertools import accumulate
from typing import NamedTuple, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.required import DIGIT, EDGE, Literal, required
from telemetry_service.core.scrub.rule import Budget, CompiledRule, Rule, Searched, latin, shape

_LENGTH_MIN = 3  # a rule is not chosen by a shorter literal: those are met everywhere
_GROUP = 6
_FEW = 8  # literals of a further set; a larger one excludes next to nothing
_BYTES_PER_LINE = 600  # a search in a line costs as much as looking through so many bytes of the block
_MANY = 8  # lines; fewer are searched one by one
_DIGITS = frozenset(b"0")


_Need = TypeVar("_Need", int, frozenset[int])


class _Wanted(NamedTuple):
    """A literal, the rules that want it first, and the further sets it is of."""

    literal: Literal
    rules: set[int]
    sets: set[int]


class _Needs(NamedTuple):
    """What a line must hold besides, for a rule: a literal of each set, a character of each of `characters`."""

    sets: list[int]
    characters: list[frozenset[int]]


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
                    self._needs[number].characters.append(_DIGITS)
                elif DIGIT not in some and min(map(len, some)) == 1:
                    first = frozenset(shape(literal.strip(EDGE).encode("ascii"))[0] for literal in some)
                    self._needs[number].characters.append(first)
                elif DIGIT not in some and len(some) <= _FEW and _shortest(some) >= _LENGTH_MIN:
                    self._needs[number].sets.append(sets.setdefault(some, len(sets)))
        for some, number in sets.items():
            for literal in some:
                _entry(wanted, literal).sets.add(number)
        self._always = frozenset(always)
        self._with_set = _having({number: self._needs[number].sets for number in always})
        self._with_characters = _having({number: self._needs[number].characters for number in always})
        rare = [number for number in always if rules[number].name not in frequent]
        groups = [rare[first : first + _GROUP] for first in range(0, len(rare), _GROUP)]
        groups += [[number] for number in always if number not in rare]
        self._groups = [(frozenset(group), Searched(rules[number] for number in group)) for group in groups]
        self._compiled = compiled
        self._wanted = list(wanted.values())
        self._find = BytesAhoCorasick([literal.text for literal in wanted]).find_matches_as_indexes

    def places(self, lines: Sequence[bytes], budget: Budget) -> list[Place]:
        """The rules that may match in the lines, in order, each with its lines in order. Raises Spent."""
        numbers: dict[bytes, list[int]] = {}
        for number, line in enumerate(lines):
            numbers.setdefault(shape(line), []).append(number)
        of_shape = list(numbers.values())
        joined = _Joined(lines)
        places: list[Place] = []
        for rule, shapes in self._shapes(_Held(numbers), budget):
            some = sorted(number for some in shapes for number in of_shape[some])
            if not self._compiled[rule].is_of_shapes and len(some) > _MANY and len(some) * _BYTES_PER_LINE > joined.size:
                some = self._compiled[rule].lines(*joined.data_and_starts(), budget)
            if some:
                places.append(Place(rule, some))
        return places

    def _shapes(self, held: _Held, budget: Budget) -> Iterator[tuple[int, set[int]]]:
        """Rules in order, each with the numbers of the shapes in which it may match."""
        places: dict[int, set[int]] = {}
        for number, wanted in self._met(held):
            for rule in wanted.rules:
                places.setdefault(rule, set()).add(number)
            for some in wanted.sets:
                held.sets.setdefault(some, set()).add(number)
        possible = self._possible(held)
        for group, searched in self._groups:
            if not possible.isdisjoint(group) and (found := searched.lines(held.text, held.starts, budget)):
                places.update((rule, set(found)) for rule in possible.intersection(group))
        for rule in sorted(places):
            shapes = self._fulfilled(rule, places[rule], held)
            compiled = self._compiled[rule]
            lines = sum(held.sizes[number] for number in shapes)
            if compiled.is_of_shapes and lines > _MANY and lines * _BYTES_PER_LINE > len(held.text):
                shapes = shapes.intersection(compiled.lines(held.text, held.starts, budget))
            if shapes:
                yield rule, shapes

    def _met(self, held: _Held) -> Iterator[tuple[int, _Wanted]]:
        """The literals in the text, each with the number of its line. They are found in the order of their ends."""
        lowered, starts = held.lowered, held.starts
        line = 0
        for number, start, end in self._find(lowered, overlapping=True):
            while end > starts[line + 1]:
                line += 1
            wanted = self._wanted[number]
            literal = wanted.literal
            if not (literal.begins or literal.ends) or literal.stands(lowered, start, end):
                yield line, wanted

    def _possible(self, held: _Held) -> set[int]:
        """Of the rules without a first literal those for which all that they need stands somewhere, be it in different lines."""
        possible = set(self._always)
        for number, rules in self._with_set:
            if number not in held.sets:
                possible -= rules
        for some, rules in self._with_characters:
            if some.isdisjoint(held.everywhere):
                possible -= rules
        return possible

    def _fulfilled(self, rule: int, shapes: set[int], held: _Held) -> set[int]:
        """Those of the shapes that hold what the rule needs."""
        needs = self._needs[rule]
        for number in needs.sets:
            shapes = shapes & held.sets.get(number, set())
        for some in needs.characters:
            shapes = {number for number in shapes if not some.isdisjoint(held.characters(number))}
        return shapes


class _Joined:
    """Lines as one text, joined when it is asked for."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.size = sum(map(len, lines)) + len(lines)
        self._lines = lines
        self._joined: tuple[bytes, list[int]] | None = None

    def data_and_starts(self) -> tuple[bytes, list[int]]:
        if self._joined is None:
            self._joined = b"\n".join(self._lines), [0, *accumulate(len(line) + 1 for line in self._lines)]
        return self._joined


class _Held:
    """What shapes of lines hold."""

    __slots__ = ("_characters", "everywhere", "lowered", "sets", "sizes", "starts", "text")

    def __init__(self, numbers: Mapping[bytes, Sequence[int]]) -> None:
        """`numbers` are those of the lines of each shape."""
        lines = list(numbers)
        self.sizes = [len(some) for some in numbers.values()]
        self.text = b"\n".join(lines)
        self.lowered = self.text.lower()
        self.starts = [0, *accumulate(len(line) + 1 for line in lines)]
        self.sets: dict[int, set[int]] = {}  # of literals: the lines that hold one of each
        self.everywhere = frozenset(self.lowered)
        self._characters: dict[int, frozenset[int]] = {}

    def characters(self, line: int) -> frozenset[int]:
        """The bytes that stand in a line."""
        if line not in self._characters:
            self._characters[line] = frozenset(self.lowered[self.starts[line] : self.starts[line + 1]])
        return self._characters[line]


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
