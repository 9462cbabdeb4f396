"""It runs as root: nobody else decides what it believes, sends, overwrites or deletes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import Machine, fields
from servers import Recorder, unused_port

from left_out import leave_out

ALL = "telemetry_consent; telemetry_start jellyfin lxc; telemetry_trap; telemetry_fail 1 1 make; telemetry_forget; telemetry_off"


def _linked(machine: Machine) -> Path:
    behind = machine.root / "behind"
    machine.traces.rename(behind)
    machine.traces.symlink_to(behind)
    return behind


def _open_to_all(machine: Machine) -> Path:
    machine.traces.chmod(0o777)
    return machine.traces


def _open_to_a_group(machine: Machine) -> Path:
    machine.traces.chmod(0o770)
    return machine.traces


def _of_somebody_else(machine: Machine) -> Path:
    if os.geteuid():
        leave_out("only root can give files away")
    os.chown(machine.traces, 65534, 65534)
    return machine.traces


@pytest.mark.parametrize("place", [_linked, _open_to_all, _open_to_a_group, _of_somebody_else])
def test_what_others_may_have_put_there_is_neither_believed_nor_touched(
    machine: Machine, server: Recorder, place: Callable[[Machine], Path]
) -> None:
    machine.consents()
    (machine.traces / "ids").write_text(f"00000000-0000-4000-8000-000000000000 {server.url}\n")
    (machine.traces / "spool").mkdir()
    (machine.traces / "spool" / "1-x.report").write_text("{}")
    kept = place(machine)
    before = sorted(kept.rglob("*"))
    done = machine.run(ALL)
    assert (done.returncode, done.stderr) == (0, "")
    machine.wait_until_quiet()
    assert server.requests == []
    assert sorted(kept.rglob("*")) == before


def test_a_place_that_is_not_fixed_is_none(machine: Machine, server: Recorder) -> None:
    machine.consents()
    machine.traces.rename(machine.root / "here")
    done = machine.run(ALL, env={"TELEMETRY_DIR": "here"})
    assert (done.returncode, done.stderr, server.requests) == (0, "", [])
    assert [path.name for path in (machine.root / "here").iterdir()] == ["consent"]


def test_off_and_no_delete_what_is_ours_alone(machine: Machine) -> None:
    """An author may have named a directory like /var, which has a spool of its own."""
    machine.consents("no")
    for name in ("spool/mail", "spool/cron.d/x", "ends/other", "ids.txt"):
        path = machine.traces / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (machine.traces / "spool" / "1-x-installing@1.report").write_text("{}")
    machine.run("telemetry_start a lxc")
    assert not list(machine.traces.glob("spool/*.report"))
    machine.run("telemetry_off", "-f")
    left = sorted(str(path.relative_to(machine.traces)) for path in machine.traces.rglob("*") if path.is_file())
    assert left == ["ends/other", "ids.txt", "spool/cron.d/x", "spool/mail"]


def test_a_yes_is_given_to_one_recipient(machine: Machine, server: Recorder) -> None:
    machine.consents()
    env = {"TELEMETRY_URL": server.url.replace("127.0.0.1", "localhost")}
    machine.run("telemetry_start a lxc; telemetry_finish", env=env)
    machine.wait_until_quiet()
    assert server.requests == []
    shown = machine.on_a_terminal("telemetry_consent", "no\n", env=env)
    assert env["TELEMETRY_URL"] in shown
    assert machine.remembered() == {server.url: ("yes", fields().split()), env["TELEMETRY_URL"]: ("no", fields().split())}
    machine.on_a_terminal("telemetry_consent", env=env)
    machine.run("telemetry_start a lxc; telemetry_finish")
    machine.sent(2)


def test_what_waits_goes_to_whom_it_was_made_for(machine: Machine, server: Recorder) -> None:
    machine.reports_to(f"http://127.0.0.1:{unused_port()}").run("telemetry_start waits lxc")
    machine.waiting(1)
    machine.reports_to(server.url).run("telemetry_start goes lxc")
    machine.sent(1, waiting=1)
    assert [json.loads(body)["nsapp"] for _, body in server.requests] == ["goes"]


@pytest.mark.parametrize("full", ["ids", "history"])
def test_a_full_disk_sends_nothing_that_could_not_be_shown_or_erased(machine: Machine, full: str) -> None:
    machine.consents()
    (machine.traces / full).symlink_to("/dev/full")
    done = machine.run("telemetry_start a lxc", "-eu")
    assert (done.returncode, done.stderr) == (0, "")
    machine.wait_until_quiet()
    assert len(list(machine.traces.glob("spool/*.report"))) == (1 if full == "history" else 0)
    (machine.traces / full).unlink()
    machine.run("telemetry_start a lxc")
    reports = machine.sent(2 if full == "history" else 1)
    ids = {line.split()[0] for line in (machine.traces / "ids").read_text().splitlines()}
    assert {report["random_id"] for report in reports} <= ids


def test_lines_of_the_history_stay_whole(machine: Machine, server: Recorder) -> None:
    (machine.root / "log").write_text("a line of a long log\n" * 1_000)
    machine.consents().run("for n in 1 2 3 4 5 6; do telemetry_start a$n lxc; telemetry_fail 1 1 make log; done")
    assert len(machine.sent(12)) == 12
    assert all(json.loads(body) for _, body in server.requests)


def test_off_while_a_report_is_under_way(machine: Machine, server: Recorder) -> None:
    server.before_answer = lambda: machine.run("telemetry_off")
    machine.consents().run("telemetry_start a lxc")
    machine.wait_until_quiet()
    assert len(server.requests) == 1
    assert not machine.traces.exists()


def test_forget_takes_up_what_one_that_was_cut_off_had_left(machine: Machine, server: Recorder) -> None:
    machine.consents()
    for n, name in enumerate(("ids", "ids.1700000000.7")):
        (machine.traces / name).write_text(f"{n} {server.url}\n")
    server.status = 503
    done = machine.run("telemetry_forget || :")
    assert "not erased, the server did not confirm it: 2" in done.stdout
    server.requests.clear()
    server.status = 202
    # An installer that reports meanwhile.
    server.before_answer = lambda: (machine.traces / "ids").write_text(f"new {server.url}\n")
    assert machine.run("telemetry_forget || :").stdout.count("erased: ") == 2
    server.before_answer = lambda: None
    assert "erased: new\n" in machine.run("telemetry_forget").stdout
    assert [path.name for path in machine.traces.iterdir()] == ["consent"]
