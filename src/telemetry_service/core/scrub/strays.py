"""Names that no context gives away: words written like names that no public source knows.

The words of a text are compared with the vocabulary as sets, which costs next to nothing; only what is left is looked at.
Words that the text itself calls a package, a command or an option are left to the gate.
"""

from __future__ import annotations

import re

from telemetry_service.core.scrub.gate import Gate
from telemetry_service.core.scrub.user_rules import SYSTEM_USERS
from telemetry_service.core.scrub.users import EXTENSION
from telemetry_service.core.scrub.vocabulary import Vocabulary

_WORD = re.compile(
    r"(?<![\w./@=$%<\\+-])[^\W\d_][a-z0-9\u00df-\u017f]+(?:[._-][a-z0-9\u00df-\u017f]+)*(?![\w(/=>@\\+]|[.-]\w|::|:\d)"
)
_FILE = re.compile(EXTENSION)
_THING_BEFORE = re.compile(
    r"(?i)\b(?:packages?|modules?|commands?|functions?|import|crates?|plugins?|library|libraries|options?|files?|gems?|extensions?|dependenc(?:y|ies)|depends|provides|requires|image|units?|service|scripts?|app|application"
    r"|binary|program|test|tests|class|method|variables?|parameters?|argument|property|field|column|table|schema|tag|branch|feature|flag|keyword|symbol|type|driver|target|rule|recipe|task|step|stage|theme|provider|format|codec"
    r"|protocol|scheme|directive|setting|macro|struct|trait|enum|attribute|element|component|unpack|unpacking|install|installing|setting up|add|remove|removing|configure|building|compiling|wheel for|version of|use of|in|npm|pip|cargo|apt|make|yarn|gem|go)"
    r"[\s:'\"`‘(\[]+(?:-\S+ )*$"
)


class Strays:
    """Finds unknown names; immutable."""

    def __init__(self, vocabulary: Vocabulary, gate: Gate) -> None:
        self._vocabulary = vocabulary
        self._gate = gate

    def remove(self, text: str) -> str:
        """`text` with unknown names replaced by `<name>`. Idempotent."""
        words = self._vocabulary.unknown(set(_WORD.findall(text)))
        strays = {word for word in words if self._is_stray(word)}
        if not strays:
            return text
        return _WORD.sub(lambda match: self._replace(match, strays), text)

    def _replace(self, match: re.Match[str], strays: set[str]) -> str:
        word = match[0]
        if word not in strays or _THING_BEFORE.search(match.string[max(0, match.start() - 40) : match.start()]):
            return word
        return "<name>"

    def _is_stray(self, word: str) -> bool:
        if len(word) < 4 or word.lower() in SYSTEM_USERS or _FILE.search(word) or word.count("_") > 1 or word.count(".") > 1:
            return False
        if "." in word and self._vocabulary.knows(word.partition(".")[0]):
            return False
        if "-" in word and all(self._vocabulary.knows(part) for part in word.split("-") if part):
            return False  # words joined: a term, or a machine that only its context tells
        return re.fullmatch(r"[0-9a-f]{7,}", word) is None and not self._gate.passes(word, word, 0)
