"""Text between two separators of a broken JSON body -> its value: strings with escapes, and words without quotes."""

import re
from typing import Final

import msgspec

_WORDS: Final[dict[str, bool | None]] = {
    "true": True,
    "false": False,
    "": None,  # a bash variable that was not set
    "null": None,
    "none": None,
    "undefined": None,
    **{sign + word: None for sign in ("", "-", "+") for word in ("nan", "inf", "infinity")},
}
_LONGEST_WORD: Final = max(map(len, _WORDS))
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_PADDED_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")  # 18 digits: no valid value has more, and int() stays cheap

_ESCAPE = re.compile(r"""\\(?:(["\\/bfnrt'])|(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(033|e(?=\[)))|\Z)""")
_ONE_CHARACTER: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_literal(token: str) -> str | int | float | bool | None:
    """Value of a word without quotes: a number, true, false, None for what is no value, else the word itself.

    A number that JSON cannot hold (1e400) stays text, so that the validator names the field it drops.
    """
    if len(token) <= _LONGEST_WORD and (word := token.lower()) in _WORDS:
        return _WORDS[word]
    if _NUMBER.fullmatch(token):
        try:
            number: int | float = msgspec.json.decode(token)
        except msgspec.DecodeError:
            return token
        return number
    return int(token) if _PADDED_INTEGER.fullmatch(token) else token


def unescape(raw: str) -> str:
    r"""Text of a string literal's inside, with the escapes of JSON, `\x1b`, and the terminal's `\033` and `\e[`.

    Any other backslash is the client's own text that it did not escape, and stays. A surrogate without its other half
    becomes U+FFFD.
    """
    if "\\" not in raw:
        return raw
    text = _ESCAPE.sub(_replace_escape, raw)
    if _SURROGATE.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _replace_escape(match: re.Match[str]) -> str:
    one, unicode, byte, terminal = match.groups()
    if one:
        return _ONE_CHARACTER.get(one, one)
    if terminal:
        return "\x1b"
    digits = unicode or byte
    return chr(int(digits, 16)) if digits else ""
