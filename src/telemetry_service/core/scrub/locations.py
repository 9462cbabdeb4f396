"""Where a machine stands: time zones, locales, keyboards, GeoIP answers, country mirrors; and wireless network names."""

from __future__ import annotations

import re

from telemetry_service.core.scrub.location_words import KEYMAPS, LANGUAGES, NEUTRAL_PLACES, NEUTRAL_ZONES, NO_NETWORKS
from telemetry_service.core.scrub.rule import Change, Found

_NEUTRAL_LOCALES = re.compile(r"(?i)(?:en[_-]us|en|c|posix)(?:\.[\w-]+)?(?::en)?$")


# After a city: its region, its country.
_FURTHER_PLACES = re.compile(r"(?:, ?(?:[A-Z]{2}\b|[A-Z][\w'’.-]+(?: [A-Z][\w'’-]+){0,2})){1,3}")


_MORE_NUMBERS = re.compile(r"\.\d")
_PROSE_AFTER = re.compile(r" [a-z]")
_LANGUAGE = re.compile(r"[a-z]+")
_CODE_FILE = re.compile(r"\.(?:py|js|ts|c|go|json)\b")
_VAGUE_NOUN_BEFORE = re.compile(r"(?i)\b(?:state|site|location|zip|place)\W{1,4}['\"]?$")
_SUBJECT_PART = re.compile(r"\b(?:CN|O|OU|C|ST|L|DC|subject|issuer)\s?[=:]")


def location(found: Found) -> Change | None:
    if found.value.startswith(("US/", "America/", "Asia/")) and found.after[:1] == "=":
        return None
    return Change(found.start, found.end, "<location>")


def zone(found: Found) -> Change | None:
    return (
        None
        if found.value in NEUTRAL_ZONES
        or found.value.lower() in {"timezone", "string", "yes", "no"}
        or (found.value.istitle() and "/" not in found.value and found.before.endswith(": ") and _PROSE_AFTER.match(found.after))
        else Change(found.start, found.end, "<location>")
    )


def offset(found: Found) -> Change | None:
    return None if found.value.strip("+-0:") == "" else Change(found.start, found.end, "<location>")


def locale(found: Found) -> Change | None:
    value = found.value
    language = _LANGUAGE.match(value.lower())
    if _NEUTRAL_LOCALES.match(value) or language is None or language[0] not in LANGUAGES:
        return None
    return Change(found.start, found.end, "<location>")


def keymap(found: Found) -> Change | None:
    value = found.value.lower()
    if (
        (value in {"us", "is", "in", "to", "at", "no", "or"} and "=" not in found.before[-2:])
        or value == "us"
        or value.split("-")[0].split("_")[0] not in KEYMAPS
    ):
        return None
    return Change(found.start, found.end, "<location>")


def geo(found: Found) -> Change | None:
    value = found.value
    if (
        (value.lower() in NEUTRAL_PLACES and not (len(value) == 2 and value.isupper()))
        or value.startswith(("http", "/", "<"))
        or _CODE_FILE.search(value)
    ):
        return None
    return Change(found.start, found.end, "<location>")


def place(found: Found) -> Change | None:
    value = found.value.rstrip(" .")
    if _MORE_NUMBERS.match(found.after) and value[-1:].isdigit():
        return None  # of an address
    if value.lower() in NEUTRAL_PLACES or value.split()[0].lower() in NEUTRAL_PLACES:
        return None
    if _VAGUE_NOUN_BEFORE.search(found.before) and (len(value.split()) > 3 or value.isupper() or value.islower()):
        return None
    end = found.start + len(value)
    further = _FURTHER_PLACES.match(found.text, end)
    return Change(found.start, further.end() if further else end, "<location>")


def mirror(found: Found) -> Change | None:
    text, start, _ = found
    if text[start - 1 : start].isalnum() or (
        text[start - 1 : start] in {".", "-", "_"} and text[start - 2 : start - 1].isalnum()
    ):
        return None
    return Change(start, found.end, "<mirror>")


def ssid(found: Found) -> Change | None:
    value = found.value.strip()
    if not value or value.lower() in NO_NETWORKS:
        return None
    return Change(found.start, found.start + len(found.value.rstrip()), "<ssid>")


def subject_part(found: Found) -> Change | None:
    """A component of a certificate's subject, only beside others (`C = DE, ST = ...`)."""
    before, after = found.before, found.text[found.end : found.end + 40]
    if not _SUBJECT_PART.search(before + after):
        return None
    return Change(found.start, found.start + len(found.value.rstrip()), "<location>")


KINDS = {
    "location": location,
    "zone": zone,
    "offset": offset,
    "locale": locale,
    "keymap": keymap,
    "geo": geo,
    "place": place,
    "mirror": mirror,
    "ssid": ssid,
    "ssidword": ssid,
    "dn": subject_part,
}
