"""Names that no rule's context gives away: unknown words that stand or are written the way names are.

Unknown words are many in messages - programs, packages, options - and the gate masks them in the end. The rules
take only three kinds: a capitalised word beside another or in mid-sentence, one with a letter beyond ASCII, and a plain
word that ends a phrase after `on`, `from`, `by`, `at`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from telemetry_service.core.scrub.user_rules import SYSTEM_USERS

_NAME = r"[^\W\d_a-z][a-z\u00df-\u017f]{2,}(?:['’-][^\W\d_a-z]?[a-z\u00df-\u017f]+)?"
# Two or three capitalised words: a first name may be a word (Rose), as may a last name (Fisher).
_PERSON = re.compile(rf"(?<![\w./@=$%<\\+-]){_NAME}(?: (?:van |von |de |der |la )*{_NAME}){{1,2}}(?![\w(/=>@\\+]|[.-]\w|::|:\d)")
_WORD = re.compile(r"(?<![\w./@=$%<\\+-])[^\W\d_]{4,30}(?![\w(/=>@\\+]|[.-]\w|::|:\d)")
_BEFORE = re.compile(r"(?:^|[\s(])(?:on|from|by|at|to|via|with|against|near|node|box) $")
_AFTER = re.compile(r"$|[,;.)]|: |\n| (?:is|was|has|did|failed|refused|at|via|after|in|does|and|timed|went|with|by|over)\b")
_MID_SENTENCE = re.compile(r"(?:[a-z\u00df-\u017f]|[a-z0-9>],) $")
_THING_BEFORE = re.compile(
    r"(?i)\b(?:packages?|modules?|commands?|functions?|import|plugins?|library|extensions?|app|application|program|test|class"
    r"|theme|provider|format|codec|protocol|install\w*|using|version|called|algorithm|the|an?|no|of type|support|driver)\W{1,3}$"
)


class Strays:
    """Finds unknown names; immutable. `knows` tells public words."""

    def __init__(self, knows: Callable[[str], bool]) -> None:
        self._knows = knows

    def remove(self, text: str) -> str:
        """`text` with unknown names replaced by `<name>`. Idempotent."""
        return _WORD.sub(self._word, _PERSON.sub(self._person, text))

    def _person(self, match: re.Match[str]) -> str:
        words = match[0].split(" ")
        if all(self._knows(word) for word in words):
            return match[0]
        starts_sentence = match.start() == 0 or not _MID_SENTENCE.search(match.string, max(0, match.start() - 3), match.start())
        if starts_sentence and self._knows(words[0]) and (len(words) > 2 or match.start() == 0):
            return f"{words[0]} <name>"
        return "<name>"

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        if self._knows(word) or word.lower() in SYSTEM_USERS:
            return word
        before = match.string[max(0, match.start() - 24) : match.start()]
        if not word.isascii() and not word.isupper():
            return "<name>"
        if word.istitle():
            return "<name>" if _MID_SENTENCE.search(before) and not _THING_BEFORE.search(before) else word
        if word.islower() and _BEFORE.search(before) and _AFTER.match(match.string, match.end()):
            return "<name>"
        return word
