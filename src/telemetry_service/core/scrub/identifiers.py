"""Serial numbers, UUIDs, machine and container ids, host keys: identifiers of one machine or guest.

Digests, commits, PCI ids and package keys identify a public thing and stay.
"""

from __future__ import annotations

import re

from telemetry_service.core.scrub.rule import Change, Found

_RUNS = re.compile(r"[A-Z]+|\d+")
_UPPER_HEX = re.compile(r"[0-9A-F]+")
_CAPITALS = re.compile(r"[A-Z]{6,}")
_SERIAL_BEFORE = re.compile(r"(?i)serial(?: number)?\W*$")
_NUMBER_OR_VERSION = re.compile(r"\d{1,3}|v?\d+(?:\.\d+)+")
_TERMINAL_OR_TIME = re.compile(r"(?:tty|/dev|\d{1,2}:\d\d)")
_PUBLIC_ID_BEFORE = re.compile(
    r"(?i)(?:CVE|NO_PUBKEY|PUBKEY|EXPKEYSIG|GHSA|RHSA|DSA|DLA|USN|SHA|AES|ECDHE|TLS|KB|RFC|ISO|UTF|KEY)[-_ ]*\S{0,12}$"
)
_PUBLIC_ID = re.compile(r"(?:CVE|GHSA|AES|ECDHE|DHE|TLS|RSA|SHA|DSA|USN|RFC|ISO|UTF)")
_PARTITION = re.compile(r"-part\d+$")
_DIGIT = re.compile(r"\d")
_UNDERSCORE = re.compile(r"[_]")
_SERIAL_RUN = re.compile(r"[A-Z0-9]{5,}|[0-9a-fx]{8,}")
_PLAIN_NAME = re.compile(r"[a-z0-9.-]+")
_LOWER = re.compile("[a-z]")
_UPPER = re.compile("[A-Z]")
_DIGEST_BEFORE = re.compile(r"(?i)(?:sha\d*|md5|commit|pubkey|digest|key)\W*$")
_CHECKSUM_BEFORE = re.compile(
    r"(?i)(?:sha-?(?:256|512)|digest|checksum|hash|sum|expected|match|matches|got|actual|have|want|received|computed|integrity|wanted|found|blob)\W*(?:\w+\W+){0,1}$"
)
_MEASURE_AFTER = re.compile(r"\.\d|\s?(?:[KMGT]i?B|MB|GB|ms|seconds?|bytes|packets|%)\b|:\d\d")
_COMMENT = re.compile(r"[\w.-]+")


def is_serial_shape(value: str) -> bool:
    """Capitals and digits mixed several times, with both, and not a hex key id or a name with one number."""
    letters = sum(char.isalpha() for char in value)
    digits = sum(char.isdigit() for char in value)
    if letters < 2 or digits < 2:
        return False
    groups = _RUNS.findall(value)
    return len(groups) >= 4 and not _UPPER_HEX.fullmatch(value)


def _to(placeholder: str):  # type: ignore[no-untyped-def]
    def kind(found: Found) -> Change | None:
        return None if "<" in found.value else Change(found.start, found.end, placeholder)

    return kind


def serial(found: Found) -> Change | None:
    value = found.value.rstrip(".:/")
    if (
        (not any(char.isdigit() for char in value) and not (_CAPITALS.fullmatch(value) and _SERIAL_BEFORE.search(found.before)))
        or _NUMBER_OR_VERSION.fullmatch(value)
        or value.startswith("/")
        or _TERMINAL_OR_TIME.match(value)
    ):
        return None
    return Change(found.start, found.start + len(value), "<serial>")


def serial_shape(found: Found) -> Change | None:
    value = found.value.strip("-")
    if not is_serial_shape(value) or _PUBLIC_ID_BEFORE.search(found.before[-14:]) or _PUBLIC_ID.match(value):
        return None
    return Change(found.start, found.start + len(found.value), "<serial>")


def disk(found: Found) -> Change | None:
    value = found.value
    tail = _PARTITION.search(value)
    if tail:
        value = value[: tail.start()]
    if not _DIGIT.search(value) or "<" in value or not (_UNDERSCORE.search(value) or _SERIAL_RUN.search(value)):
        return None
    if (
        found.text[found.start - 1 : found.start] in {"/", "-"}
        and not found.before.endswith("by-id/")
        and _PLAIN_NAME.fullmatch(value)
    ):
        return None
    return Change(found.start, found.start + len(value), "<serial>")


def lvm(found: Found) -> Change | None:
    value = found.value
    mixed = _LOWER.search(value) and _UPPER.search(value) and _DIGIT.search(value)
    return Change(found.start, found.end, "<uuid>") if mixed else None


def hexid(found: Found) -> Change | None:
    value = found.value
    if not _DIGIT.search(value) or _DIGEST_BEFORE.search(found.before):
        return None
    return Change(found.start, found.end, "<id>")


def container(found: Found) -> Change | None:
    value = found.value
    if found.before.endswith(("sha256:", "@sha256:")) or not _DIGIT.search(value) or (value.isdigit() and len(value) < 12):
        return None
    return Change(found.start, found.end, "<id>", value)


def long_hex(found: Found) -> Change | None:
    """64 hex digits name a container or are a token, unless the words before speak of a file's digest."""
    digest = _CHECKSUM_BEFORE.search(found.before)
    return None if digest else Change(found.start, found.end, "<id>", found.value)


def ctid(found: Found) -> Change | None:
    after = found.after
    if _MEASURE_AFTER.match(after) or (found.before.endswith(":") and False):
        return None
    return Change(found.start, found.end, "<id>")


def model(found: Found) -> Change | None:
    return Change(found.start, found.start + len(found.value.rstrip()), "<serial>") if _DIGIT.search(found.value) else None


def fingerprint(found: Found) -> Change | None:
    """OpenSSH's base64 form; the same prefix in front of 64 hex digits is a file's digest."""
    return None if found.after[:1].isalnum() else Change(found.start, found.end, "<fingerprint>")


def comment(found: Found) -> Change | None:
    return Change(found.start, found.end, "<user>") if found.after[:1] != "@" and _COMMENT.fullmatch(found.value) else None


KINDS = {
    "uuid": _to("<uuid>"),
    "lvm": lvm,
    "hexid": hexid,
    "disk": disk,
    "id": _to("<id>"),
    "serial": serial,
    "shape": serial_shape,
    "model": model,
    "fingerprint": fingerprint,
    "hostkey": _to("<fingerprint>"),
    "comment": comment,
    "art": _to("<x>"),
    "ctid": ctid,
    "cid": container,
    "long": long_hex,
}
