"""Body of a request -> fields by wire name: strict JSON first, repair for what bash wrote by hand.

The oddities are those of the wire contract, section 1, "Decoding". Repair is one forward pass: every pattern is
possessive and every search starts where the last one ended, so that the time is linear in the size of the body.
Repair restores structure only. What a value means ("32G", "true", "-") is the validator's to say.
"""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from telemetry_service.core.errors import Rejected
from telemetry_service.core.literals import read_literal, unescape

MAX_DEPTH: Final = 32  # the body's own braces are depth 1
MAX_REPAIRED_MEMBERS: Final = 1024  # clients send about 30; bounds the time that a hostile body can take
REQUIRED: Final = ("random_id", "type", "nsapp", "status")
FREE_TEXT: Final = "error"  # the one field that spans lines, may hold quotes, and is worth keeping when cut off

_WINDOW: Final = 64  # characters looked at before a key; deployed clients indent by 4
_CUT: Final = object()  # a value that the end of the body cut off, or that cannot be read

_DOUBLE = r'"[^"\\]*+(?:\\.[^"\\]*+)*+'  # a string up to, not including, its closing quote
_SINGLE = r"'[^'\\]*+(?:\\.[^'\\]*+)*+"
_SEPARATOR = r"[\s,;]*+"
_KEY = re.compile(rf"""{_SEPARATOR}({_DOUBLE}"|{_SINGLE}')\s*+:\s*+""", re.DOTALL)
_CLOSING = re.compile(_SEPARATOR + r"\}")
_STRING = {'"': re.compile(_DOUBLE + '"', re.DOTALL), "'": re.compile(_SINGLE + "'", re.DOTALL)}
# What stands after a closing quote: the next key (perhaps cut off), the closing brace, or the end of the body.
_AFTER_STRING = re.compile(
    rf"""{_SEPARATOR}(?:\}}|\Z|{_DOUBLE}(?:\\?\Z|"\s*+(?::|\Z))|{_SINGLE}(?:\\?\Z|'\s*+(?::|\Z)))""", re.DOTALL
)
# A key that any known name can be; _KEY matches wherever this does.
_NAME = re.compile(r"""(["'])([A-Za-z_][A-Za-z0-9_]{0,63}+)\1\s*+:""")
_NESTING = re.compile(rf'{_DOUBLE}(?:"|\\?\Z)|[\[\]{{}}]', re.DOTALL)
# The stray quote of `"type": lxc",` belongs to the bare value, or it would open the next key.
_BARE = re.compile(r'[^,}\n"]*+(?:"(?=\s*+[,}]))?')

_STRICT: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()


def decode(body: bytes, known: Collection[str]) -> dict[str, Any]:
    """Return the members of the JSON object in `body`, by lower-cased key; of equal keys the last one wins.

    `known` is the set of known field names (lower case). Other keys are read too, but not behind a broken string.
    Values are as in JSON; a repaired value may be a string where a number was meant ("32G"). Every string can be
    encoded as UTF-8. Strict JSON is returned whatever its members are; a repaired body has the required fields.

    Raises Rejected: no JSON object, nesting deeper than MAX_DEPTH, or repair did not recover the required fields.
    """
    try:
        value = _STRICT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if value is None:  # not in the handler: a Rejected raised there would carry the body in its context
        return _require(repair(body, known))
    if type(value) is not dict:
        raise Rejected("body", "must be a JSON object")
    if _has_many_brackets(body) and _is_too_deep(value):
        raise _too_deep()
    if (names := "".join(value)) == names.lower():
        return value
    lowered = {key.lower(): item for key, item in value.items()}
    # Two keys that differ in case only: the dict has lost which of them came last, the pass over the text has not.
    return lowered if len(lowered) == len(value) else repair(body, known)


def repair(body: bytes, known: Collection[str]) -> dict[str, Any]:
    """Like `decode`, without the strict attempt and without asking for the required fields.

    Equal to the strict result for every strict JSON object of up to MAX_REPAIRED_MEMBERS members within MAX_DEPTH.
    """
    text = body.decode("utf-8", "replace").lstrip("\ufeff").replace("\0", "").replace("\r\n", "\n")
    brace = text.find("{")
    if brace < 0 or text.lstrip().startswith("["):
        raise Rejected("body", "must be a JSON object")
    return _Scanner(text, brace + 1, known).read_members()


def _require(fields: dict[str, Any]) -> dict[str, Any]:
    missing = [name for name in REQUIRED if fields.get(name) is None]
    if len(missing) == len(REQUIRED):
        raise Rejected("body", "is not JSON and could not be repaired")
    if missing:
        raise Rejected(missing[0], "missing")
    return fields


def _has_many_brackets(body: bytes) -> bool:
    """Whether a body may be too deep. Brackets inside strings are counted too; finding that there is none is quicker."""
    return (body.find(b"{", 1) > 0 or b"[" in body) and body.count(b"{") + body.count(b"[") > MAX_DEPTH


def _is_too_deep(value: dict[str, Any]) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            inner += [v for v in (item.values() if type(item) is dict else item) if type(v) in (dict, list)]
        if not inner:
            return False
        level = inner
    return True


def _too_deep() -> Rejected:
    return Rejected("body", f"nested deeper than {MAX_DEPTH}")


class _Scanner:
    """One forward pass over the members of one object, from behind its opening brace.

    A string ends at its first unescaped quote if what follows continues the object. If not, it holds unescaped quotes,
    and its end is *guessed*: a closing quote, a comma or line break, and the name of a known field. A log may hold text
    that looks just like that. Therefore, from the first guess on, only known fields are read, and those read before it
    are final: the log neither ends nor replaces them. Of those behind it the last one wins, which is the client's own,
    because the log ends before it. What only the log holds is taken for a field: that cannot be told apart.
    """

    def __init__(self, text: str, pos: int, known: Collection[str]) -> None:
        self._text = text
        self._pos = pos
        self._known = known
        self._fields: dict[str, Any] = {}
        self._final: frozenset[str] | None = None  # names read before the first guess; None as long as none was made

    def read_members(self) -> dict[str, Any]:
        for _ in range(MAX_REPAIRED_MEMBERS + 1):
            key = _KEY.match(self._text, self._pos)
            name = unescape(key[1][1:-1]).lower() if key else ""
            if key is None or (self._final is not None and name not in self._known):
                if not self._skip_garbage():
                    return self._fields
                continue
            self._pos = key.end()
            value = self._read_value(name)
            if value is _CUT:
                continue
            if self._final and name in self._final:
                self._fields.setdefault(name, value)
            else:
                self._fields[name] = value
        raise Rejected("body", f"not strict JSON, and more than {MAX_REPAIRED_MEMBERS} members")

    def _skip_garbage(self) -> bool:
        """Move to the next known key; False if there is none or the object ends here."""
        if self._final is None:
            if _CLOSING.match(self._text, self._pos):
                return False
            found = self._find_key()
        else:  # what is left of a log, where a closing brace means nothing
            found = self._find_boundary(self._pos, self._pos, '"', free_text=False)
        if found is None:
            return False
        self._pos = found[1]
        return True

    def _read_value(self, name: str) -> Any:
        first = self._text[self._pos : self._pos + 1]
        if first in _STRING:
            return self._read_string(name, first)
        if first in ("{", "["):
            return self._read_nested()
        return self._read_bare()

    def _read_string(self, name: str, quote: str) -> Any:
        start = self._pos + 1
        string = _STRING[quote].match(self._text, self._pos)
        if string is None:
            self._pos = len(self._text)
            return unescape(self._text[start:]) if name == FREE_TEXT else _CUT
        if _AFTER_STRING.match(self._text, string.end()):
            self._pos = string.end()
            return unescape(self._text[start : self._pos - 1])
        return self._guess_string(name, start, string.end() - 1, quote)

    def _guess_string(self, name: str, start: int, first_quote: int, quote: str) -> Any:
        """The string from `start`, whose quote at `first_quote` does not end it."""
        if self._final is None:
            self._final = frozenset(self._fields) | {name}
        found = self._find_boundary(start, first_quote, quote, free_text=name == FREE_TEXT)
        if found:
            end, self._pos = found
            return unescape(self._text[start:end])
        self._pos = len(self._text)
        last = self._text.rstrip(" \t\r\n,;}")
        if last.endswith(quote):
            return unescape(self._text[start : len(last) - 1])
        return unescape(self._text[start:]) if name == FREE_TEXT else _CUT

    def _find_boundary(self, floor: int, pos: int, quote: str, *, free_text: bool) -> tuple[int, int] | None:
        """Where a string that began at `floor` ends and where the next known key begins, looked for from `pos`.

        A closing quote, then a comma or a line break, then the key. Where it is not free text, the quote may be missing.
        """
        final = self._final or ()
        for match in _NAME.finditer(self._text, pos):
            name = match[2].lower()
            if name not in self._known or name in final:
                continue
            at = match.start()
            before = self._text[max(floor, at - _WINDOW) : at]
            value = before.rstrip()
            on_new_line = "\n" in before[len(value) :]
            has_comma = value.endswith(",")
            value = value.removesuffix(",").rstrip()
            is_closed = value.endswith(quote)
            if (has_comma or on_new_line) and (is_closed or not free_text):
                return at - len(before) + len(value) - is_closed, at
        return None

    def _find_key(self) -> tuple[int, int] | None:
        for match in _NAME.finditer(self._text, self._pos):
            if match[2].lower() in self._known:
                return match.start(), match.start()
        return None

    def _read_nested(self) -> Any:
        """A nested value, which no known field has: kept if it is strict JSON, skipped if not."""
        depth = 1
        start = self._pos
        for match in _NESTING.finditer(self._text, start):
            token = match[0]
            if token in ("{", "["):
                depth += 1
                if depth > MAX_DEPTH:
                    raise _too_deep()
            elif token in ("}", "]"):
                depth -= 1
                if depth == 1:
                    self._pos = match.end()
                    try:
                        return _STRICT.decode(self._text[start : self._pos])
                    except msgspec.DecodeError:
                        return _CUT
        self._pos = len(self._text)
        return _CUT

    def _read_bare(self) -> Any:
        """A value without quotes. At the very end of the body it may be half a value: 1 of 137."""
        match = _BARE.match(self._text, self._pos)
        token = match[0] if match else ""
        self._pos += len(token)
        if self._pos == len(self._text):
            return _CUT
        return read_literal(token.removesuffix('"').strip())
