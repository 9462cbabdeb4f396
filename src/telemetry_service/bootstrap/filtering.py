"""Texts from standard input, cleaned to standard output: what the commands `scrub` and `distil` do."""

import json
from collections.abc import Callable, Iterable
from typing import IO, Any

from telemetry_service.core.classify import category_of
from telemetry_service.core.distil.header import split_header
from telemetry_service.core.fingerprint import fingerprint
from telemetry_service.core.intake import Explainer
from telemetry_service.core.scrub import Scrubber
from telemetry_service.settings import Settings

Answer = dict[str, Any]


class Scrub:
    """What the rules leave of a text, and after them the gate if it is wanted."""

    key = "text"

    def __init__(self, settings: Settings, *, gate: bool) -> None:
        self._scrubber = Scrubber(settings.public_hosts)
        self._gate = gate

    def __call__(self, text: str) -> Answer:
        """`{"text", "rules"}`: the names of the rules that changed it, in the order they first did."""
        cleaned, rules = self._scrubber.scrub(text)
        return {"text": self._scrubber.gate(cleaned) if self._gate else cleaned, "rules": rules}


class Distil:
    """What intake would store of an error text."""

    key = "error"

    def __init__(self, settings: Settings) -> None:
        self._explain = Explainer(lambda: Scrubber(settings.public_hosts), settings.error_max_chars)

    def __call__(self, error: str) -> Answer:
        """`{"error", "fingerprint"}`: at most ERROR_MAX_CHARS characters; 16 hex digits of the cause in no particular app."""
        exit_code = split_header(error)[0].exit_code
        text, line = self._explain(error, exit_code)
        return {"error": text, "fingerprint": f"{fingerprint('', exit_code, category_of(exit_code, line), line):016x}"}


def whole(clean: Scrub | Distil, source: IO[bytes], target: IO[bytes]) -> None:
    """One text in, one text out. Bytes that are no UTF-8 become U+FFFD."""
    text = clean(source.read().decode("utf-8", "replace"))[clean.key]
    target.write(text.encode("utf-8", "replace"))
    if isinstance(clean, Distil):
        target.write(b"\n")
    target.flush()


def lines(clean: Scrub | Distil, source: Iterable[bytes], target: IO[bytes], complain: Callable[[str], None]) -> bool:
    """One JSON object a line in, one out, each written before the next is read; empty lines are passed over.

    A line without a string under `clean.key` gets a complaint that names its number and never what it holds. Whether
    all lines were good.
    """
    good = True
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        text = _text(line, clean.key)
        if text is None:
            complain(f'line {number}: not a JSON object with a string "{clean.key}"; it was left out')
            good = False
            continue
        target.write(json.dumps(clean(text), ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        target.flush()
    return good


def _text(line: bytes, key: str) -> str | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    value = row.get(key) if isinstance(row, dict) else None
    return value if isinstance(value, str) else None
