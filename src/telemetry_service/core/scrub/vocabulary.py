"""The public vocabulary: words of tools, packages and plain English, without names of people and places.

Built by scripts/build_vocabulary.py; a number in a word is written #, so `libicu72` is known as `libicu#`.
"""

from __future__ import annotations

import lzma
import re
from functools import cache
from importlib import resources

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DIGITS = re.compile(r"[0-9]+")


@cache
def load_vocabulary() -> frozenset[str]:
    """All words, lower case. Raises FileNotFoundError when the package was built without them."""
    packed = resources.files("telemetry_service.core.scrub").joinpath("vocabulary.txt.xz").read_bytes()
    return frozenset(lzma.decompress(packed).decode("ascii").split("\n"))


class Vocabulary:
    """Membership with the forms a word may take in a log."""

    def __init__(self, words: frozenset[str]) -> None:
        self._words = words

    def unknown(self, words: set[str]) -> set[str]:
        """Those of `words` that are not public as they stand or in lower case."""
        return {word for word in words - self._words if not self.knows(word)}

    def knows(self, word: str) -> bool:
        """Whether the whole word, its number-free form, or its plural is public."""
        lower = word.lower()
        words = self._words
        if lower in words:
            return True
        if not word.isalpha():
            return _DIGITS.sub("#", lower) in words
        return lower.endswith("s") and lower[:-1] in words

    def knows_parts(self, word: str) -> bool:
        """Whether an identifier (`afterConnect`, `base_events`) is made of public words of two letters or more."""
        if not word.isascii():
            return False
        return all(piece.isdigit() or len(piece) == 1 or self.knows(piece) for piece in _PIECES.findall(word))
