"""Which rules can match a text at all, found in a few linear passes instead of one per rule.

Every pattern is widened - a counted repetition `{2,40}` becomes `{2,}` - so that it matches whenever the rule does and has
few automaton states; the widened patterns are searched together. Measured on lines not seen before: one automaton for all
exact patterns 0.44 ms (its states multiply), five for the widened ones 0.08 ms, and 0.015 ms once its states are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import re2

from telemetry_service.core.scrub.rule import Rule, options, shadow

_AUTOMATA = 5
_LONGEST_RUN = 16  # repetitions kept: enough to tell a digest from a word
_COUNTED = re.compile(r"\{(\d+)(?:,\d*)?\}")


def widened(pattern: str) -> str:
    """A pattern that matches wherever `pattern` does, without upper bounds on repetitions."""
    return _COUNTED.sub(lambda match: f"{{{min(int(match[1]), _LONGEST_RUN)},}}", pattern)


class Prefilter:
    """Built once from the rules; `candidates` answers for one text."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._everything = list(range(len(rules)))
        self._automata: list[tuple[re2.Set, int, int]] = []
        size = -(-len(rules) // _AUTOMATA)
        for first in range(0, len(rules), size):
            automaton = re2.Set.SearchSet(options())
            for rule in rules[first : first + size]:
                automaton.Add(shadow(widened(rule.pattern)))
            canary = automaton.Add(b"(?s)^")
            automaton.Compile()
            self._automata.append((automaton, first, canary))

    def candidates(self, data: bytes) -> list[int]:
        """Numbers of the rules that may match, in order; every one if an automaton gave up (it then answers nothing)."""
        numbers: list[int] = []
        for automaton, first, canary in self._automata:
            found = automaton.Match(data)
            if not found or canary not in found:
                return self._everything
            if len(found) > 1:
                numbers += [first + number for number in sorted(found) if number != canary]
        return numbers
