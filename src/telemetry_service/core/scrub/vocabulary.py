"""The public vocabulary: words of tools, packages and plain English, without names of people and places.

Built by scripts/build_vocabulary.py; a number in a word is written #, so `libicu72` is known as `libicu#`.
"""

from __future__ import annotations

import lzma
import re
from array import array
from collections.abc import Iterator
from functools import cache
from importlib import resources
from itertools import accumulate
from zlib import crc32

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DIGITS = re.compile(r"[0-9]+")
_LONG_NUMBER = re.compile(r"[0-9]{5}")  # no version or year; somebody's number
_LINE = re.compile(rb"[^\n]+")
_MET_MAX = 5000  # words are looked up once: a lookup takes ten times as long as one in this set
_BUCKET_BITS = 14  # of 16,384 buckets each holds about 7 words; the table of offsets takes 64 KiB


class Words:
    """An immutable set of ASCII words in 2 MB of bytes, where a frozenset of 100,000 strings takes 12."""

    __slots__ = ("_blob", "_offsets", "_size")

    def __init__(self, lines: bytes) -> None:
        """`lines` are the words, one a line."""
        sizes = [1] * (1 << _BUCKET_BITS)
        self._size = 0
        for line in _LINE.finditer(lines):
            sizes[_bucket(line[0])] += line.end() - line.start() + 1
            self._size += 1
        self._offsets = array("I", (0, *accumulate(sizes)))
        blob = bytearray(b"\n") * (self._offsets[-1])
        ends = array("I", self._offsets)
        for line in _LINE.finditer(lines):
            word = line[0]
            start = ends[_bucket(word)] + 1
            blob[start : start + len(word)] = word
            ends[_bucket(word)] = start + len(word)
        self._blob = bytes(blob)

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str) or not word.isascii() or "\n" in word or not word:
            return False
        raw = word.encode("ascii")
        bucket = _bucket(raw)
        return self._blob.find(b"\n" + raw + b"\n", self._offsets[bucket], self._offsets[bucket + 1]) >= 0

    def __iter__(self) -> Iterator[str]:
        return (line[0].decode("ascii") for line in _LINE.finditer(self._blob))

    def __len__(self) -> int:
        return self._size


def _bucket(word: bytes) -> int:
    return crc32(word) >> (32 - _BUCKET_BITS)


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
