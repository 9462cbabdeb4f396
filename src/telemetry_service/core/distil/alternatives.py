"""Patterns with alternatives as several patterns without: each of them has literals that are longer."""

from __future__ import annotations

_QUANTIFIERS = "*+?{"


def alternatives(pattern: str) -> list[str]:
    """The pattern's outermost alternatives: `a|(?:b|c)` -> `a`, `(?:b|c)`."""
    parts, depth, start, position = [], 0, 0, 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
        elif character == "[":
            position = _class_end(pattern, position)
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and not depth:
            parts.append(pattern[start:position])
            start = position + 1
        position += 1
    return [*parts, pattern[start:]]


def expanded(pattern: str) -> list[str]:
    """Equivalent patterns with one alternative each: `^(?:a|b)c` -> `^ac`, `^bc`. Smaller ones have longer literals."""
    parts = []
    for alternative in alternatives(pattern):
        anchor = "^" if alternative.startswith("^") else ""
        rest = alternative[len(anchor) :]
        if not rest.startswith("(?:"):
            parts.append(alternative)
            continue
        end = _group_end(rest, 0)
        if _quantifier(rest, end)[1] > end:
            parts.append(alternative)
            continue
        for inner in alternatives(rest[3 : end - 1]):
            parts.extend([anchor + inner + rest[end:]] if anchor else expanded(inner + rest[end:]))
    return parts


def _quantifier(sequence: str, position: int) -> tuple[bool, int]:
    """(may be absent, end) of the quantifier at a position, if there is one."""
    if position >= len(sequence) or sequence[position] not in _QUANTIFIERS:
        return False, position
    end = sequence.index("}", position) + 1 if sequence[position] == "{" else position + 1
    optional = sequence[position] in "*?" or sequence[position : position + 2] in ("{0", "{,")
    return optional, end


def _class_end(pattern: str, position: int) -> int:
    position += 2 if pattern[position + 1] == "^" else 1
    if pattern[position] == "]":
        position += 1
    while pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position


def _group_end(pattern: str, position: int) -> int:
    depth = 0
    while True:
        character = pattern[position]
        if character == "\\":
            position += 1
        elif character == "[":
            position = _class_end(pattern, position)
        elif character in "()":
            depth += 1 if character == "(" else -1
            if not depth:
                return position + 1
        position += 1
