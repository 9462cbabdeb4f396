"""How much work a text can cause, counted: searches, bytes they read, bytes they match, characters the gate judges."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry_service.core.required import DIGIT, EDGE, required
from telemetry_service.core.scrub import Scrubber
from telemetry_service.core.scrub.rule import latin
from telemetry_service.core.scrub.rules import RULES

SIZE = 10 * 1024
CORPUS = Path(__file__).parents[2] / "corpora" / "distil_own.jsonl"
CASES = [json.loads(line)["fires"] for line in (Path(__file__).parent / "rule_cases.jsonl").read_text("utf-8").splitlines()]
LITERALS = sorted(
    {
        literal.strip(EDGE).replace(DIGIT, "1")
        for rule in RULES
        for literals in required(latin(rule.pattern))
        for literal in literals
    }
)
GAPS = ("", " ", "-", ".", ":", "/", "\n", "=", "@", "'", " a ", "=a1 ")
# Each was the worst of some search for texts that cost much.
WORST = (
    *("DOMAIN", "PARTUUID=1a2b3c4d-01 gone", "a1_b2 ", "1a2b3c4d-01 ", "10.0.0.1 ", "a@", "x-y-z-a-b-c ", "certificate for"),
    *("password=" + ")" * 500 + "x ", "a@" + "1." * 250 + "! ", "user '", "=a1 key", "http://a:b@"),
    *(
        "a:",
        "1.",
        "password=",
        "a-",
        '"',
        "a",
        "<",
        "(",
        "eyJ",
        "x.",
        "\n",
        "\x1b[",
        "\\",
        "uid=1(a)",
        "-----BEGIN A-----",
        "'a'",
        "key_",
    ),
)


class Counted:
    """A scrubber whose searches are counted where RE2 is called."""

    def __init__(self) -> None:
        self.scrubber = Scrubber()
        self.searches = self.read = self.matched = self.judged = 0
        for rule in self.scrubber._rules:
            rule._find = self._counting(rule.find)
        passes = self.scrubber._gate.passes

        def counted(token: str, text: str, start: int) -> bool:
            self.judged += 0 if token.isalpha() and len(token) < 20 else len(token)
            return passes(token, text, start)

        self.scrubber._gate.passes = counted  # type: ignore[method-assign]

    def _counting(self, find: Callable[..., list[tuple[int, int]]]) -> Callable[..., list[tuple[int, int]]]:
        def counted(anchor: object, data: bytes, position: int, end: int) -> list[tuple[int, int]]:
            spans = find(anchor, data, position, end)
            first, last = spans[0]
            line_end = data.find(b"\n", last) if last >= 0 else -1
            self.searches += 1
            self.read += (line_end if line_end >= 0 else end) - position
            self.matched += max(0, last - first)
            return spans

        return counted

    def clean(self, text: str) -> tuple[str, ...]:
        """The rules that fired; the counts are of this text."""
        self.searches = self.read = self.matched = self.judged = 0
        scrubbed = self.scrubber.scrub(text)
        self.scrubber.gate(scrubbed.text)
        return scrubbed.rules


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted()


def pieces(count: int) -> list[str]:
    """Literals and cases of rules, alone and in pairs."""
    chance = random.Random(7)
    pool = LITERALS + CASES
    alone = [chance.choice(pool) + chance.choice(GAPS) for _ in range(count)]
    return alone + [chance.choice(pool) + chance.choice(GAPS) + chance.choice(pool) + chance.choice(GAPS) for _ in range(count)]


@pytest.mark.parametrize("piece", [*WORST, *pieces(40)], ids=repr)
def test_no_text_causes_much_work(counted: Counted, piece: str) -> None:
    counted.clean((piece * SIZE)[:SIZE])
    assert counted.searches < 3_200
    assert counted.read < 13_000_000  # 1,200 searches of all of it: most read to a line's end and no further
    assert counted.matched < 60_000  # six times its length
    assert counted.judged < 2_500


def test_a_log_may_cost_twice_what_it_does(counted: Counted) -> None:
    log = "\n".join(json.loads(line)["error"] for line in CORPUS.read_text("utf-8").splitlines())
    for start in range(0, len(log), 16 * SIZE):
        assert "too-much" not in counted.clean(log[start : start + SIZE] * 2)


def test_a_word_too_long_for_a_message_is_masked_unread(counted: Counted) -> None:
    assert counted.scrubber.scrub("key " + "x" * 600 + " lost").text == "key <x> lost"
    assert counted.scrubber.scrub("x" * 500).text == "x" * 500
