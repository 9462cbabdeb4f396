"""The public vocabulary: words of tools, packages and plain English, without names of people and places.

Built by scripts/build_vocabulary.py; a number in a word is written #, so `libicu72` is known as `libicu#`.
"""

from __future__ import annotations

import lzma
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from importlib import resources

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
_LONG_NUMBER = re.compile(r"[0-9]{5}")  # no version or year; somebody's number
_LINE = re.compile(rb"[^\n]+")
_MET_MAX = 5000  # words are looked up once: a lookup takes ten times as long as one in this set
_PAGE_BYTES = 600  # some 50 words that are looked through, after a binary search for the page: 3,000 pages take 150 kB


class Words:
    """An immutable set of ASCII words in 2 MB of bytes, where a frozenset of 100,000 strings takes 12. Made in a few milliseconds."""

    __slots__ = ("_blob", "_first", "_places")

    def __init__(self, lines: bytes) -> None:
        """`lines` are the words in order, with a line break in front of each and after the last."""
        blob = self._blob = lines
        places = [0]  # of line breaks, some _PAGE_BYTES apart
        while (place := blob.find(b"\n", places[-1] + _PAGE_BYTES)) >= 0:
            places.append(place)
        if places[-1] == len(blob) - 1 and len(places) > 1:
            places.pop()
        self._first = [blob[place + 1 : blob.find(b"\n", place + 1)] for place in places]
        self._places = array("I", (*places, len(blob)))

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str) or not word.isascii() or "\n" in word or not word:
            return False
        raw = word.encode("ascii")
        page = bisect_right(self._first, raw)
        if not page:
            return False
        return self._blob.find(b"\n" + raw + b"\n", self._places[page - 1], self._places[page] + 1) >= 0

    def __iter__(self) -> Iterator[str]:
        return (line[0].decode("ascii") for line in _LINE.finditer(self._blob))

    def __len__(self) -> int:
        return self._blob.count(b"\n") - 1


@cache
def load_vocabulary() -> Words:
    """All words, lower case. Raises FileNotFoundError when the package was built without them."""
    packed = resources.files("telemetry_service.core.scrub").joinpath("vocabulary.txt.xz").read_bytes()
    return Words(lzma.decompress(packed))


class Vocabulary:
    """Membership with the forms a word may take in a log."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._met: set[str] = set()  # words that are public, as they were written; never any others

    def knows(self, word: str) -> bool:
        """Whether the whole word, its number-free form, or its plural is public."""
        if word in self._met:
            return True
        if not self._looked_up(word):
            return False
        if word.isalpha() and len(self._met) < _MET_MAX:
            self._met.add(word)
        return True

    def _looked_up(self, word: str) -> bool:
        lower = word.lower()
        words = self._words
        if lower in words:
            return True
        if not word.isalpha():
            return not _LONG_NUMBER.search(lower) and _DIGITS.sub("#", lower) in words
        return lower.endswith("s") and lower[:-1] in words

    def knows_parts(self, word: str) -> bool:
        """Whether an identifier (`afterConnect`, `base_events`) is made of public words of two letters or more."""
        if not word.isascii():
            return False
        return all(
            (piece.isdigit() and len(piece) < 5) or (len(piece) == 1 and piece.isalpha()) or self.knows(piece)
            for piece in _PIECES.findall(word)
        )
