"""Readers: from one untrusted JSON value to an accepted one.

A reader is made from a row of the field table and returns the accepted value, None for an absent one, or `INVALID`.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from telemetry_service.core.fields import Field, Kind


class Invalid:
    """The type of `INVALID`: a value outside its field's type, range, enum or pattern."""

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()
Read = Callable[[Any], "str | int | Invalid | None"]

ABSENT_TEXTS = frozenset({"", "-", "none", "null"})
LONGEST_SHORT_TEXT = 128  # bounds, with the next, what a reader may remember
REMEMBERED_VALUES = 2048

_SLUG = re.compile(r"[a-z0-9][a-z0-9._+-]*", re.ASCII)
_FOUR_PARTS = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_VERSION = re.compile(r"\d{1,4}(\.\d{1,3}){0,2}|[a-z]{2,32}", re.ASCII)
_PVE_VERSION = re.compile(r"(incus-)?(\d{1,4}(\.\d{1,3}){0,2}(-\d{1,4})?|[a-z]{2,32})", re.ASCII)
_NUMBER = re.compile(r"\+?(\d{1,12})(?:\.0{1,6})?\s*([kmgt]?)i?b?", re.ASCII | re.IGNORECASE)
_EXPONENT = re.compile(r"\d{1,6}(?:\.\d{1,6})?e\+?\d{1,2}", re.ASCII | re.IGNORECASE)
_V_BEFORE_DIGIT = re.compile(r"^v(?=\d)", re.ASCII)  # v8.4, but not the release name vera
_MODEL = re.compile(r"[\w ()@.,+/-]+")
_UNIT_MB = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024}


class Reader(dict["str | int", "str | int | Invalid | None"]):
    """Reads the values of one field: `reader(value)`, or the quicker `reader[value]` for what is exactly a str or an int.

    As a mapping it remembers what it made of a value, because clients send the same ones over and over.
    """

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, value: Any) -> str | int | Invalid | None:
        # Not by value alone: True == 1 == 1.0, but only one of them is a whole number.
        return self[value] if type(value) is str or type(value) is int else self._read(value)

    def __missing__(self, value: str | int) -> str | int | Invalid | None:
        accepted = self._read(value)
        if len(value) <= LONGEST_SHORT_TEXT if isinstance(value, str) else accepted is not INVALID:
            if len(self) >= REMEMBERED_VALUES:
                self.clear()
            self[value] = accepted
        return accepted


def short_text(value: Any) -> str | Invalid | None:
    """A trimmed text of at most `LONGEST_SHORT_TEXT` characters; numbers are read as their text."""
    if type(value) is str:
        if len(value) > LONGEST_SHORT_TEXT:
            return INVALID
        text = value.strip()
        return None if text.lower() in ABSENT_TEXTS else text
    if value is None:
        return None
    if type(value) is int or type(value) is float:
        return repr(value)[:LONGEST_SHORT_TEXT]
    return INVALID


def reader(field: Field) -> Reader:
    """The reader of a field of the table; ids and `error` are read by intake itself."""
    return Reader(_read(field))


def _read(field: Field) -> Read:
    match field.kind:
        case Kind.ENUM:
            return _enum(field)
        case Kind.INTEGER:
            return _integer(field)
        case Kind.SLUG if field.name == "repo_slug":
            return _text(field, re.compile(r"[\w.-]+/[\w.-]+", re.ASCII), lambda text: text)
        case Kind.SLUG:
            return _slug(field)
        case Kind.VERSION:
            pattern = _PVE_VERSION if field.name == "pve_version" else _VERSION
            return _text(field, pattern, lambda text: _V_BEFORE_DIGIT.sub("", text.lower()))
        case _:
            return _text(field, _MODEL, lambda text: text)


def _enum(field: Field) -> Read:
    accepted = {value.lower(): value for value in field.values} | field.aliases
    absent = ABSENT_TEXTS | {str(text) for text in field.absent}
    family = "opensuse" if "opensuse" in field.values else None

    def read(value: Any) -> str | Invalid | None:
        if type(value) is not str or len(value) > LONGEST_SHORT_TEXT:
            return None if value is None else INVALID
        text = value.strip().lower()
        if text in absent:
            return None
        if family and text.startswith(f"{family}-"):
            return family
        return accepted.get(text, INVALID)

    return read


def _integer(field: Field) -> Read:
    minimum, maximum, absent = field.minimum, field.maximum, frozenset(field.absent)
    per_unit = {"GB": 1024, "MB": 1}.get(field.unit)

    def read(value: Any) -> int | Invalid | None:
        if type(value) is not int:
            value = _whole_number(value, per_unit)
            if type(value) is not int:
                return value  # type: ignore[no-any-return]
        if value in absent:
            return None
        return value if minimum <= value <= maximum else INVALID

    return read


def _whole_number(value: Any, mb_per_unit: int | None) -> int | Invalid | None:
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) < 1e15 else INVALID
    text = short_text(value)
    if not isinstance(text, str):
        return text
    if text.lower() == "unknown":
        return None
    if _EXPONENT.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() else INVALID
    match = _NUMBER.fullmatch(text)
    if not match:
        return INVALID
    number, suffix = int(match[1]), match[2].lower()
    if not suffix:
        return number
    if mb_per_unit is None:
        return INVALID
    amount = number * _UNIT_MB[suffix] / mb_per_unit
    return int(amount) if amount == int(amount) else INVALID


def _slug(field: Field) -> Read:
    return _text(
        field,
        _SLUG,
        lambda text: "-".join(text.lower().split()),
        refuse=_FOUR_PARTS,
    )


def _text(field: Field, pattern: re.Pattern[str], normalise: Callable[[str], str], refuse: re.Pattern[str] | None = None) -> Read:
    absent = frozenset(field.absent)
    longest = field.maximum

    def read(value: Any) -> str | Invalid | None:
        text = short_text(value)
        if not isinstance(text, str):
            return text
        text = normalise(text)
        if text.lower() in absent:
            return None
        if len(text) > longest or not pattern.fullmatch(text) or (refuse and refuse.search(text)):
            return INVALID
        return text

    return read
