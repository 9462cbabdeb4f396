"""Passwords, keys and tokens: by their known shape, by the name in front of them, and by the command they are given to."""

from __future__ import annotations

import re

from telemetry_service.core.scrub.rule import Change, Found

# Values that are words about a secret, not one.
_NO_SECRET = re.compile(
    r"(?i)(?:yes|no|true|false|null|nil|none|undefined|required|invalid|incorrect|missing|fails?|failed|needs|requires|takes|expects|expected|wrong|empty|unset|set|not|is|was|for|must|the|a|an|and|or|authentication|auth|bearer|basic|expired|rejected|denied|mismatch|error|unknown|unchanged|prompt|ask|hidden|redacted|masked|optional|default|disabled|enabled|on|off|string|str|bytes|int|env|file|stdin|prompted|password|secret|token|key|user|username|found|changed|updated|successfully|generated|created|accepted|verification|length|hash|policy|md5|sha256|sha512|scram-sha-256|peer|trust|ident|\d{1,2})"
)
_VARIABLE = re.compile(
    r"\$[\w{(]|%\(|%[sd]$|\*{2,}$|x{3,}$|\{\{|\[(?:redacted|hidden|filtered)|<|…|\.\.\.$|os\.environ|process\.env|getenv",
    re.IGNORECASE,
)
# What follows a setting's name in a sentence about it.
_PROSE = re.compile(
    r"(?:settings?|options?|variables?|parameters?|arguments?|values?|fields?|environment|config(?:uration)?|never|force|is|was|not|for|must|required|missing|invalid|does|cannot|can|should|has|to|in|and|or|this|the|of|with|file|fails|failed|error)[,.:]?"
)
_PATH = re.compile(r"(?:/|\./|~/|file:)[\w./@-]*$")


_VALUE_END = re.compile(r"&\w|[,;](?:[\w.-]+=|$)|(?<![)}\]])[)}\]]+[,;.:]?$|[,;]$|\\n$|<")
_PLAIN_VALUE = re.compile(r"[a-z]+[.,:;]?|[A-Z][a-z]+[.,:;]?|[\d.]+")
_PORT_NUMBER = re.compile(r"\d{1,5}")  # `sshpass -p <secret> ssh -p 2222`
_CALL = re.compile(r"\w+(?:\.\w+)*\(.*")
_LETTER = re.compile("[A-Za-z]")
_DIGIT = re.compile(r"\d")
_SIGN = re.compile(r"[!@#$%^&*+=?~]")
_CALL_VERSION_OR_FILE = re.compile(
    r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\(\)?|v?\d+(?:\.\d+)+\S*|[\w-]+\.(?:py|js|ts|c|go|rb|php|sh|json|ya?ml|conf|txt|so)"
)
_CAMEL = re.compile(r"[a-z][A-Z]")
_HEX = re.compile(r"[0-9a-fA-F-]+|[0-9A-F]+")
_PLUS_OR_EQUALS = re.compile(r"[+=]")
_TWO_JOINTS = re.compile(r"[-_].*[-_]")
_LOWER = re.compile("[a-z]")
_UPPER = re.compile("[A-Z]")
_PLAIN_PARAMETER = re.compile(r"\d{1,4}|[a-z]{1,12}|v?\d+(?:\.\d+)+")
_SECRET_PARAMETER_BEFORE = re.compile(r"(?i)(?:pass\w*|pwd|secret|token|key|user\w*|login|[?&;]u)=$")
_NUMBER_PAIR = re.compile(r"\d+:\d+")
_SAME_TWICE = re.compile(r"([\w.-]+):\1")
_VARIABLE_PAIR = re.compile(r"[:%]\$")


def _whole(found: Found) -> Change:
    return Change(found.start, found.end, "<secret>")


def _is_no_secret(value: str) -> bool:
    return bool(_VARIABLE.match(value)) or _NO_SECRET.fullmatch(value.strip(".,;:!)(]}\"'")) is not None


def given(found: Found) -> Change | None:
    """A value in a place where only a secret stands."""
    if (
        _VARIABLE.match(found.value)
        or found.value.startswith("<")
        or found.before.endswith(("vision identified by '", "vision identified by "))
        or (_PORT_NUMBER.fullmatch(found.value) and "<secret>" in found.before)
    ):
        return None
    return None if found.before.endswith(" ") and _PROSE.fullmatch(found.value) else _whole(found)


def quoted_value(found: Found) -> Change | None:
    return None if _is_no_secret(found.value) else _whole(found)


def bare_word(found: Found) -> Change | None:
    """An unquoted value after `name=` or `name:`; stops before the next parameter."""
    value = found.value
    cut = _VALUE_END.search(value)
    if cut:
        value = value[: cut.start()]
    if not value or _is_no_secret(value) or (value.startswith(("/", "./", "~/", "(", "[", "{", "%", "-")) and len(value) < 3):
        return None
    if _PATH.match(value) and not is_random(value):
        return None
    separator = found.before.rstrip()[-1:]
    spaced = found.before[-1:].isspace()
    if separator == ":" and spaced and _PLAIN_VALUE.fullmatch(value):
        return None
    if _CALL.fullmatch(value) or value in {"=", ">", ":"}:
        return None
    return Change(found.start, found.start + len(value), "<secret>")


def mixed(found: Found) -> Change | None:
    """A word that is a secret if it does not look like a word: it mixes letters with digits or signs, or is random."""
    value = found.value.rstrip(".,;:!")
    if _is_no_secret(value) or not value or value.startswith(("/", "-", "$", "<", "--")) or "<" in value:
        return None
    letters, digits = _LETTER.search(value), _DIGIT.search(value)
    signs = _SIGN.search(value)
    if _CALL_VERSION_OR_FILE.fullmatch(value) or value.startswith("http"):
        return None
    if (letters and (digits or signs)) or is_random(value) or _CAMEL.search(value):
        return Change(found.start, found.start + len(value), "<secret>")
    return None


def header(found: Found) -> Change | None:
    value = found.value
    return (
        None
        if value.lower() in {"bearer", "basic", "token", "required", "missing", "header", "invalid"} or value.startswith("<")
        else _whole(found)
    )


def transitions(value: str) -> int:
    """How often the class (lower, upper, digit) changes along the value."""
    count = 0
    last = ""
    for char in value:
        kind = "d" if char.isdigit() else "u" if char.isupper() else "l" if char.isalpha() else ""
        if kind and last and kind != last:
            count += 1
        last = kind or last
    return count


def is_random(value: str) -> bool:
    """Whether letters and digits change so often that no person or naming scheme wrote it."""
    if len(value) < 12:
        return False
    changes = transitions(value)
    has_digit = any(char.isdigit() for char in value)
    return changes * 4 >= len(value) and has_digit and changes >= 5


_WORDY = re.compile(r"[A-Z]?[a-z]{4,}|[A-Z]{4,}")


def random_run(found: Found) -> Change | None:
    """A long run that is random by its transitions; digests and ids in hex have rules and contexts of their own."""
    name, sign, rest = found.value.rstrip("=").partition("=")
    if sign and len(rest) > len(name):  # NAME=value
        return _random(Found(found.text, found.start + len(name) + 1, found.end)) or _random(found)
    return _random(found)


def _random(found: Found) -> Change | None:
    value = found.value
    if found.before.endswith(
        ("sha256:", "SHA256:", "sha512-", "sha1-", "sha384-", "sha512:", "sha1:", "md5:", "0x", "integrity ")
    ):
        return None
    if _HEX.fullmatch(value) or value.startswith(("_Z", "--", "PublicKeyToken=")):
        return None
    if "/" in value and not _PLUS_OR_EQUALS.search(value):
        pieces = value.split("/")
        if all(len(piece) < 20 for piece in pieces):
            return None
    wordy = sum(len(word) for word in _WORDY.findall(value))
    if wordy * 2 >= len(value) or (_TWO_JOINTS.search(value) and wordy * 3 >= len(value)):
        return None
    if not (_LOWER.search(value) and _UPPER.search(value)):
        return None
    return _whole(found) if is_random(value) else None


def userinfo(found: Found) -> Change | None:
    """`user:password` or `token` before the @ of a URL; a bare `git` or `root` is no secret."""
    return None if found.value in {"git", "root", "anonymous"} or "<" in found.value else _whole(found)


def token(found: Found) -> Change | None:
    tail = found.text[found.end : found.end + 1]
    return None if tail.isalnum() and not found.value.startswith(("$", "eyJ")) else _whole(found)


def pem(found: Found) -> Change | None:
    value = found.value.strip()
    if not value or value.startswith("<"):
        return None
    start = found.start + (len(found.value) - len(found.value.lstrip()))
    return Change(start, start + len(value), "<secret>")


def query(found: Found) -> Change | None:
    value = found.value
    if _is_no_secret(value) or (_PLAIN_PARAMETER.fullmatch(value) and not _SECRET_PARAMETER_BEFORE.search(found.before)):
        return None
    return _whole(found)


def pair(found: Found) -> Change | None:
    """`user:password` given to a command: an image reference or number pair is none."""
    value = found.value
    if (
        _NUMBER_PAIR.fullmatch(value)
        or _SAME_TWICE.fullmatch(value)
        or "<" in value
        or value.startswith("$")
        or _VARIABLE_PAIR.search(value)
    ):
        return None
    return _whole(found)


KINDS = {
    "pem": pem,
    "pemline": pem,
    "auth": userinfo,
    "token": token,
    "header": header,
    "cookie": given,
    "hook": given,
    "secret": quoted_value,
    "word": bare_word,
    "mixed": mixed,
    "given": given,
    "opt": bare_word,
    "pair": pair,
    "quoted": mixed,
    "query": query,
    "random": random_run,
    "wgkey": given,
}
