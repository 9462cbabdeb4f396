"""Names that no rule's context gives away: unknown words that stand or are written the way names are.

Unknown words are many in messages - programs, packages, options - and the gate masks them in the end. The rules
take only three kinds: a capitalised word beside another or in mid-sentence, one with a letter beyond ASCII, and a plain
word that ends a phrase after `on`, `from`, `by`, `at`. They are applied last.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from telemetry_service.core.scrub.rule import Change, Found, Kind, Rule
from telemetry_service.core.scrub.user_rules import SYSTEM_USERS

_START = r"(?:^|[^\pL\pN_./@=$%<\\+-])"
_NAME = r"\p{Lu}\p{Ll}{2,}(?:['-]\p{Lu}?\p{Ll}+)?"
_PHRASE_END = r"(?:$|[,;.)\]]|: | \(| (?:marked|reported|rejected|rebooted|is|was|has|did|failed|refused|at|via|after|in|does|and|timed|went|with|by|over)\b)"
RULES = (
    # Two or three capitalised words: a first name may be a word (Rose), as may a last name (Fisher).
    Rule("unknown-person", rf"{_START}(?P<strayperson>{_NAME}(?: (?:van |von |de |der |la )*{_NAME}){{1,2}})"),
    Rule("unknown-title", r"(?:[a-z\xdf-\xff>]|[a-z0-9>],) (?P<straytitle>\p{Lu}\p{Ll}{3,29})"),
    Rule("unknown-letters", rf"{_START}(?P<straylatin>[A-Za-z]*[\xc0-\xff]\pL*)"),
    Rule(
        "unknown-phrase-end",
        rf"(?:^|[\s(])(?:on|from|by|at|to|via|with|against|near|node|box) (?P<strayend>[a-z]{{4,30}}){_PHRASE_END}",
    ),
    Rule("unknown-for-end", r"\b[Ff]or (?P<strayfor>[a-z][a-z0-9-]{3,29})[.!]?[ \t]*$"),
)

_GOES_ON = re.compile(r"[\w(/=>@\\+]|[.-]\w|::|:\d")
_MID_SENTENCE = re.compile(r"(?:[a-z\u00df-\u017f]|[a-z0-9>],) $")
_THING_BEFORE = re.compile(
    r"(?i)\b(?:packages?|modules?|commands?|functions?|import|plugins?|library|extensions?|app|application|program|test|class"
    r"|theme|provider|format|codec|protocol|install\w*|using|version|called|algorithm|the|an?|no|of type|support|driver)\W{1,3}$"
)
# What is looked for, built or installed has names no list of words holds: `Failed building wheel for dlib`.
_PUBLISHED_BEFORE = re.compile(
    r"(?i)\b(?:wheels?|packages?|versions?|candidates?|modules?|drivers?|symbols?|support|distributions?|dependenc\w+|headers?|triggers?"
    r"|templates?|images?|repositor\w+|releases?|plugins?|extensions?|buil\w+|install\w*|compil\w*|architectures?|metadata"
    r"|requirements?|binar\w+|archives?|formula\w*|crates?|gems?|units?|library|scripts?|keys?|tags?|manifests?|options?)\b"
)


def stray_kinds(knows: Callable[[str], bool]) -> dict[str, Kind]:
    """The kinds of this file; `knows` tells public words."""

    def known(word: str) -> bool:
        return knows(word) or word.lower() in SYSTEM_USERS

    def hide(found: Found, lead: int = 0) -> Change:
        return Change(found.start + lead, found.end, "<name>")

    def person(found: Found) -> Change | None:
        words = found.value.split(" ")
        if all(knows(word.removesuffix("'s").removesuffix("’s")) for word in words) or _GOES_ON.match(found.after):
            return None
        starts_sentence = not _MID_SENTENCE.search(found.before)
        if starts_sentence and knows(words[0]) and (len(words) > 2 or not found.start):
            return hide(found, len(words[0]) + 1)
        return hide(found)

    def title(found: Found) -> Change | None:
        word = found.value
        if _GOES_ON.match(found.after) or known(word) or _THING_BEFORE.search(found.before):
            return None
        return hide(found)

    def beyond_ascii(found: Found) -> Change | None:
        word = found.value
        if len(word) < 4 or word.isascii() or word.isupper() or _GOES_ON.match(found.after) or known(word):
            return None
        return hide(found)

    def phrase_end(found: Found) -> Change | None:
        if known(found.value) or _GOES_ON.match(found.after):
            return None
        return hide(found)

    def for_end(found: Found) -> Change | None:
        """What a line ends in after `for`: a machine sooner than a thing, unless things are spoken of."""
        word = found.value
        if _PUBLISHED_BEFORE.search(found.before) or word.startswith("lib") or not any(map(str.isalpha, word[1:])):
            return None
        return None if known(word) or all(known(part) or part.isdigit() for part in word.split("-")) else hide(found)

    return {"strayfor": for_end, "strayperson": person, "straytitle": title, "straylatin": beyond_ascii, "strayend": phrase_end}
