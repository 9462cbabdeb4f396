"""Every rule has a line it must change and a line it must leave alone (rule_cases.jsonl)."""

import json
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_service.core.scrub.prefilter import Prefilter
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.core.scrub.rule import Budget, CompiledRule, Subject, of_shapes, tells_no_digits_apart
from telemetry_service.core.scrub.rules import COMMON, FREQUENT, RULES, compile_rules
from telemetry_service.core.scrub.vocabulary import Vocabulary, load_vocabulary

CASES = [json.loads(line) for line in (Path(__file__).parent / "rule_cases.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def compiled() -> dict[str, CompiledRule]:
    return {rule.name: rule for rule in compile_rules(PublicHosts(), Vocabulary(load_vocabulary()).knows)}


def test_every_rule_has_a_case_and_a_name_of_its_own() -> None:
    assert [rule.name for rule in RULES] == [case["rule"] for case in CASES]
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_what_is_captured_has_a_name() -> None:
    for rule in RULES:
        regex = re2.compile(rule.pattern)
        assert sorted(regex.groupindex.values()) == list(range(1, regex.groups + 1)), rule.name


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["rule"]))
def test_rule_fires(case: dict[str, str], compiled: dict[str, CompiledRule]) -> None:
    subject = Subject.of(case["fires"])
    changes = compiled[case["rule"]].changes(subject, Budget(10**9))
    assert changes, case["fires"]
    assert subject.rewritten(changes).text != case["fires"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["rule"]))
def test_rule_leaves_alone(case: dict[str, str], compiled: dict[str, CompiledRule]) -> None:
    assert compiled[case["rule"]].changes(Subject.of(case["stays"]), Budget(10**9)) == []


def test_lines_searched_together_change_as_one_by_one(compiled: dict[str, CompiledRule]) -> None:
    lines = [Subject.of(line) for case in CASES for key in ("fires", "stays") for line in case[key].split("\n")]
    for rule in compiled.values():
        alone = {place: changes for place, line in enumerate(lines) if (changes := rule.changes(line, Budget(10**9)))}
        assert dict(rule.changes_in(lines, Budget(10**12))) == alone, rule.name


def test_the_prefilter_never_hides_a_rule(compiled: dict[str, CompiledRule]) -> None:
    prefilter = _prefilter(compiled)
    for case in CASES:
        for line in (case["fires"], case["stays"], case["fires"].upper(), f"x{case['fires']}", f" {case['fires']}\t"):
            assert _missed(line, prefilter, compiled) == set()


WORDS = sorted({word for case in CASES for word in case["fires"].split()})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from([" ", "\t", "", "  "]), st.booleans())
def test_the_prefilter_never_hides_a_rule_of_any_words(
    compiled: dict[str, CompiledRule], words: list[str], gap: str, loud: bool
) -> None:
    text = gap.join(words)
    assert _missed(text.upper() if loud else text, _prefilter(compiled), compiled) == set()


def test_the_prefilter_shows_each_line_of_a_block(compiled: dict[str, CompiledRule]) -> None:
    lines = [Subject.of(case[key]).data for case in CASES for key in ("fires", "stays") if "\n" not in case[key]]
    shown = {place.rule: set(place.lines) for place in _prefilter(compiled).places(lines, Budget(10**12))}
    for number, rule in enumerate(RULES):
        matching = {place for place, line in enumerate(lines) if compiled[rule.name].matches(line)}
        assert matching <= shown.get(number, set()), rule.name


def _missed(line: str, prefilter: Prefilter, compiled: dict[str, CompiledRule]) -> set[str]:
    """Rules that match a line and that the prefilter does not name."""
    data = Subject.of(line).data
    named = {RULES[place.rule].name for place in prefilter.places([data], Budget(10**9))}
    return {rule.name for rule in compiled.values() if rule.matches(data)} - named


_made: list[Prefilter] = []


def _prefilter(compiled: dict[str, CompiledRule]) -> Prefilter:
    if not _made:
        _made.append(Prefilter(RULES, [compiled[rule.name] for rule in RULES], FREQUENT, COMMON))
    return _made[0]


@pytest.mark.parametrize(
    ("pattern", "of_shape"),
    [
        (r"\b192\.168\.\d{1,3}[1-9]", r"\b000\.000\.\d{1,3}[01-9]"),
        (r"[0-9a-f]{32}\x2d[^0-9][^3]", r"[0-9a-f]{32}\x2d[^0-9][^3]"),
        (r"[^0]x(?:fe80|[6-9])", "[^\n]x(?:fe00|[06-9])"),
    ],
)
def test_a_pattern_of_shapes_takes_all_digits_for_zeros(pattern: str, of_shape: str) -> None:
    assert of_shapes(pattern) == of_shape


def test_patterns_that_tell_digits_apart_are_known() -> None:
    assert tells_no_digits_apart(r"(?P<host1>[0-9a-f]+)\d{2,5}[^0-9]\x2d")
    assert not any(map(tells_no_digits_apart, ("ipv6", "[0-5]", "[^1]", "port 22")))


def test_offsets_survive_text_beyond_ascii(compiled: dict[str, CompiledRule]) -> None:
    subject = Subject.of("Größe ‘ü’ 🙂 łódź 192.168.1.9 – ende")
    assert subject.rewritten(compiled["ipv4"].changes(subject, Budget(10**9))).text == "Größe ‘ü’ 🙂 łódź <ipv4> – ende"
