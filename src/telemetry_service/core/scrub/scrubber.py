"""One scrubber, built once from settings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from telemetry_service.core.scrub.gate import PLACEHOLDER, Gate
from telemetry_service.core.scrub.normalise import normalise
from telemetry_service.core.scrub.prefilter import Prefilter
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.core.scrub.rule import Subject
from telemetry_service.core.scrub.rules import MULTILINE, RULES, compile_rules
from telemetry_service.core.scrub.strays import Strays
from telemetry_service.core.scrub.user_rules import SYSTEM_USERS
from telemetry_service.core.scrub.vocabulary import Vocabulary, load_vocabulary

_MAX_PASSES = 6  # a removal may uncover another; two passes settle nearly every text
_BLOCK_LINES = 16
_MAX_LEARNED = 200  # words removed everywhere; bounds the work of a text made to be learned from


class Scrubbed(NamedTuple):
    """A text without identifiers, and the names of the rules that changed it, in the order they first did."""

    text: str
    rules: tuple[str, ...]


class Scrubber:
    """Rules, allow-list and vocabulary, ready to use. Thread-safe: nothing is changed after construction.

    `public_hosts` are hosts an operator adds to the allow-list, each with its subdomains.
    """

    def __init__(self, public_hosts: Iterable[str] = ()) -> None:
        public = PublicHosts(public_hosts)
        vocabulary = Vocabulary(load_vocabulary())
        self._knows = vocabulary.knows
        self._gate = Gate(vocabulary, public)
        self._rules = compile_rules(public, vocabulary.knows)
        self._strays = Strays(vocabulary.knows)
        self._prefilter = Prefilter(RULES)
        self._multiline = [number for number, rule in enumerate(RULES) if rule.name in MULTILINE]

    def scrub(self, text: str) -> Scrubbed:
        """Remove everything the rules find; a host or user found once goes everywhere in the text. Never raises."""
        fired: dict[str, None] = {}
        learned: dict[str, str] = {}
        blocks = _blocks(self._apply(self._multiline, normalise(text), fired, learned))
        pending = set(range(len(blocks)))
        for _ in range(_MAX_PASSES):
            changed: set[int] = set()
            for number in sorted(pending):
                ruled = self._apply(None, blocks[number], fired, learned)
                after = self._strays.remove(ruled)
                if after != ruled:
                    fired["unknown-name"] = None
                if after != blocks[number]:
                    blocks[number] = after
                    changed.add(number)
            changed |= self._forget(blocks, learned, fired)
            if not changed:
                break
            pending = changed
        return Scrubbed("".join(blocks), tuple(fired))

    def gate(self, text: str) -> str:
        """Mask every word that is not public vocabulary. Idempotent. Never raises."""
        return self._gate.close(normalise(text))

    def _apply(self, numbers: list[int] | None, text: str, fired: dict[str, None], learned: dict[str, str]) -> str:
        """`text` after the given rules, or after all that may match it."""
        subject = Subject(text)
        for number in self._prefilter.candidates(subject.data) if numbers is None else numbers:
            rule = self._rules[number]
            changes = rule.changes(subject)
            if changes:
                fired[rule.name] = None
                for change in changes:
                    if change.learn and len(learned) < _MAX_LEARNED:
                        self._learn(change.learn, change.placeholder, learned)
                subject = subject.rewritten(changes)
        return subject.text

    def _learn(self, value: str, placeholder: str, learned: dict[str, str]) -> None:
        for word in {value, value.split(".")[0]}:
            if (
                len(word) > 2
                and (not self._knows(word) or (not word.isalpha() and "-" in word))
                and word.lower() not in SYSTEM_USERS
                and not word.isdigit()
            ):
                learned.setdefault(word.lower(), "<host>" if "<host>" in placeholder else placeholder)

    def _forget(self, blocks: list[str], learned: dict[str, str], fired: dict[str, None]) -> set[int]:
        """Replace learned words in every block; the numbers of the blocks that changed."""
        if not learned:
            return set()
        alternatives = "|".join(re.escape(word) for word in sorted(learned, key=len, reverse=True))
        pattern = re.compile(rf"(?<![^\W_])(?:{alternatives})(?![^\W_])", re.IGNORECASE)
        changed: set[int] = set()
        for number, block in enumerate(blocks):
            replaced = pattern.sub(lambda match: learned.get(match[0].lower(), "<x>"), block)
            if replaced != block:
                blocks[number] = replaced
                changed.add(number)
                fired["learned"] = None
        return changed


def _blocks(text: str) -> list[str]:
    """Runs of lines, each searched on its own: few rules concern a run, while all concern some line of a long log.

    Runs are counted in lines, and no rule but the multi-line ones removes a line, so that a scrubbed text is cut alike.
    """
    lines = re.split(r"(?<=\n)", text) if text.count("\n") > _BLOCK_LINES else [text]
    return ["".join(lines[first : first + _BLOCK_LINES]) for first in range(0, len(lines), _BLOCK_LINES)]


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, without a placeholder or word cut in two at the end."""
    if len(text) <= limit:
        return text
    shortened = text[:limit]
    opening = shortened.rfind("<")
    if opening >= 0 and PLACEHOLDER.match(text, opening) and (match := PLACEHOLDER.match(text, opening)) and match.end() > limit:
        shortened = shortened[:opening]
    return shortened.rstrip()
