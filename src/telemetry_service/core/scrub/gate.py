"""The gate: default deny on what is left. A word that is not public vocabulary becomes `<x>`."""

from __future__ import annotations

import re
from collections.abc import Container

from telemetry_service.core.scrub.machine_names import NUMBERED, RUNNING, is_machine_like
from telemetry_service.core.scrub.rule import Whole
from telemetry_service.core.scrub.vocabulary import Vocabulary

_LONGEST = 160  # characters of a token; a longer one is nobody's word
# Characters of words with signs or numbers, or unknown, that are judged: a microsecond or two each. A message has less.
_PATIENCE = 1500
_CHARS_PER_PATIENCE = 16  # and of a longer text one of so many
_TOKEN_PATIENCE = 4  # a word of one character takes long too
_MODE = re.compile(r"[dlbcps]?[rwxsStT-]{9}")
MASK = "<x>"
PLACEHOLDER = re.compile(r"<[a-z][a-z0-9]{0,11}>")
# A token: a placeholder, a quoted or bare run without spaces. What is between tokens passes.
_TOKEN = re.compile(r"<[a-z][a-z0-9]{0,11}>|[^\W_](?:[\w.+~@%-]*[\w+])?|_\w*", re.UNICODE)
_NUMBER = re.compile(r"\d{1,7}")
# RE2: with re, twenty digits in front of a letter took a second.
_VERSION = Whole(
    r"(?i)v?\d{1,8}(?:[.:~+_-]\d{1,5}){0,5}(?:[.~+-]?(?:rc|alpha|beta|dev|deb|ubuntu|bpo|dfsg|ds|post|pre|git|el|fc|pve|build|lts|ce|ee|b|a|p|r|u|cu|sury|really|amd|arm)?\d{0,8}){0,6}(?:[-+.]g?[0-9a-f]{7,12})?"
)
_DISTRO_BUILD = re.compile(r"(?:debian|ubuntu|deb|bookworm|bullseye|jammy|noble)\d{0,3}(?:[~.]\d{1,4}){0,4}(?:\.gbp[0-9a-f]{6})?")
_UNIT_AFTER = re.compile(r" (?:bytes?|[kKMG]i?B|blocks|extents|sectors|rows|records|ms|us|ns)\b")
_MEASURE = re.compile(
    r"[+-]?\d{1,7}(?:\.\d{1,6})?(?:ms|s|m|h|d|us|ns|[KMGTkmgt]i?[Bb]?|[Bb]|px|x|th|st|nd|rd|bit|Hz|MHz|GHz|W|%)(?:/s)?"
)
_HEX = re.compile(r"0x(?:0000|7f|ffff|5[5-6])[0-9a-fA-F]{1,12}|0x[0-9a-fA-F]{1,8}|[0-9a-f]{7}")
_DIGEST_BEFORE = re.compile(r"(?:sha(?:1|256|384|512)[:-]|md5:|@sha256:)$", re.IGNORECASE)
_COMMIT_BEFORE = re.compile(
    r"(?:tree|commit|layer|identified by|revision|object|checkout|HEAD|sha1|ref|branch|index|bad|HEAD is now at|detached at)[:\s'\"(]{1,4}$",
    re.IGNORECASE,
)
_VERSION_STARTS = frozenset("vV0123456789")
_DIGEST_LENGTHS = frozenset({32, 40, 64, 96, 128})
_CHECKSUM_BEFORE = re.compile(
    r"(?:digest|checksum|hash|sum|expected|got|actual|have|want(?:ed)?|received|computed|integrity|match|found|blob)\W{1,3}(?:\w{1,12}\W{1,2})?$",
    re.IGNORECASE,
)
_KEY_BEFORE = re.compile(
    r"(?:PUBKEY|KEYEXPIRED|EXPKEYSIG|KEYSIG|BADSIG|ERRSIG|GOODSIG|VALIDSIG|keyid|key|0x|PublicKeyToken=|RSA key|using \w+ key)[:=\s]{0,2}(?:ID )?$",
    re.IGNORECASE,
)
_SHORT = re.compile(r"[A-Za-z]\d{1,2}")  # L2, v3, u9
_SQLSTATE = re.compile(r"[0-9A-Z]{2}[0-9A-Z][0-9]{2}|\d{2}[0-9A-Z]{3}")
_ERROR_CODE = re.compile(r"[A-Z]{1,8}-?\d{3,6}")
_ERRNO = re.compile(r"E[A-Z]{3,16}")  # of Node.js and npm
_ERROR_BEFORE = re.compile(r"(?i)(?:error|warning|code|errno|fatal|SQLSTATE)[ :=(\[]{1,2}$")
# A group of Maven's, as the artifact's name follows it.
_GROUP_BEFORE = re.compile(r"(?<![\w.-])((?:org|com|io|net|dev|de|me|javax?|jakarta)(?:\.[a-z][a-z0-9_-]*){1,8}):$")
_ARTIFACT = re.compile(r"[a-z][a-z0-9]*(?:[-._][a-z0-9]+)*")
_LIBRARY = re.compile(r"lib([a-z]{2,20})-?\d{1,3}(?:\.\d{1,3}){0,2}[a-z]?\d?(?:-(?:dev|dbg|bin|common|data|doc|t64))?")
_JAVA = re.compile(
    r"(?:org|com|io|net|java|javax|jakarta|sun|jdk|kotlin|scala|groovy|dev)(?:\.[a-z][a-z0-9_]*){1,8}(?:\.[A-Z]\w*(?:\$\w+)*)(?:\.[\w<>$]+)?|[A-Z][A-Za-z0-9]*(?:\$\w+)?\.(?:java|kt|scala|groovy)"
)
_ARCHIVE = re.compile(
    r"([\w.+~-]+?)\.(?:tar\.(?:gz|xz|bz2|zst)|tgz|txz|zip|deb|rpm|whl|jar|war|AppImage|gz|xz|zst|apk|exe|msi|iso|img|gem|nupkg|run|node|so(?:\.\d+)*|ko(?:\.(?:xz|zst|gz))?)"
)
_PACKAGE_FILE = re.compile(
    r"([a-z0-9][a-z0-9+.-]*)[_-](\d[\w.+~:%-]*?)[_-](?:amd64|arm64|armhf|i386|all|x86_64|aarch64|noarch)\.(?:deb|rpm|apk|snap|udeb)"
)


_JOINT = re.compile(r"[@~]|%(?:2[fF]|40|20|3[aA])?")


_NAME_JOINT = re.compile(r"[-_.+~]")
_FUNCTION = re.compile(r"_*[A-Za-z]\w*[a-z0-9](?:_\w+|[A-Z]\w*)")
_HEX_DIGITS = re.compile(r"[0-9a-fA-F]+")
_SNAKE_JOINT = re.compile(r"[_+]")
_DIGIT_INSIDE = re.compile(r"[A-Za-z]\d[A-Za-z]|\d[A-Za-z]+\d")


def _is_version(token: str) -> bool:
    return token[:1] in _VERSION_STARTS and _VERSION.matches(token)


def _is_errno(token: str, text: str, start: int) -> bool:
    return _ERRNO.fullmatch(token) is not None and _ERROR_BEFORE.search(text, max(0, start - 12), start) is not None


class Gate:
    """Judges one token at a time; what is left and right of it decides only for digests and keys."""

    def __init__(self, vocabulary: Vocabulary, public: Container[str]) -> None:
        self._vocabulary = vocabulary
        self._public = public

    def close(self, text: str) -> str:
        """`text` with every token that is not public replaced by `<x>`. Idempotent.

        A text with very many words that take long to judge is no message: the rest is masked unread, which bounds the work.
        """
        pieces: list[str] = []
        position = 0
        patience = _PATIENCE + len(text) // _CHARS_PER_PATIENCE
        for match in _TOKEN.finditer(text):
            token = match[0]
            if token[0] == "<":
                continue
            if patience > 0 and self.passes(token, text, match.start()):
                patience -= 0 if token.isalpha() else _TOKEN_PATIENCE + len(token)
                continue
            patience -= _TOKEN_PATIENCE + len(token)
            pieces.append(text[position : match.start()])
            pieces.append(MASK)
            position = match.end()
        pieces.append(text[position:])
        return "".join(pieces)

    def _package_file(self, token: str) -> bool:
        """`name_version_arch.deb` and the like."""
        match = _PACKAGE_FILE.fullmatch(token)
        return match is not None and self._vocabulary.knows(match[1]) and _is_version(match[2])

    def _archive(self, token: str) -> bool:
        """`node-v18.19.0-linux-x64.tar.xz`: every part of the name public or a number, the first one a word."""
        match = _ARCHIVE.fullmatch(token)
        if match is None:
            return False
        parts = [part for part in _NAME_JOINT.split(match[1]) if part]
        return (
            bool(parts)
            and self._vocabulary.knows(parts[0])
            and all(part.isalnum() and self._archive_part(part) for part in parts)
        )

    def _archive_part(self, part: str) -> bool:
        return part.isdigit() or self._part(part)

    def _local_version(self, token: str) -> bool:
        """`2.1.0+cpu`: a version and public words."""
        version, *locals_ = token.split("+")
        return _is_version(version) and all(
            _is_version(part) or self._part(part) or _DISTRO_BUILD.fullmatch(part) for part in locals_
        )

    def _follows_group(self, text: str, start: int) -> bool:
        """Whether a public group stands in front: what it publishes is public."""
        group = _GROUP_BEFORE.search(text, max(0, start - 80), start)
        return group is not None and self.passes(group[1], group[1], 0)

    @staticmethod
    def _code(token: str, text: str, start: int) -> bool:
        """An error's number (`CS0246`), or a class of Java with its package or file."""
        end = start + len(token)
        if len(token) == 5 and _SQLSTATE.fullmatch(token) and text.startswith(("]", ")", ":", "/"), end):
            return True
        if _ERROR_CODE.fullmatch(token):
            return text.startswith((":", "]", ")"), end) or _ERROR_BEFORE.search(text, max(0, start - 12), start) is not None
        if text.startswith("()", end) and token.isidentifier():
            return True
        if text.startswith("(", end) and _FUNCTION.fullmatch(token):
            return True  # a function
        return _JAVA.fullmatch(token) is not None

    def passes(self, token: str, text: str, start: int) -> bool:
        vocabulary = self._vocabulary
        if len(token) > _LONGEST:
            return False
        if token.isascii() is False:
            return not any(char.isalnum() for char in token)
        if token.isalpha():
            if token[0] == "l" and text[start - 1 : start] == "-" and vocabulary.knows(token[1:]):
                return True  # the linker's -lname
            return (
                len(token) == 1
                or vocabulary.knows(token)
                or _is_errno(token, text, start)
                or (len(token) > 3 and not token.islower() and not token.istitle() and vocabulary.knows_parts(token))
            )
        if token.isdigit() and len(token) > 7:
            # A date, or bytes; other long numbers may be somebody's.
            end = start + len(token)
            if (len(token) == 8 and _ERROR_BEFORE.search(text, max(0, start - 12), start)) or (
                len(token) < 14 and _UNIT_AFTER.match(text, end)
            ):
                return True
            return (len(token) == 8 and token[:2] in {"19", "20"}) or (len(token) < 14 and int(token) % 1024 == 0)
        if token[0].isdigit() and "+" in token and self._local_version(token):
            return True
        if token[0].isdigit() and (_NUMBER.fullmatch(token) or _MEASURE.fullmatch(token) or _is_version(token)):
            return True
        if token.lower() in self._public or vocabulary.knows(token) or _MODE.fullmatch(token):
            return True
        if _SHORT.fullmatch(token) or self._code(token, text, start):
            return True
        if RUNNING.fullmatch(token) and NUMBERED.match(token) is None:
            return False  # a word with a number is a machine sooner than a term
        if _is_version(token) or (_HEX.fullmatch(token) and any(char.isdigit() for char in token)):
            return True
        if len(token) >= 8 and _HEX_DIGITS.fullmatch(token):
            before = text[max(0, start - 24) : start]
            return bool(
                _DIGEST_BEFORE.search(before)
                or (len(token) in _DIGEST_LENGTHS and _CHECKSUM_BEFORE.search(before))
                or (len(token) <= 40 and token.islower() and _COMMIT_BEFORE.search(before))
                or (len(token) in {8, 16, 40} and _KEY_BEFORE.search(before))
            )
        if token[0] == "l" and text[start - 1 : start] == "-" and vocabulary.knows(token[1:]):
            return True  # the linker's -lname
        if text[start - 1 : start] == ":" and _ARTIFACT.fullmatch(token) and self._follows_group(text, start):
            return True
        if (library := _LIBRARY.fullmatch(token)) and vocabulary.knows(library[1]):
            return True
        return self._package_file(token) or self._archive(token) or self._compound(token, text[start - 1 : start] in {"/", "-"})

    def _compound(self, token: str, in_path: bool = False) -> bool:
        """Names made of parts: files, modules, packages with versions; a hyphenated or dotted name of words must be public whole."""
        if "@" in token or "%" in token or "~" in token:
            return all(not part.strip("-._+") or self.passes(part, token, 0) for part in _JOINT.split(token))
        if "." in token:
            return self._dotted(token)
        if "-" in token:
            name, _, version = token.rpartition("-")
            if version[:1].isdigit() and _is_version(version) and self._vocabulary.knows(name):
                return True
            return self._vocabulary.knows(token) or self._words(token, in_path)
        if "_" in token or "+" in token:
            return all(not part or len(part) == 1 or part.isdigit() or self._part(part) for part in _SNAKE_JOINT.split(token))
        return self._vocabulary.knows_parts(token) and not _DIGIT_INSIDE.search(token)

    def _part(self, part: str) -> bool:
        return bool(_is_version(part) or self._vocabulary.knows(part) or (part.isalnum() and self._vocabulary.knows_parts(part)))

    def _words(self, token: str, in_path: bool) -> bool:
        """Public words joined, unless they are joined the way machines are called (`media-server`) and stand outside a path or option."""
        parts = [part for part in token.split("-") if part]
        if not in_path and len(parts) in {2, 3} and is_machine_like(parts):
            return False
        if not all(part.isdigit() or self._part(part) for part in parts):
            return False
        return not parts[-1].isdigit() or len(parts) > 2

    def _dotted(self, token: str) -> bool:
        """`main.py`, `asyncio.events`, `libssl.so.3`: every part public, and no domain that is not."""
        if token.lower().strip(".") in self._public:
            return True
        parts = [part for part in token.split(".") if part]
        last = parts[-1].lower() if parts else ""
        if last in _DOMAIN_ENDINGS and not self._vocabulary.knows(token):
            return False
        return all(
            part.isdigit() or len(part) == 1 or self._part(part) or (("-" in part or "_" in part) and self._compound(part))
            for part in parts
        )


_DOMAIN_ENDINGS = frozenset(
    [
        "com",
        "net",
        "org",
        "edu",
        "gov",
        "de",
        "fr",
        "es",
        "it",
        "nl",
        "pl",
        "se",
        "no",
        "dk",
        "fi",
        "ch",
        "at",
        "be",
        "uk",
        "us",
        "eu",
        "cz",
        "sk",
        "hu",
        "ro",
        "ru",
        "pt",
        "gr",
        "tr",
        "jp",
        "cn",
        "kr",
        "br",
        "au",
        "ca",
        "nz",
        "za",
        "in",
        "lan",
        "internal",
        "intranet",
        "home",
        "corp",
        "localdomain",
        "arpa",
        "fritz",
        "box",
        "xyz",
        "online",
        "onion",
        "local",
        "lv",
        "lt",
        "ee",
    ]
)
