"""The line that explains a failure is found, and any text at all gives one line."""

# ruff: noqa: E501 - log lines are quoted as they are printed
from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.distil import distil, window
from telemetry_service.core.distil.header import program_of, split_header
from telemetry_service.core.distil.lines import LINE_MAX_CHARS, parse_line, plain, split_lines
from telemetry_service.core.fingerprint import fingerprint

CORPUS = Path(__file__).parents[1] / "corpora" / "distil_own.jsonl"
NAMES = [
    "tobias",
    "jkowal",
    "oskar",
    "maria",
    "app_user",
    "mirror.silva-family.de",
    "git.oneill.home.arpa",
    "nas.kellerkind.lan",
    "registry.acme.internal",
    "pve1",
    "homelab",
    "hv-keller",
]
HEADER = "exit_code=1 | General error | at line 12: npm ci --token=hunter2\n---\n"


def rows() -> list[dict[str, str]]:
    return [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def scrubbed(line: str) -> str:
    """The names which the corpus varies as placeholders; removing them is the scrubber's work and tested there."""
    for name in NAMES:
        line = line.replace(name, "<name>")
    return line


def words(text: str) -> set[str]:
    return {word.strip("'\"`.,;:()[]") for word in text.split()} - {""}


def test_corpus_root_causes_are_within_120_characters() -> None:
    kept = [len(words(r["best"]) & words(window(distil(r["error"]), 120))) >= 0.8 * len(words(r["best"])) for r in rows()]
    assert sum(kept) / len(kept) >= 0.93


def test_corpus_groups_have_one_fingerprint_each() -> None:
    by_group, by_print = defaultdict(set), defaultdict(set)
    for row in rows():
        number = fingerprint("app", split_header(row["error"])[0].exit_code, None, scrubbed(distil(row["error"])))
        by_group[row["group"]].add(number)
        by_print[number].add(row["group"])
    assert [group for group, numbers in by_group.items() if len(numbers) > 1] == []
    assert [groups for groups in by_print.values() if len(groups) > 1] == []


@pytest.mark.parametrize(
    ("log", "line"),
    [
        # consequences after the cause
        ("src/a.c:3:1: error: 'x' undeclared\nmake: *** [Makefile:3: a.o] Error 1\nmake: *** Waiting for jobs", "src/a.c:3:1: error: 'x' undeclared"),
        # what only says where, in front of what happened
        ("[  412.119204] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=ns\n[  412.119311] Memory cgroup out of memory: Killed process 9911 (java)", "Memory cgroup out of memory: Killed process 9911 (java)"),
        # a word of failure in ordinary noise before it
        ("Setting up libgpg-error0 (1.46) ...\n0 errors, 2 warnings\nbash: line 3: jq: command not found", "bash: line 3: jq: command not found"),
        # the innermost cause counts
        ("java.lang.RuntimeException: a\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException: b\n\tat a.B.c(B.java:1)\nCaused by: java.net.ConnectException: Connection refused", "Caused by: java.net.ConnectException: Connection refused"),
        # what stands in a line of its own announces the cause under it
        ("error: failed to load source for dependency `x`\nCaused by:\n  Unable to update y\nCaused by:\n  failed to authenticate when downloading repository", "failed to authenticate when downloading repository"),
        ("  [Composer\\Downloader\\TransportException]\n  Could not authenticate against github.com", "Could not authenticate against github.com"),
        ("FAILURE: Build failed with an exception.\n* What went wrong:\n> Could not resolve all files for configuration 'x'.\n   > Could not GET 'https://a.org/b.pom'. Received status code 503 from server: Service Unavailable", "> Could not GET 'https://a.org/b.pom'. Received status code 503 from server: Service Unavailable"),
        # a task's id says nothing
        ("run_buffer: 571 Script exited with status 2\nTASK ERROR: startup for container '131' failed\nUPID:pve:0012AB34:0A1B2C3D:65C8F1E2:vzstart:131:root@pam:", "TASK ERROR: startup for container '131' failed"),
        # the final exception of a chain
        ('Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nKeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File "a.py", line 2, in <module>\nValueError: no key', "ValueError: no key"),
        # retries before the final failure
        ("WARN attempt 1: Connection refused, retrying\nWARN attempt 2: Connection refused, retrying\nERROR: database is not reachable", "ERROR: database is not reachable"),
        # no word of failure at all
        ("Creating an optimized build\nKilled", "Killed"),
        ("Preflight\n[1/2] Checking CPU\nAVX2 instructions are needed here", "AVX2 instructions are needed here"),
        # ignored failure of a small tool, then progress, then a vague but final line
        ("rm: cannot remove '/opt/x': No such file or directory\nInstalling app\n✔ Installed\n/dev/sdb1 is mounted; will not make a filesystem here!", "/dev/sdb1 is mounted; will not make a filesystem here!"),
        # overwritten by a progress bar
        ("10%\r20%\rcurl: (28) Operation timed out after 30000 milliseconds\r100%\r\n", "curl: (28) Operation timed out after 30000 milliseconds"),
        # prefixes
        ("npm ERR! code ERESOLVE\nnpm ERR! ERESOLVE could not resolve\nnpm ERR! A complete log of this run can be found in: /x", "ERESOLVE could not resolve"),
        ("Jan 12 03:14:07 box app[12]: time=2025 level=fatal msg=\"no config\" err=\"open /etc/a: permission denied\"", "no config: open /etc/a: permission denied"),
        ("\x1b[31m2025-01-11 18:34:38 0 [ERROR] InnoDB: Upgrade after a crash is not supported.\x1b[0m", "[ERROR] InnoDB: Upgrade after a crash is not supported."),
        ("Err:1 http://ftp.debian.org bookworm InRelease\n  Temporary failure resolving 'ftp.debian.org'\nE: Unable to locate package x", "Temporary failure resolving 'ftp.debian.org'"),
        ("ERROR: unable to select packages:\n  foo (no such package):\n    required by: world[foo]", "foo (no such package):"),
        ("E: Sub-process /usr/bin/dpkg returned an error code (1)", "E: Sub-process /usr/bin/dpkg returned an error code (1)"),
    ],
)  # fmt: skip
def test_cause_is_chosen(log: str, line: str) -> None:
    assert distil(HEADER + log) == line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        ("", ""),
        ("exit_code=100 | APT: Package manager error | at line 3: apt-get -y install x", "APT: Package manager error (apt-get)"),
        ("exit_code=100 | APT: Package manager error", "APT: Package manager error"),
        ("exit_code=100 APT: Package manager error at line 3: apt-get -y", "APT: Package manager error (apt-get)"),
        ("exit_code=100", ""),
        ("exit_code=6 | curl: DNS | at line 3: curl x\\n---\\ncurl: (6) Could not resolve host: a.b", "curl: (6) Could not resolve host: a.b"),
        ("curl: (6) Could not resolve host: a.b", "curl: (6) Could not resolve host: a.b"),
        ("exit_code=6 | curl: DNS | at line 3: curl x\ncurl: (6) Could not resolve host: a.b", "curl: (6) Could not resolve host: a.b"),
        ("exit_code=130 | Aborted by user (SIGINT) | at line 3: read\n---\nE: Unable to locate package x", "Aborted by user (SIGINT) (read)"),
        ("exit_code=137 | SIGKILL | at line 3: npm ci\n---\nadded 3 packages\nbuilding", "SIGKILL (npm)"),
    ],
)  # fmt: skip
def test_parts_of_an_error_text(error: str, line: str) -> None:
    assert distil(error) == line


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("apt-get install -y x", "apt-get"),
        ("PGPASSWORD=a sudo -u postgres psql", "postgres"),
        ("/usr/bin/curl -u a:b https://x", "curl"),
        ("$STD apt-get update", "apt-get"),
        ("timeout 60 npm ci", "npm"),
        ('"$(hunter2)"', "hunter2"),
        ("{ a; }", "a"),
        ("s3cr3t/../!", ""),
        ("", ""),
    ],
)
def test_program_of_a_command(command: str, program: str) -> None:
    assert program_of(command) == program


def test_the_commands_arguments_are_never_used() -> None:
    header = "exit_code=1 | General error | at line 3: mysql -u root -phunter2 <<'EOF'\nIDENTIFIED BY 'hunter2'\nEOF\n"
    assert "hunter2" not in distil(header + "---\n")
    assert "hunter2" not in distil("exit_code=1 | General error | at line 3: mysql -phunter2")
    echoed = header.partition("at line 3: ")[2].strip()
    assert "hunter2" not in distil(
        "exit_code=1 | x | at line 3: mysql -phunter2 x\n---\nerror: mysql -phunter2 x: command not found"
    ), echoed


def test_a_strong_sign_far_from_the_end_counts() -> None:
    log = "tar: x: No space left on device\n" + "some line of output\n" * 3000
    assert distil(HEADER + log) == "tar: x: No space left on device"


def test_one_line_of_a_megabyte() -> None:
    text = "x" * 500_000 + " No space left on device " + "y" * 500_000
    assert "No space left on device" in distil(HEADER + text)


@given(st.lists(st.integers(0, 900), min_size=1, max_size=40), st.sampled_from(" ,;("))
def test_pieces_of_a_long_line_hold_whole_words(lengths: list[int], gap: str) -> None:
    words = [f"b{'x' * length}e" for length in lengths]
    pieces = split_lines(gap.join(words))
    for piece in pieces:
        assert len(piece.body) <= LINE_MAX_CHARS
        assert set(piece.body.replace(gap, " ").split()) <= set(words)
    assert {word for piece in pieces for word in piece.body.replace(gap, " ").split()} == set(words)


def test_a_word_longer_than_a_piece_is_left_out() -> None:
    bodies = [line.body for line in split_lines("before " + "x" * 5000 + " after " + "y" * 1990)]
    assert "before" in bodies
    assert not any("x" in body for body in bodies)


@given(
    st.text(st.characters(codec=None), max_size=400)
    | st.lists(
        st.sampled_from(
            [
                "error: ",
                "\n",
                "---\n",
                "\x1b[31m",
                "a",
                "exit_code=1 | ",
                "at line 2: ",
                ": ",
                "Caused by:",
                "\r",
                "\\n",
                "\ud800",
                "é",
            ]
        )
    ).map("".join)
)
def test_any_text_gives_one_harmless_line(text: str) -> None:
    line = distil(text)
    assert len(line) <= LINE_MAX_CHARS
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line)
    line.encode()


@given(st.text(st.characters(codec=None), max_size=300), st.integers(1, 130))
def test_window_is_a_cut_within_the_limit(line: str, limit: int) -> None:
    kept = window(line, limit)
    assert len(kept) <= limit
    if len(line) <= limit:
        assert kept == line


@given(st.integers(0, 200), st.integers(0, 200))
def test_window_shows_the_sign_wherever_it_stands(before: int, after: int) -> None:
    line = f"{'word ' * before}tar: cannot write: No space left on device {'word ' * after}".strip()
    assert "No space left" in window(line, 120)


@given(st.integers(0, 130))
def test_window_never_cuts_a_placeholder(length: int) -> None:
    kept = window("a" * length + " error: <hostname> <ipv4>: connection refused by <user> " + "b" * 100, 120)
    assert kept.count("<") == kept.count(">")


def test_window_shows_the_end_of_a_chain_of_messages() -> None:
    chain = "docker: Error response from daemon: failed to create task for container: failed to create shim task: OCI runtime create failed: unable to start container process: error mounting proc: permission denied"
    assert window(chain, 120).endswith("error mounting proc: permission denied")


def test_window_shows_why_a_domain_was_not_validated() -> None:
    url = "http://cloud.haus-ruth.lan/.well-known/acme-challenge/3bb5ec1d5f6ea2b599166"
    kept = window(f"Detail: 10.201.220.237: Fetching {url}: Timeout during connect (likely firewall problem)", 120)
    assert kept.endswith("Timeout during connect (likely firewall problem)")


@pytest.mark.parametrize(
    "line",
    [
        'Error: pull model manifest: Get "https://registry.ollama.ai/v2/library/llama3/manifests/latest": dial tcp: lookup registry.ollama.ai on 10.1.2.3:53: server misbehaving',
        "Error: adapting config using caddyfile: parsing caddyfile tokens for 'reverse_proxy': /etc/caddy/Caddyfile:57 - Error during parsing: unrecognized subdirective upstrem",
    ],
)
def test_window_shows_the_reason_at_the_end(line: str) -> None:
    assert window(line, 120).endswith(line.rpartition(": ")[2])


def test_window_shows_what_follows_the_sign() -> None:
    line = 'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  the database system is starting up'
    assert window(line, 120).endswith("FATAL:  the database system is starting up")


def test_window_begins_where_a_reason_said_twice_is_said_first() -> None:
    line = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get x: dial unix /var/run/docker.sock: connect: permission denied"
    assert window(line, 120).startswith("permission denied while trying")


def test_window_drops_directories_before_words() -> None:
    line = "E: Failed to fetch https://download.example.org/linux/debian/dists/bookworm/pool/stable/amd64/docker-ce-cli_1.2.3_amd64.deb  404  Not Found"
    assert (
        window(line, 120) == "E: Failed to fetch https://download.example.org/.../docker-ce-cli_1.2.3_amd64.deb  404  Not Found"
    )


def test_plain_removes_escapes_in_every_notation() -> None:
    assert plain("\x1b[1;31mred\x1b[0m \\x1b[31mred\\033[0m [0;31mred[m \x1b]0;title\x07x") == "red red red x"
    assert plain("[1] [ok] a[3]") == "[1] [ok] a[3]"


@pytest.mark.parametrize(
    ("raw", "lead", "body"),
    [
        ("E: x", "", "E: x"),
        ("[12:01:07] [ERROR] x", "[ERROR] ", "x"),
        ("Jan 12 03:14:07 box systemd[1]: a.service: x", "systemd[1]: ", "a.service: x"),
        (
            "2025-03-01T10:00:00.123+01:00 box kernel: [   12.345678] Out of memory",
            "kernel: [   12.345678] ",
            "Out of memory",
        ),
        ("#9 0.456 x", "", "x"),
        ("web-1  | x", "", "x"),
        ("npm error gyp ERR! stack Error: x", "", "Error: x"),
        ("  ╰─▶ Because x", "", "Because x"),
        ('{"t":1,"s":"E","msg":"a","attr":{"error":"b"}}', "", "a: b"),
        ("2.0.2.1-3 is a version", "", "2.0.2.1-3 is a version"),
        ("2025 was a good year", "", "2025 was a good year"),
    ],
)
def test_prefixes_are_taken_off(raw: str, lead: str, body: str) -> None:
    line = parse_line(raw)
    assert (line.lead, line.body) == (lead, body)
