"""One scrubber, built once from settings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from telemetry_service.core.scrub.gate import MASK, PLACEHOLDER, Gate
from telemetry_service.core.scrub.normalise import normalise
from telemetry_service.core.scrub.prefilter import Prefilter
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.core.scrub.rule import Budget, Change, CompiledRule, Spent, Subject, subjects_of
from telemetry_service.core.scrub.rules import COMMON, FREQUENT, MULTILINE_SIGN, RULES, compile_multiline, compile_rules
from telemetry_service.core.scrub.user_rules import SYSTEM_USERS
from telemetry_service.core.scrub.vocabulary import Vocabulary, load_vocabulary

_MAX_PASSES = 6  # a removal may uncover another; two passes settle nearly every text
_MAX_LEARNED = 64  # words removed everywhere; bounds the work of a text made to be learned from
_LEARNED_CHARS = 253  # of a word; no host has more (RFC 1035)
_BLOCK_CHARS = 32 * 1024  # lines searched together: what a rule searches with is fetched once for them
_WORD_CHARS = 512  # a longer run without a space is no message
_LONG_WORD = re.compile(rf"(?<!\S)\S{{{_WORD_CHARS + 1},}}")
# Work a text may cost, in bytes read by a search (see Budget).
_WORK = 1_500_000
_WORK_PER_CHAR = 550  # logs need up to 420, most half of that
_WORK_OF_PREFILTER = 64  # for each character
_WORK_OF_LEARNED = 8  # for each character and word
_OPEN_WORD = re.compile(r"[^\W_](?:[\w.@-]*[^\W_])?")
_PIECE = re.compile(r"[\W_]+")


class Scrubbed(NamedTuple):
    """A text without identifiers, and the names of the rules that changed it, in the order they first did."""

    text: str
    rules: tuple[str, ...]


class _State:
    """What one text has taught so far, and what it may still cost."""

    __slots__ = ("budget", "fired", "learned", "settled")

    def __init__(self, text: str) -> None:
        self.budget = Budget(_WORK + _WORK_PER_CHAR * len(text))
        self.fired: dict[str, None] = {}
        self.learned: dict[str, str] = {}
        self.settled: dict[str, str] = {}  # line -> what became of it; logs repeat themselves


class Scrubber:
    """Rules, allow-list and vocabulary, ready to use. Thread-safe: nothing is changed after construction.

    `public_hosts` are hosts an operator adds to the allow-list, each with its subdomains.
    """

    def __init__(self, public_hosts: Iterable[str] = ()) -> None:
        public = PublicHosts(public_hosts)
        vocabulary = Vocabulary(load_vocabulary())
        self.knows = vocabulary.knows
        self._gate = Gate(vocabulary, public)
        self._rules = compile_rules(public, vocabulary.knows)
        self._prefilter = Prefilter(RULES, self._rules, FREQUENT, COMMON)
        self._multiline = compile_multiline()

    def scrub(self, text: str) -> Scrubbed:
        """Remove everything the rules find; a host or user found once goes everywhere in the text. Never raises.

        Every rule is searched in each line by itself, and a line again until nothing changes in it. Of a text that costs
        more searches than any honest one, the lines not yet settled are masked whole.
        """
        state = _State(text)
        text = normalise(text)
        if MULTILINE_SIGN in text:
            text = self._without_multiline(text, state)
        lines = self._settle(_without_long_words(text.split("\n"), state), state)
        for _ in range(_MAX_PASSES):
            if not self._forget(lines, state):
                break
        return Scrubbed("\n".join(lines), tuple(state.fired))

    def gate(self, text: str) -> str:
        """Mask every word that is not public vocabulary. Idempotent. Never raises."""
        return self._gate.close(normalise(text))

    def open_words(self, text: str) -> list[str]:
        """Words of a scrubbed text, lower case, that a text around it may show to be a name: those that are not public."""
        words: dict[str, None] = {}
        for match in _OPEN_WORD.finditer(PLACEHOLDER.sub(" ", text)):
            word = match[0].lower()
            for piece in {word, *_PIECE.split(word)}:
                if self._teaches(piece):
                    words[piece] = None
        return list(words)

    def _teaches(self, word: str) -> bool:
        return (
            len(word) > 2
            and (not self.knows(word) or (not word.isalpha() and "-" in word))
            and word.lower() not in SYSTEM_USERS
            and not word.isdigit()
        )

    def _settle(self, lines: list[str], state: _State) -> list[str]:
        """The lines after all rules, as often as they change them: in each pass only those that changed in the last."""
        now = {line: line for line in lines if len(line) > 1 and line not in state.settled}
        changing = list(now)
        for _ in range(_MAX_PASSES):
            if not changing:
                break
            before = list(dict.fromkeys([now[line] for line in changing]))
            after = {text: new for text, new in zip(before, self._pass(before, state), strict=True) if text != new}
            changing = [line for line in changing if now[line] in after]
            now.update([(line, after[now[line]]) for line in changing])
        state.settled.update(now)
        return [state.settled.get(line, line) for line in lines]

    def _pass(self, lines: list[str], state: _State) -> list[str]:
        """The lines after all rules once, block by block; what is left when the text has cost enough is masked."""
        after: list[str] = []
        for block in _blocks(lines):
            try:
                after += self._once(block, state)
            except Spent:
                state.fired["too-much"] = None
                after += [MASK] * len(block)
        return after

    def _once(self, lines: list[str], state: _State) -> list[str]:
        """The lines after all rules that may match them. Raises Spent."""
        subjects = subjects_of(lines)
        state.budget.spend(_WORK_OF_PREFILTER * sum(map(len, lines)))
        for rule_number, places in self._prefilter.places([subject.data for subject in subjects], state.budget):
            rule = self._rules[rule_number]
            for number, changes in rule.changes_in([subjects[place] for place in places], state.budget):
                place = places[number]
                subjects[place] = self._rewritten(rule, subjects[place], changes, state)
        return [subject.text for subject in subjects]

    def _without_multiline(self, text: str, state: _State) -> str:
        subject = Subject.of(text)
        try:
            for rule in self._multiline:
                if changes := rule.changes(subject, state.budget):
                    subject = self._rewritten(rule, subject, changes, state)
        except Spent:
            state.fired["too-much"] = None
            return MASK
        return subject.text

    def _rewritten(self, rule: CompiledRule, subject: Subject, changes: list[Change], state: _State) -> Subject:
        state.fired[rule.name] = None
        for change in changes:
            if change.learn and len(state.learned) < _MAX_LEARNED:
                self._learn(change.learn, change.placeholder, state.learned)
        return subject.rewritten(changes)

    def _learn(self, value: str, placeholder: str, learned: dict[str, str]) -> None:
        for word in {value, value.split(".")[0]}:
            if len(word) <= _LEARNED_CHARS and self._teaches(word):
                learned.setdefault(word.lower(), "<host>" if "<host>" in placeholder else placeholder)

    def _forget(self, lines: list[str], state: _State) -> bool:
        """Replace learned words in every line; whether any line changed."""
        if not state.learned:
            return False
        words = sorted(state.learned, key=len, reverse=True)
        holding = _lines_with(words, lines)
        if not holding:
            return False
        pattern = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})(?![^\W_])", re.IGNORECASE)
        changed: dict[int, str] = {}
        for number in holding:
            replaced = _replaced(pattern, lines[number], len(words), state)
            if replaced != lines[number]:
                changed[number] = replaced
        if not changed:
            return False
        state.fired["learned"] = None
        for number, line in zip(changed, self._settle(list(changed.values()), state), strict=True):
            lines[number] = line
        return True


def _without_long_words(lines: list[str], state: _State) -> list[str]:
    if max(map(len, lines)) <= _WORD_CHARS:
        return lines
    short = [_LONG_WORD.sub(MASK, line) if len(line) > _WORD_CHARS else line for line in lines]
    if short != lines:
        state.fired["too-long"] = None
    return short


def _replaced(pattern: re.Pattern[str], line: str, words: int, state: _State) -> str:
    """The line without learned words; masked whole when the text has cost enough."""
    try:
        state.budget.spend(_WORK_OF_LEARNED * len(line) * words)
    except Spent:
        state.fired["too-much"] = None
        return MASK
    return pattern.sub(lambda match: state.learned.get(match[0].lower(), MASK), line)


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines in their order, in runs of about _BLOCK_CHARS characters."""
    block: list[str] = []
    size = 0
    for line in lines:
        if block and size + len(line) > _BLOCK_CHARS:
            yield block
            block, size = [], 0
        block.append(line)
        size += len(line) + 1
    if block:
        yield block


def _lines_with(words: list[str], lines: list[str]) -> list[int]:
    """Numbers of the lines that hold one of the words, in any case. One pass, however many words there are."""
    lowered = "\n".join(lines).lower().encode("utf-8", "replace")
    found = BytesAhoCorasick([word.encode("utf-8", "replace") for word in words]).find_matches_as_indexes(lowered)
    if not found:
        return []
    starts = [0, *accumulate([len(line) + 1 for line in lowered.split(b"\n")])]
    return sorted({bisect_right(starts, begin) - 1 for _, begin, _ in found})


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, without a placeholder or word cut in two at the end."""
    if len(text) <= limit:
        return text
    shortened = text[:limit]
    opening = shortened.rfind("<")
    if opening >= 0 and PLACEHOLDER.match(text, opening) and (match := PLACEHOLDER.match(text, opening)) and match.end() > limit:
        shortened = shortened[:opening]
    return shortened.rstrip()
