"""Hosts by their shape: bare words that are called the way machines are, and domains in the paths of certificates."""

from __future__ import annotations

import re
from collections.abc import Callable

from telemetry_service.core.scrub.host_judge import CAMEL, HostJudge, hide, is_address_or_number, is_domain_ending, plain
from telemetry_service.core.scrub.host_rules import AMBIGUOUS
from telemetry_service.core.scrub.host_words import FILE_ENDINGS, NOT_HOSTS
from telemetry_service.core.scrub.machine_names import MACHINE_NAME, is_machine_like
from telemetry_service.core.scrub.rule import Change, Found

_GOES_ON = re.compile(r"\.\w|[(=/]|::| \(\d+:\d+\)")
_PART_OF_MORE = re.compile(r"\.\w|[(=:/]\w")
_HEX_RUN = re.compile(r"[0-9a-f]{7,}")
# Packages and options are called `docker-ce` and `epel-release` too, after a colon or between quotes.
_THING_LIKELY_BEFORE = re.compile(r"(?:: |\(| - |(?:by|to|for)\s+\W)$")
_CALL_OR_VALUE = re.compile(r" \(\d|[:=@(]\w|:: ")
_THING_BEFORE = re.compile(
    r"(?i)\b(?:packages?|modules?|commands?|plugins?|library|image|service|unit|script|target|option|file|class|repo|tag|branch|job|step|install|setting up|unpacking|selecting|removing|depends:|building|using|requires?|-p|-m|-n|-c)\W{1,3}$"
)
_SMALL_PART = re.compile(r"\d+|[a-z]{1,2}\d{1,2}")  # v6, x64


def _cert_host(judge: HostJudge, found: Found) -> Change | None:
    name = plain(found.value)
    labels = name.split(".")
    last = labels[-1]
    if last in FILE_ENDINGS or not is_domain_ending(last):
        return None
    return None if last in AMBIGUOUS and all(judge.is_word(label) for label in labels[:-1]) else judge.host(found)


def _shaped(judge: HostJudge, found: Found) -> Change | None:
    """A bare word after a preposition or before a state: a host only if unknown and named the way machines are."""
    value = found.value
    if (
        judge.is_word(value)
        or _GOES_ON.match(found.after)
        or plain(value) in NOT_HOSTS
        or is_address_or_number(value)
        or judge.is_phrase(value)
        or _HEX_RUN.fullmatch(value)
        or CAMEL.search(value)
    ):
        return None
    parts = value.split("-")
    if value[-1] in "0123456789" or is_machine_like(parts) or (len(parts) == 1 and MACHINE_NAME.search(value)):
        return hide(found, value)
    if len(parts) == 1:
        return None
    known = [judge.is_word(part) for part in parts]
    may_be_a_thing = _THING_LIKELY_BEFORE.search(found.before) is not None
    return None if all(known) or (may_be_a_thing and any(known)) else hide(found, value)


def _unknown(judge: HostJudge, found: Found) -> Change | None:
    """A bare word in a place where a name is likely: only if nothing public is called so, whole or in parts."""
    value = found.value
    if judge.is_word(value) or judge.host(found) is None or _PART_OF_MORE.match(found.after):
        return None
    return None if judge.is_phrase(value) or _HEX_RUN.fullmatch(value) else hide(found)


def _machine(judge: HostJudge, found: Found) -> Change | None:
    """Called the way machines are, wherever it stands; not as packages, services and containers are."""
    value = found.value
    parts = value.lower().split("-")
    if len(parts) > 1 and not is_machine_like(parts):
        return None
    if judge.is_word(value) or plain(value) in judge.public:
        return None
    if _CALL_OR_VALUE.match(found.after) or _THING_BEFORE.search(found.before):
        return None
    if len(parts) > 1 and all(_SMALL_PART.fullmatch(part) or judge.is_word(part) for part in parts):
        return None
    return None if CAMEL.search(value) or (value.isupper() and not value[-1].isdigit()) else hide(found)


SHAPES: dict[str, Callable[[HostJudge, Found], Change | None]] = {
    "certhost": _cert_host,
    "shaped": _shaped,
    "unknown": _unknown,
    "machine": _machine,
}
