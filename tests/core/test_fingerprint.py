"""Equal for what varies between machines, different for what is a different cause."""

# ruff: noqa: E501 - log lines are quoted as they are printed
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.fingerprint import fingerprint, masked_words

LINE = "cp: cannot copy '/opt/app/file.txt' to host <host> port 8080: Connection refused (version 1.2.3)"
SAME = [
    ("libicu72 (>= 72.1~rc-1~)", "libicu74 (>= 74.2)"),
    ("port 9000 after 298 ms", "port 8006 after 12 ms"),
    ("mkdir '/home/a/b'", "mkdir '/srv/c'"),
    ("mkdir '/home/<user>/b'", "mkdir '/root'"),
    ("resolve host: <host>", "resolve host: github.com"),
    ("resolve host: <host>", "resolve host: <x>"),
    ("https://<host>/a", "https://github.com/acme/tool"),
    ("vite@3.3.17 failed", "vite@11.1.0 failed"),
    ("app-1.2.3.tar.gz is damaged", "app-2.0.tar.gz is damaged"),
    ("No module named 'x'", 'No module named "x"'),
    ("npm error Error: a", "npm ERR! Error: a"),
    ("commit 3b18e512dba7 not found", "commit 9aa1f00dba71 not found"),
    ("user <user> exists", "user <x> exists"),
    ("main.c:12:3: error: x", "main.c:14:9: error: x"),
    ("CT 404 not running", "CT 490 not running"),
    ("VM 500 already exists", "VM 101 already exists"),
    ("Killed process 123 (node)", "Killed process 9 (node)"),
]
DIFFERENT = [
    ("returned error: 404", "returned error: 403"),
    ("404 Not Found", "403 Forbidden"),
    ("curl: (6) x", "curl: (7) x"),
    ("Unable to locate package a", "Unable to locate package b"),
    ("Connection refused", "Connection timed out"),
    ("foo@1.2 failed", "bar@1.2 failed"),
    ("@babel/core@7 failed", "@babel/cli@7 failed"),
    ("foo-1.2.deb", "bar-1.2.deb"),
]


def number(line: str) -> int:
    return fingerprint("app", 1, "apt", line)


@pytest.mark.parametrize(("first", "second"), SAME)
def test_equal(first: str, second: str) -> None:
    assert number(first) == number(second), (masked_words(first), masked_words(second))


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_different(first: str, second: str) -> None:
    assert number(first) != number(second)


def test_every_argument_counts() -> None:
    numbers = {fingerprint("a", 1, "x", "l"), fingerprint("b", 1, "x", "l"), fingerprint("a", 2, "x", "l"), fingerprint("a", None, "x", "l"), fingerprint("a", 1, None, "l"), fingerprint("a", 1, "x", "m")}  # fmt: skip
    assert len(numbers) == 6


def test_the_number_is_fixed() -> None:
    assert number(LINE) == GOLDEN, "the masking changed: change VERSION and this number"


GOLDEN = 3699106722939797286


@given(
    st.text(st.characters(codec=None)),
    st.none() | st.integers(),
    st.none() | st.text(),
    st.text(st.characters(codec=None)),
)
def test_fits_a_signed_64_bit_integer(app: str, code: int | None, category: str | None, line: str) -> None:
    assert 0 <= fingerprint(app, code, category, line) < 2**63


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.from_regex(r"(/[a-z]{1,8}){1,5}", fullmatch=True))
def test_numbers_and_paths_do_not_count(first: int, second: int, path: str) -> None:
    line = f"cp: cannot copy '{path}' to host <host> port {first}: Connection refused (version {second}.2.3)"
    assert number(line) == number(LINE)


@given(
    st.lists(
        st.sampled_from(["abc", "def", "<host>", "1.2", "/x/y", "'q'", "error:", "(6)", "404", "@a/b@1", "foo-1.2", "x=3"])
    ).map(" ".join)
)
def test_masking_is_idempotent(line: str) -> None:
    once = " ".join(masked_words(line))
    assert masked_words(once) == masked_words(" ".join(masked_words(once)))
