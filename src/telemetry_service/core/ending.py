"""How a run ended: what status, category and explanation become of a terminal event.

Equal endings are worked out once. They come in numbers: curl sends again what it got no answer to, overlapping traps report
one failure several times, and a package that is gone fails alike on every machine.
"""

from collections.abc import Callable
from typing import NamedTuple

from telemetry_service.core.classify import category_of, classify
from telemetry_service.core.fingerprint import fingerprint

REMEMBERED_ENDINGS = 1_000  # some 400 bytes each


class Cleaned(NamedTuple):
    """`text` is stored, as long as is allowed; `line`, the same but not cut, is for the fingerprint."""

    text: str
    line: str


_UNEXPLAINED = Cleaned("", "")


class Ending(NamedTuple):
    """What is kept of an ending, whatever the app; `line` and `line_category` tell its cause, and are None for no failure."""

    status: str
    category: str | None
    error: str | None
    cause: str | None
    line: str | None
    line_category: str | None


SUCCESS = Ending("success", None, None, None, None, None)


Explain = Callable[[str, int | None], Cleaned]  # finds and cleans the line that tells a cause: error, exit code
Digest = Callable[[bytes], bytes]  # tells texts apart by a keyed hash, so that no raw text is kept to compare with


class Endings:
    """Works out endings. May be used by several threads."""

    def __init__(self, explain: Explain, digest: Digest) -> None:
        self._explain = explain
        self._digest = digest
        self._remembered: dict[tuple[str, int | None, str | None, bytes], Ending] = {}

    def of(self, status: str, exit_code: int | None, category: str | None, error: str) -> Ending:
        """The ending of a terminal event that says these things; `error` is the client's raw text, read and not kept."""
        key = status, exit_code, category, self._digest(error.encode("utf-8", "replace"))
        ending = self._remembered.get(key)
        if ending is None:
            ending = self._worked_out(status, exit_code, category, error)
            if len(self._remembered) >= REMEMBERED_ENDINGS:
                self._remembered.clear()
            self._remembered[key] = ending
        return ending

    def _worked_out(self, status: str, exit_code: int | None, category: str | None, error: str) -> Ending:
        is_explained = status == "failed" or error.strip() or exit_code
        explained = self._explain(error, exit_code) if is_explained else _UNEXPLAINED
        verdict = classify(status, exit_code, error, category, explained.line)
        if verdict.status == "success":
            return SUCCESS
        if verdict.status != "failed":
            return Ending(verdict.status, verdict.category, explained.text or None, None, None, None)
        # Not the verdict's category, which the noise around the line or an old client may have decided.
        line_category = category_of(exit_code, explained.line)
        cause = f"{fingerprint('', exit_code, line_category, explained.line):016x}"
        return Ending("failed", verdict.category, explained.text or None, cause, explained.line, line_category)
