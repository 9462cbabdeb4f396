"""The literals that are looked for before a pattern is searched: every match must hold one of each set."""

import re

import pytest

from telemetry_service.core.required import DIGIT, EDGE, required


@pytest.mark.parametrize(
    ("pattern", "sets"),
    [
        ("abc", [{"abc"}]),
        ("(?i)Host(?:name)?: x", [{"host: x", "hostname: x"}]),
        (r"\b(?:on|from)\s+\w", [{EDGE + "on" + EDGE, EDGE + "from" + EDGE}]),
        (r"(?:^|[\s\"'])uid=(?P<user>x+)", [{EDGE + "uid="}, {"x"}]),
        (r"\d+\.\w", [{"."}, {DIGIT}]),
        (r"a[:=]b", [{"a:b", "a=b"}]),
        (r"(?:key|[a-z]+)=", [{"="}]),
        (r"ab+c?d", [{"b"}, {"a"}, {"cd", "d"}]),
        (r"\[x\]", [{"[x]"}]),
        ("x*", []),
        ("ä", []),
    ],
)
def test_sets(pattern: str, sets: list[set[str]]) -> None:
    found = required(pattern)
    assert sorted(map(sorted, found)) == sorted(map(sorted, sets))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?:^|[^\w])ab\b", "x-ab."),
        (r"[^A-Za-z0-9]ab", "_ab"),  # an underscore is part of a word, so this is no edge
        (r"a(?:b|c[de])f{2}", "zacdffz"),
        (r"(?:a|b)?c$", "xbc"),
        (r"(?i)Foo-Bar|qux\d", "say FOO-BAR"),
    ],
)
def test_a_match_holds_one_of_each(pattern: str, text: str) -> None:
    match = re.search(pattern, text)
    assert match
    for literals in required(pattern):
        assert any(_stands(literal, match[0].lower(), text.lower(), match.start()) for literal in literals), literals


def _stands(literal: str, found: str, text: str, start: int) -> bool:
    if literal == DIGIT:
        return any(character.isdigit() for character in found)
    left = r"(?<!\w)" if literal.startswith(EDGE) else ""
    right = r"(?!\w)" if literal.endswith(EDGE) else ""
    return bool(re.compile(left + re.escape(literal.strip(EDGE)) + right).search(text, start))
