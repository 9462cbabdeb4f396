"""Make a text safe to search: what could split a value so that no rule sees it goes first."""

from __future__ import annotations

import re

# CSI, OSC and two-byte escape sequences (ECMA-48), also when a shell wrote the escape as text.
_ESCAPES = re.compile(
    r"(?:\x1b|\\x1b|\\e|\\033)\[[0-9;?]{0,16}[A-Za-z]|\x1b\][^\x07\x1b\n]{0,200}(?:\x07|\x1b\\)?|\x1b.?|\x9b[0-9;?]{0,16}[A-Za-z]"
)
_WRITTEN_ESCAPES = ("\\x1b[", "\\e[", "\\033[")  # those of them that are printable
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)


def normalise(text: str) -> str:
    """Without terminal escapes, control and invisible characters; lone surrogates become `?`. Idempotent."""
    if text.replace("\n", "").replace("\t", "").isprintable() and not any(sign in text for sign in _WRITTEN_ESCAPES):
        return text
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    previous = ""
    while previous != text:
        previous = text
        text = _INVISIBLE.sub("", _ESCAPES.sub("", text))
    return text
