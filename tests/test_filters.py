"""The commands that clean text from standard input, each in a process of its own."""

import json
import os
import select
import subprocess
import sys
from typing import Any

import pytest

CANARY = "katzenhaus"
FAILED = (
    f"exit_code=100 | APT failed | at line 7: apt-get install x\n---\nE: Unable to locate package libssl1.1\nroot@{CANARY}:~#"
)
COMMAND = [sys.executable, "-W", "error", "-c", "from telemetry_service.cli import main; main()"]


def environment(**environ: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8", **environ}


def run(*arguments: str, stdin: bytes, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*COMMAND, *arguments], input=stdin, capture_output=True, timeout=60, check=False, env=environment(**environ)
    )


def rows(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_text_is_scrubbed_as_a_whole() -> None:
    done = run("scrub", stdin=f"root@{CANARY}:~# ping\n{CANARY} is at 10.1.2.3 \xff\n".encode("latin-1"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "root@<host>:~# ping\n<host> is at <ipv4> �\n"


def test_the_gate_comes_after_the_rules_and_only_when_asked_for() -> None:
    line = b"package zqblorx of 10.1.2.3 is broken"
    assert b"zqblorx" in run("scrub", stdin=line).stdout
    assert run("scrub", "--gate", stdin=line).stdout == b"package <x> of <ipv4> is broken"


def test_hosts_of_the_setting_stay() -> None:
    line = b"Could not resolve host: mirror.heim.lan"
    assert run("scrub", stdin=line, PUBLIC_HOSTS="heim.lan").stdout == line
    assert b"<host>" in run("scrub", stdin=line).stdout


def test_texts_as_json_lines_with_the_rules_that_fired() -> None:
    stdin = json.dumps({"text": "peer 10.1.2.3\nis gone …", "keep": ["peer"]}) + "\n\n" + json.dumps({"text": "all good"})
    done = run("scrub", "--jsonl", stdin=stdin.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert rows(done.stdout) == [
        {"text": "peer <ipv4>\nis gone …", "rules": ["ipv4"]},
        {"text": "all good", "rules": []},
    ]


@pytest.mark.parametrize(("command", "key"), [("scrub", "text"), ("distil", "error")])
def test_a_bad_line_is_named_by_its_number_and_the_rest_is_done(command: str, key: str) -> None:
    bad = [f'{{"{key}": "{CANARY}', f'["{CANARY}"]', f'{{"other": "{CANARY}"}}', f'{{"{key}": 7}}', "[" * 5000, "\xff"]
    good = [json.dumps({key: "No space left on device"}), json.dumps({key: "lone \ud800"})]
    done = run(command, "--jsonl", stdin="\n".join([good[0], *bad, good[1]]).encode("latin-1"))
    assert done.returncode == 1
    assert len(rows(done.stdout)) == 2
    said = done.stderr.decode().splitlines()
    assert [line.partition(": not")[0] for line in said] == [f"telemetry-service: line {number}" for number in range(2, 8)]
    assert CANARY not in done.stderr.decode() + done.stdout.decode()


def test_an_answer_comes_before_the_next_line_is_read() -> None:
    with subprocess.Popen(
        [*COMMAND, "scrub", "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(json.dumps({"text": f"{number} at 10.1.2.3"}).encode() + b"\n")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 60)[0]
            assert json.loads(process.stdout.readline())["text"] == f"{number} at <ipv4>"


def test_a_log_becomes_the_line_that_would_be_stored() -> None:
    done = run("distil", stdin=FAILED.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"E: Unable to locate package libssl1.1\n", b"")
    assert len(run("distil", stdin=FAILED.encode(), ERROR_MAX_CHARS="20").stdout) <= 21


def test_errors_as_json_lines_with_the_fingerprint_of_their_cause() -> None:
    same = FAILED.replace("libssl1.1", "libssl1.2").replace("line 7", "line 90")
    other = FAILED.replace("exit_code=100", "exit_code=1")
    stdin = "\n".join(json.dumps({"error": error}) for error in (FAILED, same, other, "exit_code=137 | x", ""))
    done = run("distil", "--jsonl", stdin=stdin.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    answers = rows(done.stdout)
    assert [set(answer) for answer in answers] == [{"error", "fingerprint"}] * 5
    first, second, third = (answer["fingerprint"] for answer in answers[:3])
    assert len(first) == 16
    assert int(first, 16) > 0
    assert first == second != third
    assert "libssl" in answers[0]["error"]
