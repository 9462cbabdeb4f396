"""Every rule has a line it must change and a line it must leave alone (rule_cases.jsonl)."""

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_service.core.scrub.prefilter import Prefilter
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.core.scrub.rule import Budget, CompiledRule, Subject
from telemetry_service.core.scrub.rules import COMMON, FREQUENT, RULES, compile_rules
from telemetry_service.core.scrub.vocabulary import Vocabulary, load_vocabulary

CASES = [json.loads(line) for line in (Path(__file__).parent / "rule_cases.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def compiled() -> dict[str, CompiledRule]:
    return {rule.name: rule for rule in compile_rules(PublicHosts(), Vocabulary(load_vocabulary()).knows)}


def test_every_rule_has_a_case_and_a_name_of_its_own() -> None:
    assert [rule.name for rule in RULES] == [case["rule"] for case in CASES]
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["rule"]))
def test_rule_fires(case: dict[str, str], compiled: dict[str, CompiledRule]) -> None:
    subject = Subject.of(case["fires"])
    changes = compiled[case["rule"]].changes(subject, Budget(10**9))
    assert changes, case["fires"]
    assert subject.rewritten(changes).text != case["fires"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["rule"]))
def test_rule_leaves_alone(case: dict[str, str], compiled: dict[str, CompiledRule]) -> None:
    assert compiled[case["rule"]].changes(Subject.of(case["stays"]), Budget(10**9)) == []


def test_the_prefilter_never_hides_a_rule(compiled: dict[str, CompiledRule]) -> None:
    prefilter = _prefilter()
    for case in CASES:
        for line in (case["fires"], case["stays"], case["fires"].upper(), f"x{case['fires']}", f" {case['fires']}\t"):
            data = Subject.of(line).data
            candidates = {RULES[number].name for number in prefilter.candidates(data)}
            assert {rule.name for rule in compiled.values() if rule.matches(data)} <= candidates, line


WORDS = sorted({word for case in CASES for word in case["fires"].split()})


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.sampled_from([" ", "\t", "", "  "]), st.booleans())
def test_the_prefilter_never_hides_a_rule_of_any_words(
    compiled: dict[str, CompiledRule], words: list[str], gap: str, loud: bool
) -> None:
    text = gap.join(words)
    data = Subject.of(text.upper() if loud else text).data
    candidates = {RULES[number].name for number in _prefilter().candidates(data)}
    assert {rule.name for rule in compiled.values() if rule.matches(data)} <= candidates


@cache
def _prefilter() -> Prefilter:
    return Prefilter(RULES, FREQUENT, COMMON)


def test_a_rule_finds_in_a_block_what_it_finds_in_each_line(compiled: dict[str, CompiledRule]) -> None:
    lines = [case[key] for case in CASES for key in ("fires", "stays") if "\n" not in case[key]]
    for rule in compiled.values():
        alone = [Subject.of(line) for line in lines]
        block = Subject.of("\n".join(lines))
        changed = [line.rewritten(rule.changes(line, Budget(10**9))).text for line in alone]
        assert block.rewritten(rule.changes(block, Budget(10**12))).text == "\n".join(changed), rule.name


def test_offsets_survive_text_beyond_ascii(compiled: dict[str, CompiledRule]) -> None:
    subject = Subject.of("Größe ‘ü’ 🙂 łódź 192.168.1.9 – ende")
    assert subject.rewritten(compiled["ipv4"].changes(subject, Budget(10**9))).text == "Größe ‘ü’ 🙂 łódź <ipv4> – ende"
