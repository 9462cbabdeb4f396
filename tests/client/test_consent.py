"""Nothing before an explicit yes."""

import re
import subprocess

import pytest
from machine import CLIENT, Machine, fields
from servers import Recorder

from telemetry_service.core.fields import FIELDS, Record

REPORT_ALL = "telemetry_consent; telemetry_start jellyfin lxc; telemetry_trap; telemetry_progress validation; telemetry_finish"
CHANGES = "openat,open,creat,mkdir,mkdirat,rename,renameat2,unlink,unlinkat"
NOT_OPTIONAL = [field for field in FIELDS if field.record is not Record.OPTIONAL]


@pytest.mark.parametrize(
    "off",
    [
        {"DO_NOT_TRACK": "1"},
        {"DIAGNOSTICS": "no"},
        {"stored": "no"},
        {"stored": ""},
        {"diagnostics": "DIAGNOSTICS=no\n# a comment\n"},
        {"diagnostics": 'DIAGNOSTICS="no"'},
        {"diagnostics": "  export DIAGNOSTICS=No\r\n"},
        {"stored": "", "diagnostics": "DIAGNOSTICS=yes\n"},
        {"TELEMETRY_URL": ""},
    ],
    ids=str,
)
def test_off_means_off(machine: Machine, server: Recorder, off: dict[str, str]) -> None:
    if off.get("stored", "yes"):
        machine.consents(off.get("stored", "yes"))
    if "diagnostics" in off:
        (machine.root / "diagnostics").write_text(off["diagnostics"])
    before = sorted(machine.root.rglob("*"))
    env = machine.environment | {name: value for name, value in off.items() if name.isupper()}
    trace = subprocess.run(
        ["strace", "-f", "-qq", "-e", f"trace=network,{CHANGES}", *machine.command(REPORT_ALL)],
        env=env, cwd=machine.root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert trace.stdout == ""
    written = [
        line for line in trace.stderr.splitlines() if re.search(r"O_WRONLY|O_RDWR|O_CREAT|creat\(|mkdir|rename|unlink", line)
    ]
    assert [line for line in written if '"/dev/' not in line] == []
    assert "AF_INET" not in trace.stderr
    assert sorted(machine.root.rglob("*")) == before
    assert server.requests == []


def test_a_yes_lets_reports_through(machine: Machine, server: Recorder) -> None:
    assert machine.consents().run(REPORT_ALL).returncode == 0
    assert {report["status"] for report in machine.sent(3)} == {"installing", "validation", "success"}
    assert {path for path, _ in server.requests} == {"/telemetry"}


@pytest.mark.parametrize(("trusted", "sent"), [("yes", 2), ("", 0), ("no", 0)])
def test_a_yes_to_a_shorter_list_counts_only_if_the_author_says_so(machine: Machine, trusted: str, sent: int) -> None:
    (machine.root / "diagnostics").write_text("DIAGNOSTICS=yes\n")
    machine.run("telemetry_start jellyfin lxc; telemetry_finish", env={"TELEMETRY_TRUST_DIAGNOSTICS": trusted})
    assert len(machine.sent(sent)) == sent
    assert machine.traces.exists() == bool(sent)


def test_no_terminal_and_unattended_runs_are_no_answer(machine: Machine) -> None:
    assert machine.run("telemetry_consent").stdout == ""
    for unattended in ("CI", "TELEMETRY_UNATTENDED"):
        assert machine.on_a_terminal("telemetry_consent; echo over", env={unattended: "1"}).strip() == "over"
    assert not machine.traces.exists()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (["yes\n"], "yes"),
        (["no\n"], "no"),
        (["n\n"], "no"),
        (["perhaps\n", "YES\n"], "yes"),
        (["y\n", "\n", "sure\n"], None),
        (["\n", "\n", "\n"], None),
        (["\x04"], None),
    ],
    ids=str,
)
def test_the_question(machine: Machine, typed: list[str], answer: str | None) -> None:
    shown = machine.on_a_terminal("set -eu; telemetry_consent; echo the installation goes on", *typed)
    assert "the installation goes on" in shown
    for field in NOT_OPTIONAL:
        assert f"{field.name}: {field.description} ({field.purpose.partition(':')[0]})" in shown
    assert machine.environment["TELEMETRY_URL"] in shown
    assert machine.answered() == answer
    if answer:
        assert machine.remembered()[machine.environment["TELEMETRY_URL"]][1] == [field.name for field in NOT_OPTIONAL]
        assert (machine.traces / "consent").stat().st_mode & 0o777 == 0o600
        assert "Send these reports" not in machine.on_a_terminal("telemetry_consent")


READ = {"whiptail": ["\t", "\r"], "dialog": ["\r"]}  # keys that leave the text for the choice
CHOOSE, DOWN, PRESS, CANCEL = " ", "\x1bOB", "press", "\x1b"
PRESSES = {"whiptail": "\t\r", "dialog": "\r"}


@pytest.mark.parametrize("program", ["whiptail", "dialog"])
@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ([CHOOSE, PRESS], "yes"),
        ([DOWN, CHOOSE, PRESS], "no"),
        ([CANCEL], None),
        ([PRESS, PRESS, PRESS], None),
        ([PRESS, CHOOSE, PRESS], "yes"),
    ],
    ids=["yes", "no", "cancelled", "nothing chosen", "chosen at last"],
)
def test_the_question_in_a_box(machine: Machine, program: str, keys: list[str], answer: str | None) -> None:
    bin_directory = machine.root / "bin"
    bin_directory.mkdir()
    for name in (program, "cat", "find", "grep", "mkdir", "mv", "rm", "busybox", "dash", "bash"):
        found = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True, check=True).stdout.strip()
        (bin_directory / name).symlink_to(found)
    shown = machine.on_a_terminal(
        "set -eu; telemetry_consent; echo the installation goes on",
        *READ[program],
        *(PRESSES[program] if key == PRESS else key for key in keys),
        env={"TERM": "xterm", "PATH": str(bin_directory)},
    )
    assert "the installation goes on" in shown
    assert machine.answered() == answer


def test_new_fields_ask_again_and_removed_ones_do_not(machine: Machine) -> None:
    names = fields().split()
    machine.consents(to=" ".join(names[:-1]))
    machine.run("telemetry_start jellyfin lxc; telemetry_finish")
    assert machine.history() == []
    assert "Send these reports" in machine.on_a_terminal("telemetry_consent", "yes\n")
    machine.consents(to=" ".join([*names, "shoe_size"]))
    assert "Send these reports" not in machine.on_a_terminal("telemetry_consent")
    machine.run("telemetry_start jellyfin lxc; telemetry_finish")
    machine.sent(2)


def test_a_no_deletes_what_waits(machine: Machine, server: Recorder) -> None:
    server.status = 503
    machine.consents().run("telemetry_start jellyfin lxc")
    machine.waiting(1)
    (machine.traces / "consent").unlink()
    machine.on_a_terminal("telemetry_consent", "no\n")
    assert not (machine.traces / "spool").exists()


def test_an_administrator_can_answer_anew(machine: Machine, server: Recorder) -> None:
    ask = f"{' '.join(machine.shell)} {CLIENT} consent"
    machine.consents("yes")
    assert f"Reports to {server.url}: no" in machine.on_a_terminal(ask, "no\n")
    assert machine.answered() == "no"
    assert f"Reports to {server.url}: yes" in machine.on_a_terminal(ask, "yes\n")
    assert f"Reports to {server.url}: yes" in machine.on_a_terminal(ask, "\x04")
    assert f"Reports to {server.url}: no" in machine.on_a_terminal(ask, "yes\n", env={"DO_NOT_TRACK": "1"})
    machine.traces.chmod(0o777)
    assert "closed to others" in machine.on_a_terminal(ask)
    assert "Who is asking?" in machine.on_a_terminal(ask, env={"TELEMETRY_URL": ""})


def test_sourcing_does_nothing(machine: Machine) -> None:
    done = machine.run(":")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not machine.traces.exists()


def test_shellcheck_finds_nothing() -> None:
    assert subprocess.run(["shellcheck", "-s", "sh", str(CLIENT)], capture_output=True, text=True).stdout == ""
