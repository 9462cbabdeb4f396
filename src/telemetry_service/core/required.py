"""Literals of which every match of a pattern holds at least one: looking for them first saves most searches.

Knows the part of RE2 that the tables of rules are written in: literals, escapes, classes, groups, alternatives, quantifiers,
anchors, flags. What it does not know counts as anything.
"""

from __future__ import annotations

import re
from typing import NamedTuple

EDGE = "\0"  # at the start or end of a literal: its word begins or ends there
DIGIT = "\1"  # stands for any digit

_STRINGS_MAX = 128  # of a set; more say too little
_CLASS_MAX = 4  # characters of a class that are written out
_PLAIN = re.compile(r"[A-Za-z0-9_ /<>:@=,;&%'\"`-]+")  # characters that stand for themselves
_QUANTIFIER = re.compile(r"(?:[*+?]|\{[0-9,]+\})\??")
_GROUP = re.compile(r"\?(?:P<\w+>|[a-zA-Z-]*:|(?P<flags>[a-zA-Z-]+\)))")
_CLASS = re.compile(r"\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_WORDLESS = re.compile(r"(?:[^\w\\-]|\\[sntfr\[\]().+*?{}|^$\"'/-])+")  # the inside of a class without letters, digits and ranges
_NO_WORD = re.compile(r"\^(?:.*\\w|(?=.*A-Z)(?=.*a-z)(?=.*0-9)(?=.*_))", re.DOTALL)
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_")  # as RE2's \b knows it, lower case
_EMPTY = frozenset({""})
_EDGE = frozenset({EDGE})


class Literal(NamedTuple):
    """What is searched in lower-case text, and whether a word begins and ends with it."""

    text: bytes
    begins: bool
    ends: bool

    @classmethod
    def of(cls, literal: str) -> Literal:
        """From a member of a set of `required`."""
        return cls(literal.strip(EDGE).encode(), literal.startswith(EDGE), literal.endswith(EDGE))

    def stands(self, text: bytes, start: int, end: int) -> bool:
        """Whether the words at its ends are whole where they must be, if it was found at `text[start:end]`."""
        return not (
            (self.begins and start and text[start - 1] in _WORD) or (self.ends and end < len(text) and text[end] in _WORD)
        )


class _Part(NamedTuple):
    """A piece of a pattern.

    `exact`: all strings it can match, or None; `wanted`: sets of which each match holds a member; `gap`: it is never empty
    and matches no part of a word.
    """

    exact: frozenset[str] | None
    wanted: tuple[frozenset[str], ...] = ()
    gap: bool = False


_ANYTHING = _Part(None)
_GAP = _Part(None, gap=True)
_A_DIGIT = _Part(None, (frozenset({DIGIT}),))


def required(pattern: str, with_signs: bool = False) -> list[frozenset[str]]:
    """Sets of lower-case literals: each match's lower-case text holds one of each set. The most telling set first.

    They are ASCII, and `with_signs` also signs beyond it (`✔`), for text that is searched as Unicode.

    A literal that begins or ends with EDGE stands at the edge of a word (as `\\b` knows it); a set of DIGIT alone is a digit.
    """
    part = _Reader(pattern, with_signs).alternatives()
    sets = part.wanted if part.exact is None else (frozenset(map(_canonical, part.exact)),)
    return sorted({literals for literals in sets if "" not in literals}, key=_telling, reverse=True)


def _telling(literals: frozenset[str]) -> tuple[int, int, list[str]]:
    if DIGIT in literals:
        return 0, 0, []
    return min(map(len, literals)), -len(literals), sorted(literals)


def _canonical(text: str) -> str:
    """Edges only where a word begins or ends at the text's own."""
    bare = text.replace(EDGE, "")
    if not bare:
        return ""
    left = EDGE if text[0] == EDGE and _is_word(bare[0]) else ""
    return left + bare + (EDGE if text[-1] == EDGE and _is_word(bare[-1]) else "")


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


class _Branch:
    """A sequence of parts: runs of exact strings are joined to longer ones."""

    def __init__(self) -> None:
        self._run = _EMPTY
        self._whole = True
        self._gap = False
        self._wanted: list[frozenset[str]] = []

    def add(self, part: _Part) -> None:
        if part.exact is not None and len(self._run) * len(part.exact) <= _STRINGS_MAX:
            self._run = frozenset([left + right for left in self._run for right in part.exact])
            return
        self._flush(part.gap)
        self._gap = part.gap and self._run == _EMPTY and not self._wanted
        self._whole = False
        self._run = part.exact if part.exact is not None else _EDGE if part.gap else _EMPTY
        self._wanted += part.wanted

    def _flush(self, at_edge: bool) -> None:
        run = frozenset([_canonical(text + EDGE if at_edge else text) for text in self._run])
        if "" not in run:
            self._wanted.append(run)

    def part(self) -> _Part:
        if self._whole:
            return _Part(self._run)
        gap = self._gap and self._run <= _EDGE and not self._wanted
        self._flush(False)
        return _Part(None, tuple(self._wanted), gap)


def _either(parts: list[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    exact: set[str] = set()
    for part in parts:
        exact |= part.exact or frozenset()
    if len(exact) <= _STRINGS_MAX and all(part.exact is not None for part in parts):
        return _Part(frozenset(exact))
    gap = all(part.gap or (part.exact is not None and part.exact <= _EDGE) for part in parts)
    choices = [_best(part) for part in parts]
    return _Part(None, (frozenset().union(*choices),) if all(choices) else (), gap)


def _best(part: _Part) -> frozenset[str]:
    sets = part.wanted if part.exact is None else (frozenset(map(_canonical, part.exact)),)
    return max((literals for literals in sets if "" not in literals), key=_telling, default=frozenset())


class _Reader:
    """Recursive descent over a pattern."""

    def __init__(self, pattern: str, with_signs: bool) -> None:
        self._pattern = pattern
        self._with_signs = with_signs
        self._at = 0

    def alternatives(self) -> _Part:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._sequence())
        return _either(parts)

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        found = expression.match(self._pattern, self._at)
        if found:
            self._at = found.end()
        return found

    def _sequence(self) -> _Part:
        branch = _Branch()
        while self._peek() not in ("", "|", ")"):
            plain = _PLAIN.match(self._pattern, self._at)
            if plain and plain.end() > self._at + 1:  # the last one may be repeated
                branch.add(_literal(self._pattern[self._at : plain.end() - 1]))
                self._at = plain.end() - 1
            branch.add(self._repeated(self._item()))
        return branch.part()

    def _item(self) -> _Part:
        character = self._peek()
        self._at += 1
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._class()
        if character == "(":
            return self._group()
        if character in "^$":
            return _Part(_EDGE)
        if character == "." or not (character.isascii() or (self._with_signs and not character.isalnum())):
            return _ANYTHING
        return _literal(character)

    def _escape(self) -> _Part:
        character = self._peek()
        self._at += 1
        if character in "bd":
            return _Part(_EDGE) if character == "b" else _A_DIGIT
        if character in "sWn":
            return _GAP
        if character == "x":
            self._at += 2
        elif character == "p":
            self._at = self._pattern.index("}", self._at) + 1 if self._peek() == "{" else self._at + 1
        return _ANYTHING if character.isalnum() or not character.isascii() else _literal(character)

    def _class(self) -> _Part:
        found = self._take(_CLASS)
        assert found is not None
        inside = found[0][:-1]
        if inside.startswith("^"):
            return _GAP if _NO_WORD.match(inside) else _ANYTHING
        if len(inside) <= _CLASS_MAX and inside.isascii() and "\\" not in inside and "-" not in inside:
            return _Part(frozenset(inside.lower()))
        if inside in ("0-9", "\\d"):
            return _A_DIGIT
        return _GAP if _WORDLESS.fullmatch(inside) else _ANYTHING

    def _group(self) -> _Part:
        found = self._take(_GROUP)
        if found and found["flags"]:
            return _Part(_EMPTY)  # they hold for what follows
        inside = self.alternatives()
        self._at += 1
        return inside

    def _repeated(self, part: _Part) -> _Part:
        """The part after the quantifier that follows it, if one does."""
        found = self._take(_QUANTIFIER)
        if found is None:
            return part
        quantifier = found[0]
        if quantifier[0] == "?" and part.exact is not None:
            return _Part(part.exact | _EMPTY)
        if quantifier.startswith(("*", "?", "{0", "{,")):
            return _ANYTHING
        if part.exact is None:
            return part
        return _Part(
            None,
            (frozenset(map(_canonical, part.exact)),),
            gap=not any(map(_is_word, "".join(part.exact))) and "" not in part.exact,
        )


def _literal(text: str) -> _Part:
    return _Part(frozenset({text.lower()}))
