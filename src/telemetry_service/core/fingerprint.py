"""A number for each cause of failure: equal for lines that differ only in what varies between machines and days."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import blake2b

VERSION = b"fingerprint-1"  # changes whenever the masking changes, so that old and new numbers never mix
WORDS_MAX = 48
REMEMBERED_LINES = 1_000  # scrubbed ones
MASK = "<>"

_PLACEHOLDER = re.compile(r"<[^<>\s]{0,40}>")
_QUOTES = str.maketrans(dict.fromkeys('"`‘“”«»', " ") | {"’": "'"})
_EDGES = "'.,;:!?()[]{}*|=-–—…#$<>\\"
_PATH = re.compile(r"(?:^|[=:,(\[@<>'])(?:file:|~[\w.-]{0,40})?\.{0,2}/|://|\\\\|^[A-Za-z]:\\")
_FILE = re.compile(r"/.*\.[A-Za-z]\w{0,7}(?:[:(].*)?\Z|/.*/|/\Z")
_HOST = re.compile(
    r"(?:[\w.+-]+@)?(?:[a-z0-9_-]+\.)+(?:com|net|org|io|dev|app|de|at|ch|eu|uk|fr|nl|pl|se|us|info|me|xyz|cloud|lan|local|internal|home|arpa|intra|corp)"
    r"\.?(?::\d{1,5})?|localhost(?::\d{1,5})?",
    re.IGNORECASE,
)
_ID = re.compile(
    r"(?=[^g-z]*\d)(?:0x)?[0-9a-f]{7,}|[0-9a-f]{4,}(?:-[0-9a-f]{4,})+|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,}",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-_.=@~^+:(\[]*[vV]?\d")
# What HTTP servers answer with. A container id can look like one, so a status counts only beside a word of its own.
_STATUSES = {
    "400": "bad",
    "401": "unauthorized",
    "403": "forbidden",
    "404": "not found",
    "405": "method",
    "407": "proxy",
    "408": "request",
    "409": "conflict",
    "410": "gone",
    "413": "payload",
    "416": "range",
    "422": "unprocessable",
    "429": "too many",
    "500": "internal",
    "502": "bad",
    "503": "service",
    "504": "gateway",
}
_BEFORE_STATUS = frozenset({"error", "status", "code", "http", "response", "returned", "http/", "https"})
# What a logger or a package manager puts before a message; it differs between versions of the same program.
_LEVELS = frozenset({"error", "err", "e", "w", "err!"})


def fingerprint(app: str, exit_code: int | None, category: str | None, line: str) -> int:
    """The number of a cause: 0 <= n < 2**63, so that it fits an SQLite INTEGER.

    `line` is the scrubbed line, never raw text: a hash of a raw address could be reversed by trying all addresses. It
    is the line before it was cut to a length, since where it is cut depends on the lengths of what is masked. Equal
    for lines that differ only in numbers, versions, paths, ids, hosts, placeholders, quotes, case and spaces. The
    number of an HTTP status and of a curl error stays: it is the cause. A pure function of its arguments and VERSION.
    """
    parts = [app, "" if exit_code is None else str(exit_code), category or "", _masked_line(line)]
    text = "\x1f".join(parts).encode("utf-8", "replace")
    return int.from_bytes(blake2b(text, digest_size=8, key=VERSION).digest(), "big") >> 1


@lru_cache(REMEMBERED_LINES)
def _masked_line(line: str) -> str:
    return "\x1f".join(masked_words(line))


def masked_words(line: str) -> list[str]:
    """The words of a line that are the same on every machine, `<>` for each run of those that are not."""
    tokens = _PLACEHOLDER.sub(MASK, line[:4000]).translate(_QUOTES).split()
    words: list[str] = []
    for index, token in enumerate(tokens):
        word = _mask(token)
        number = token.strip(_EDGES)
        if (number in _STATUSES and _is_status(tokens, index, number)) or (
            index and token.startswith("(") and tokens[index - 1] == "curl:"
        ):
            word = number
        if not word or word in _LEVELS or (word == MASK and words and words[-1] == MASK):
            continue
        words.append(word)
        if len(words) == WORDS_MAX:
            break
    return words


def _is_status(tokens: list[str], index: int, number: str) -> bool:
    before = tokens[index - 1].strip(_EDGES).lower() if index else ""
    after = " ".join(token.strip(_EDGES).lower() for token in tokens[index + 1 : index + 3])
    return before in _BEFORE_STATUS or before.startswith("http/") or after.startswith(_STATUSES[number])


def _mask(token: str) -> str:
    if _PATH.search(token) or _FILE.search(token):
        return MASK
    bare = token.strip(_EDGES)
    if not bare:
        return MASK if MASK in token else ""
    if MASK in token or _HOST.fullmatch(bare) or _ID.fullmatch(bare) or "@" in bare[1:]:
        return MASK if not _is_package(bare) else bare[: bare.index("@", 1)].lower()
    word = bare.replace("'", "").lower()
    number = _NUMBER.search(word)
    if number is None:
        return word
    kept = word[: number.start()].strip(_EDGES)
    return f"{kept}#" if len(kept) > 1 else MASK


def _is_package(bare: str) -> bool:
    """`name@1.2` and `@scope/name@1.2`: a version follows the sign, not a host."""
    _, sign, version = bare[1:].partition("@")
    return bool(sign) and MASK not in bare and version[:1] in "0123456789^~v<>=*" and version[:1] != ""
