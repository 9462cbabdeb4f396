"""The order of distilling, scrubbing and cutting leaves no piece of what was removed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.clean import CONTEXT_MAX_CHARS, clean_error, context_of, without_remnants


@dataclass
class Text:
    text: str


class Learning:
    """Removes what stands after `user=` wherever it occurs in the text it is given; its gate masks `qq` words."""

    def scrub(self, text: str) -> Text:
        for word in text.replace("\n", " ").split():
            if word.startswith("user="):
                text = text.replace(word.removeprefix("user="), "<user>")
        return Text(text)

    def open_words(self, text: str) -> list[str]:
        return [word for word in text.replace(":", "").split() if word not in {"error", "denied", "permission"}]

    def gate(self, text: str) -> str:
        return " ".join("<x>" if word.startswith("qq") else word for word in text.split(" "))


def test_a_name_learnt_in_the_log_goes_from_the_line() -> None:
    error = "exit_code=1 | x | at line 1: y\n---\nlogin user=mallory\nerror: mallory: permission denied"
    assert clean_error(error, "meaning", Learning(), 120).text == "error: <user>: permission denied"


def test_the_meaning_serves_when_nothing_explains() -> None:
    assert clean_error("", "general error", Learning(), 120) == ("general error", "general error")


def test_the_fingerprint_line_is_gated_and_not_cut() -> None:
    error = "error: qqsecret " + "word " * 60 + "No space left on device"
    cleaned = clean_error(error, "meaning", Learning(), 120)
    assert "qqsecret" not in cleaned.line
    assert len(cleaned.line) > 120
    assert "No space left" in cleaned.text


@given(st.integers(0, 140), st.integers(20, 120))
def test_cutting_never_leaves_half_a_name(padding: int, limit: int) -> None:
    error = f"user=mallory\nerror: {'a' * padding} mallory: permission denied"
    text = clean_error(error, "", Learning(), limit).text
    assert len(text) <= limit
    assert "mal" not in text
    assert text.count("<") == text.count(">")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("to 192.x.x.37 port 80", "to <ipv4> port 80"),
        ("10.*.*.5", "<ipv4>"),
        ("aa:bb:xx:xx:xx:ff", "<mac>"),
        ("fe80:x:x:x:x:x:x:1", "<mac>"),
        ("version 1.2.3.4", "version 1.2.3.4"),
        ("at 12:34:56:78", "at 12:34:56:78"),
        ("max.xxx", "max.xxx"),
    ],
)
def test_remnants_of_masked_addresses(text: str, clean: str) -> None:
    assert without_remnants(text) == clean


def test_context_is_what_shares_a_word_the_rarest_first() -> None:
    text = "login user=mallory\n" + "error: something else happened\n" * 2000 + "unrelated\n"
    context = context_of(["error", "mallory"], "error: mallory: permission denied", text)
    assert context.startswith("login user=mallory\nerror: something")
    assert "unrelated" not in context
    assert len(context) <= CONTEXT_MAX_CHARS


def test_a_name_learnt_far_away_goes_from_the_line() -> None:
    error = "login user=mallory\n" + "error: something else\n" * 5000 + "mkfs: mallory: No space left on device"
    assert clean_error(error, "", Learning(), 120).text == "mkfs: <user>: No space left on device"
