"""Whether a value is a host: the answers that all places of hosts share, from a certain place to a likely one.

A value with dots is judged by its ending (`site`, `fqdn`); a bare word by the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from telemetry_service.core.scrub.host_rules import AMBIGUOUS, CERTAIN_PRIVATE, CODE, ENDING, FILES
from telemetry_service.core.scrub.host_words import LOCAL_FILES, NOT_HOSTS, NOT_PEERS, PORTLESS
from telemetry_service.core.scrub.machine_names import NUMBERED, RUNNING, is_machine_like
from telemetry_service.core.scrub.rule import Change, Found

SYMBOL = re.compile(r"[A-Z]{2,}(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+(?:_\d{1,2})?")  # of a program: no host has an underscore
CAMEL = re.compile(r"[a-z][A-Z]")
EXCEPTION = re.compile(r"[a-z](?:Exception|Error)$")
_NUMBERISH = re.compile(r"[\d.:_-]+|0x[0-9a-fA-F]+|v?\d+(?:\.\w+)*(?:-\w+)?")
_NO_HOST_AFTER = ("@", "==", ">=", "<=", "~=", "!=")
_PORT_OR_ADDRESS = re.compile(r":\d{2,5}(?:\D|$)|/<ipv")
_CAPITAL_OR_UNDERSCORE = re.compile(r"[A-Z_]")
_FILE = re.compile(
    r"\.(?:py|js|sh|c|go|ts|tsx|jsx|conf|json|ya?ml|so|h|cpp|cc|rb|php|rs|java|kt|mjs|cjs|list|txt|pl|pm|lua|vue|css|html|sql|toml|lock|cfg|ini|xml|log|md|exs?|scala|in|ac|am|mk|cmake|build|service|sock|socket|timer|env|d)$",
    re.IGNORECASE,
)
_ENDINGS = frozenset(ENDING.split("|"))
_ENCODED_ENDING = re.compile(r"xn--[a-z0-9-]+")
_SCOPE = re.compile(r"[\w.]@$")


def plain(value: str) -> str:
    return value.strip(".-_").lower()


def hide(found: Found, value: str | None = None) -> Change:
    value = found.value if value is None else value
    return Change(found.start, found.start + len(value), "<host>", value)


def is_address_or_number(value: str) -> bool:
    return _NUMBERISH.fullmatch(value) is not None


def is_domain_ending(label: str) -> bool:
    return label in _ENDINGS or _ENCODED_ENDING.fullmatch(label) is not None


class HostJudge:
    """The allow-list of hosts and the vocabulary, and what they say to a value."""

    def __init__(self, public: Container[str], knows: Callable[[str], bool]) -> None:
        self.public = public
        self._knows = knows

    def is_word(self, value: str) -> bool:
        """Public as a word; a word with a running number only if technology, not machines, is numbered that way."""
        if not self._knows(value):
            return False
        return value.isalpha() or RUNNING.fullmatch(value) is None or NUMBERED.match(value) is not None

    def is_phrase(self, value: str) -> bool:
        """`hash-join`, `up-to-date`: words joined, none of which machines are called by."""
        parts = value.split("-")
        return (
            len(parts) > 1
            and all(self.is_word(part) for part in parts)
            and not is_machine_like(parts)
            and not parts[-1].isdigit()
        )

    def host(self, found: Found) -> Change | None:
        """Only hosts stand here."""
        value = found.value.rstrip(".")
        if (
            found.start
            and found.text[found.start - 1].isalnum()
            and found.value[0].isalnum()
            and found.before[-6:].upper() != "%2F%2F"
        ):
            return None
        name = plain(value)
        if found.text.startswith(_NO_HOST_AFTER, found.start + len(value)):
            return None
        if not value or name in NOT_HOSTS or name in self.public or is_address_or_number(value):
            return None
        return hide(found, value)

    def peer(self, found: Found) -> Change | None:
        """A host unless the vocabulary knows the word, or it looks like a file, a package, a path or a call."""
        value = found.value.rstrip(".")
        end = found.start + len(value)
        after, before = found.text[end : end + 8], found.before
        if self.host(found) is None or (after.startswith(("(", "::", "=", "@")) and not after.startswith("=>")):
            return None
        if len(value) < 2 or EXCEPTION.search(value):
            return None
        if "." in value:
            return (self.site(found) or self._inner(found, value)) if "/" not in before[-1:] else None
        if (
            after[:1] in {":", "/"}
            and _PORT_OR_ADDRESS.match(after)
            and value.lower() not in PORTLESS
            and not _CAPITAL_OR_UNDERSCORE.search(value)
        ):
            return self.host(found)
        if after.startswith(("/", "[")) and not after.startswith("[<"):
            return None
        if (
            self.is_word(value)
            or CAMEL.search(value)
            or value.startswith("_")
            or self.is_phrase(value)
            or SYMBOL.fullmatch(value)
        ):
            return None
        return None if before.endswith(NOT_PEERS) else hide(found, value)

    def _inner(self, found: Found, value: str) -> Change | None:
        """A dotted name that ends in no known domain, in front of a port or a reason."""
        labels = value.lower().split(".")
        if not found.text.startswith(":", found.start + len(value)) or _FILE.search(value) or not labels[-1].isalpha():
            return None
        return None if all(self.is_word(label) for label in labels) or CODE.search(value) else hide(found, value)

    def fqdn(self, found: Found) -> Change | None:
        """A dotted name with a domain's ending that no allow-list and no file naming explains."""
        value = found.value
        name = plain(value)
        if name in self.public or (value.startswith("*.") and name.lstrip("*.") in self.public):
            return None
        last = name.rsplit(".", 1)[-1]
        before = found.before
        left = before[-1:]
        if (
            left in {"$", "\\", "%"}
            or (left == "." and (before[-2:-1].isalnum() or before[-2:-1] in {"/", " ", ""}))
            or (found.after.startswith("(") and last not in CERTAIN_PRIVATE)
        ):
            return None
        if left == "@" and _SCOPE.search(before) is None and last in AMBIGUOUS:
            return None  # an npm scope
        return hide(found) if last not in AMBIGUOUS else self.site(found)

    def site(self, found: Found) -> Change | None:
        """A dotted name whose ending may also be a file's or an attribute's."""
        value = found.value.rstrip(".")
        name = plain(value)
        if name in self.public or is_address_or_number(value):
            return None
        labels = name.split(".")
        last = labels[-1]
        if not is_domain_ending(last) or (
            last in FILES and not (len(labels) > 2 and last in {"md", "cc", "ml"} and not self.is_word(labels[0]))
        ):
            return None
        if last not in AMBIGUOUS:
            return hide(found, value)
        if CODE.search(value) or found.after.startswith(("(", "[")):
            return None
        before = found.before
        if last == "local":
            is_file = name.startswith("env.") or (len(labels) == 2 and (labels[0] in LOCAL_FILES or before.endswith("/")))
            return None if is_file else hide(found, value)
        if before.endswith("/") and not before.endswith("//") and len(labels) == 2:
            return None
        return None if all(self.is_word(label) for label in labels[:-1]) or self.is_word(name) else hide(found, value)
