"""Literals that any match of a pattern must contain, so that one pass finds the few patterns worth trying on a line."""

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


def required(pattern: str) -> set[str]:
    """Lower-case literals of which every match has at least one; empty if there are none of two bytes.

    Knows the subset of RE2 that the tables of signs are written in: literals, escapes, classes, groups, quantifiers,
    anchors.
    """
    literals: set[str] = set()
    for alternative in alternatives(pattern):
        found = _best(alternative)
        if not found:
            return set()
        literals |= found
    return literals


def _best(sequence: str) -> set[str]:
    """Of one alternative: the required set whose shortest member is longest."""
    candidates: list[set[str]] = []
    run, position = "", 0
    while position < len(sequence):
        item, end = _item(sequence, position)
        optional, after = _quantifier(sequence, end)
        if len(item) == 1 and after == end:
            run += item.lower()
        else:
            candidates.append({run})
            # `ab+c`: the b is there at least once, but what follows the first one is open.
            run = ""
            if item.startswith("(") and not optional:
                candidates.append(required(_inside(item)))
        position = after
    candidates.append({run})
    best = max(candidates, key=lambda literals: min(map(len, literals), default=0))
    return best if min((len(literal.encode()) for literal in best), default=0) > 1 else set()


def _item(sequence: str, position: int) -> tuple[str, int]:
    """(text, end) of the item at a position: a literal as one character, a group as `(...)`, others longer or empty."""
    character = sequence[position]
    if character == "\\":
        escaped = sequence[position + 1]
        return (sequence[position : position + 2] if escaped.isalnum() else escaped), position + 2
    if character == "[":
        end = _class_end(sequence, position) + 1
        return "[class]", end
    if character == "(":
        end = _group_end(sequence, position)
        return sequence[position:end], end
    return ("" if character in "^$." else character), position + 1


def _quantifier(sequence: str, position: int) -> tuple[bool, int]:
    """(may be absent, end) of the quantifier at a position, if there is one."""
    if position >= len(sequence) or sequence[position] not in _QUANTIFIERS:
        return False, position
    end = sequence.index("}", position) + 1 if sequence[position] == "{" else position + 1
    optional = sequence[position] in "*?" or sequence[position : position + 2] in ("{0", "{,")
    return optional, end


def _inside(group: str) -> str:
    for opening in ("(?:", "(?-i:", "("):
        if group.startswith(opening):
            return group[len(opening) : -1]
    raise ValueError(group)


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
