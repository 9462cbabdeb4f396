"""Serial numbers, UUIDs, machine and container ids, host keys: identifiers of one machine or guest.

Digests, commits, PCI ids and package keys identify a public thing and stay.
"""

from __future__ import annotations

import re

from telemetry_service.core.scrub.rule import Change, Found


def is_serial_shape(value: str) -> bool:
    """Capitals and digits mixed several times, with both, and not a hex key id or a name with one number."""
    letters = sum(char.isalpha() for char in value)
    digits = sum(char.isdigit() for char in value)
    if letters < 2 or digits < 2:
        return False
    groups = re.findall(r"[A-Z]+|\d+", value)
    return len(groups) >= 4 and not re.fullmatch(r"[0-9A-F]+", value)


def _to(placeholder: str):  # type: ignore[no-untyped-def]
    def kind(found: Found) -> Change | None:
        return None if "<" in found.value else Change(found.start, found.end, placeholder)

    return kind


def serial(found: Found) -> Change | None:
    value = found.value.rstrip(".:/")
    if (
        (
            not any(char.isdigit() for char in value)
            and not (re.fullmatch(r"[A-Z]{6,}", value) and re.search(r"(?i)serial(?: number)?\W*$", found.before))
        )
        or re.fullmatch(r"\d{1,3}|v?\d+(?:\.\d+)+", value)
        or value.startswith("/")
        or re.match(r"(?:tty|/dev|\d{1,2}:\d\d)", value)
    ):
        return None
    return Change(found.start, found.start + len(value), "<serial>")


def serial_shape(found: Found) -> Change | None:
    value = found.value.strip("-")
    if (
        not is_serial_shape(value)
        or re.search(
            r"(?i)(?:CVE|NO_PUBKEY|PUBKEY|EXPKEYSIG|GHSA|RHSA|DSA|DLA|USN|SHA|AES|ECDHE|TLS|KB|RFC|ISO|UTF|KEY)[-_ ]*\S{0,12}$",
            found.before[-14:],
        )
        or re.match(r"(?:CVE|GHSA|AES|ECDHE|DHE|TLS|RSA|SHA|DSA|USN|RFC|ISO|UTF)", value)
    ):
        return None
    return Change(found.start, found.start + len(found.value), "<serial>")


def disk(found: Found) -> Change | None:
    value = found.value
    tail = re.search(r"-part\d+$", value)
    if tail:
        value = value[: tail.start()]
    if (
        not re.search(r"\d", value)
        or "<" in value
        or not (re.search(r"[_]", value) or re.search(r"[A-Z0-9]{5,}|[0-9a-fx]{8,}", value))
    ):
        return None
    if (
        found.text[found.start - 1 : found.start] in {"/", "-"}
        and not found.before.endswith("by-id/")
        and re.fullmatch(r"[a-z0-9.-]+", value)
    ):
        return None
    return Change(found.start, found.start + len(value), "<serial>")


def lvm(found: Found) -> Change | None:
    value = found.value
    mixed = re.search("[a-z]", value) and re.search("[A-Z]", value) and re.search(r"\d", value)
    return Change(found.start, found.end, "<uuid>") if mixed else None


def hexid(found: Found) -> Change | None:
    value = found.value
    if not re.search(r"\d", value) or re.search(r"(?i)(?:sha\d*|md5|commit|pubkey|digest|key)\W*$", found.before):
        return None
    return Change(found.start, found.end, "<id>")


def container(found: Found) -> Change | None:
    value = found.value
    if found.before.endswith(("sha256:", "@sha256:")) or not re.search(r"\d", value) or (value.isdigit() and len(value) < 12):
        return None
    return Change(found.start, found.end, "<id>", value)


def long_hex(found: Found) -> Change | None:
    """64 hex digits name a container or are a token, unless the words before speak of a file's digest."""
    digest = re.search(
        r"(?i)(?:sha-?(?:256|512)|digest|checksum|hash|sum|expected|match|matches|got|actual|have|want|received|computed|integrity|wanted|found|blob)\W*(?:\w+\W+){0,1}$",
        found.before,
    )
    return None if digest else Change(found.start, found.end, "<id>", found.value)


def ctid(found: Found) -> Change | None:
    after = found.after
    if re.match(r"\.\d|\s?(?:[KMGT]i?B|MB|GB|ms|seconds?|bytes|packets|%)\b|:\d\d", after) or (
        found.before.endswith(":") and False
    ):
        return None
    return Change(found.start, found.end, "<id>")


def model(found: Found) -> Change | None:
    return Change(found.start, found.start + len(found.value.rstrip()), "<serial>") if re.search(r"\d", found.value) else None


def fingerprint(found: Found) -> Change | None:
    """OpenSSH's base64 form; the same prefix in front of 64 hex digits is a file's digest."""
    return None if found.after[:1].isalnum() else Change(found.start, found.end, "<fingerprint>")


def comment(found: Found) -> Change | None:
    return Change(found.start, found.end, "<user>") if found.after[:1] != "@" and re.fullmatch(r"[\w.-]+", found.value) else None


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
