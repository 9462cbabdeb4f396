"""The installation neither waits nor fails because of us, and finds its shell as it left it."""

import json
import re
import subprocess
import threading
import time

import pytest
from machine import Machine, wait_until
from servers import Recorder, silent, talking_nonsense, unused_port

ALL = (
    "telemetry_consent; telemetry_start jellyfin lxc; telemetry_set os_type debian; telemetry_progress validation;"
    "telemetry_progress configuring; telemetry_fail 1 1 make /etc/passwd; telemetry_finish"
)
OPTIONS = ["-e", "-u", "-eu", "-f", "-C", "-a"]


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_options_of_the_caller(machine: Machine, option: str, answer: str) -> None:
    done = machine.consents(answer).run(f'before=$-; {ALL}; [ "$before" = "$-" ] && echo unchanged', option)
    assert (done.returncode, done.stdout, done.stderr) == (0, "unchanged\n", "")
    machine.sent(4 if answer == "yes" else 0)


def test_strictest_bash(machine: Machine) -> None:
    if machine.shell != ("bash",):
        return
    done = machine.consents().run(
        "set -Eeuo pipefail; shopt -s failglob nocasematch inherit_errexit extdebug; IFS=,; trap 'echo failed >&2' ERR;"
        f"{ALL}; telemetry_off >&2; echo $IFS unchanged"
    )
    assert (done.returncode, done.stdout) == (0, " unchanged\n")
    assert "failed" not in done.stderr


def test_traced_scripts_keep_their_trace(machine: Machine) -> None:
    done = machine.consents().run(f"set -x; {ALL}; echo over")
    assert done.returncode == 0
    assert "echo over" in done.stderr
    machine.sent(4)


def test_jobs_of_the_caller(machine: Machine) -> None:
    """`wait` waits for the caller's own job alone, and $! stays the caller's."""
    with silent() as url:
        done = machine.reports_to(url).run(f"sleep 0.1 & mine=$!; {ALL}; [ $! = $mine ] && wait && echo waited")
    assert (done.returncode, done.stdout) == (0, "waited\n")


def test_files_of_the_caller(machine: Machine) -> None:
    """Who reads the end of a pipe that the caller holds does not wait for us, and no descriptor is used or closed."""
    with silent() as url:
        high = "exec 11>&1;" if machine.shell != ("dash",) else ""  # where a script can open it
        script = f"{high} exec 3>kept 7>&1; {ALL}; echo three >&3; echo seven >&7; ls /proc/$$/fd | tr '\\n' ' '"
        begin = time.monotonic()
        done = machine.reports_to(url).run(script)
        waited = time.monotonic() - begin
    assert done.stdout.startswith("seven\n")
    assert {"0", "1", "2", "3", "7"} <= set(done.stdout.partition("\n")[2].split())
    assert (machine.root / "kept").read_text() == "three\n"
    assert waited < 10, "the pipe was held open by what sends"  # it would be for the 15 s a sending may take


def test_traps_of_the_caller(machine: Machine) -> None:
    done = machine.consents().run(
        "trap 'echo \"it'\\''s over with $?\"' EXIT; telemetry_start a lxc; telemetry_fail 4 1 x; exit 7"
    )
    assert (done.returncode, done.stdout) == (7, "it's over with 7\n")
    done = machine.run(
        "trap 'echo \"it'\\''s\nover with $?\"' EXIT; trap 'echo term; exit 9' TERM; trap '' HUP;"
        "telemetry_start a lxc; telemetry_trap; kill -HUP $$; kill -TERM $$; sleep 5"
    )
    assert (done.returncode, done.stdout) == (9, "term\nit's\nover with 9\n")
    ends = [(report["status"], report["exit_code"]) for report in machine.sent(4) if report["status"] != "installing"]
    assert sorted(ends) == [("aborted", 143), ("failed", 4)]


@pytest.mark.parametrize("option", ["-C", "-f", "-eu"])
def test_traps_of_a_caller_with_options(machine: Machine, option: str) -> None:
    done = machine.consents().run("IFS=:; trap 'echo over' EXIT; telemetry_start a lxc; telemetry_trap", option)
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")


@pytest.mark.parametrize("status", [0, 1, 42])
def test_exit_status_with_the_trap(machine: Machine, status: int) -> None:
    assert machine.consents().run(f"set -e; telemetry_start a lxc; telemetry_trap; exit {status}").returncode == status
    assert machine.run("set -e; telemetry_start a lxc; telemetry_trap; false; echo no").stdout == ""


def test_the_line_that_failed(machine: Machine) -> None:
    if machine.shell != ("bash",):
        return
    machine.consents().run(
        "set -eE\ntelemetry_start a lxc\ntelemetry_trap\ntrue\nlater() { false; }\n/bin/false --password=geheim\n"
    )
    (end,) = [report for report in machine.sent(2) if report["status"] != "installing"]
    assert end["error"] == "exit_code=1 | at line 7: false"


@pytest.mark.parametrize("unusable", ["TELEMETRY_DIR", "HOME"])
def test_nowhere_to_write(machine: Machine, unusable: str) -> None:
    blocked = machine.root / "file"
    blocked.write_text("")
    machine.consents()
    done = machine.run(ALL, "-eu", env={unusable: str(blocked / "below")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_servers_that_do_not_work(machine: Machine, server: Recorder) -> None:
    """Whatever happens at the other end, the report waits, and goes with a later run; a server that works gets all."""
    for n, status in enumerate([500, 429, 503, 301, 401], 1):
        server.status = status
        machine.consents().run("telemetry_start jellyfin lxc")
        machine.waiting(n)
    assert {path.stat().st_mode & 0o777 for path in machine.traces.glob("spool/*")} == {0o600}
    with talking_nonsense() as nonsense:
        for n, url in enumerate([f"http://127.0.0.1:{unused_port()}", "http://host.invalid", nonsense], 6):
            done = machine.reports_to(url).run("telemetry_start jellyfin lxc", "-eu")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            machine.waiting(n)
    server.status = 202
    server.requests.clear()
    machine.reports_to(server.url).run("telemetry_start jellyfin lxc; telemetry_finish")
    machine.waiting(3)
    assert len({json.loads(body)["execution_id"] for _, body in server.requests}) == 6


@pytest.mark.parametrize("url", ["no url", "telemetry.example.org", "file:///etc/passwd", "http://"])
def test_what_is_no_address_gets_nothing(machine: Machine, url: str) -> None:
    done = machine.reports_to(url).run(ALL, "-eu")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in machine.traces.iterdir()] == ["consent"]


def test_the_caller_does_not_wait_for_a_silent_server(machine: Machine) -> None:
    with silent() as url:
        begin = time.monotonic()
        machine.reports_to(url).run(ALL)
        assert time.monotonic() - begin < 4  # a sending waits for 15 s; how long we take is measured in bench/client.py
        wait_until(lambda: len(list(machine.traces.glob("spool/*.sending"))) == 4, "reports under way")


def recipient(url: str) -> str:
    """How the names of waiting reports tell for whom they are."""
    return re.sub(r"[^A-Za-z0-9.]", "_", url)


def test_the_spool_is_bounded(machine: Machine, server: Recorder) -> None:
    machine.consents()
    spool, to = machine.traces / "spool", recipient(server.url)
    spool.mkdir()
    now = int(time.time())
    for n in range(30):
        (spool / f"{now - 1000 + n}-{n:02}-installing@{to}.report").write_text("{}")
    (spool / f"{now - 8 * 86_400}-old-installing@{to}.report").write_text("{}")
    (spool / f"{now - 8 * 86_400}-old-installing@{to}.sending").write_text("{}")
    server.status = 503
    machine.run("telemetry_start jellyfin lxc")
    kept = machine.waiting(20)
    assert not [path for path in kept if "-old-" in path.name]
    assert f"{now - 1000 + 29}-29-installing@{to}.report" in [path.name for path in kept]


def test_what_lies_in_the_spool_and_is_no_report_stays_here(machine: Machine, server: Recorder) -> None:
    machine.consents()
    spool, to, now = machine.traces / "spool", recipient(server.url), int(time.time())
    secret = machine.root / "shadow"
    secret.write_text("root:geheim")
    spool.mkdir()
    (spool / f"{now}-x-installing@{to}.report").symlink_to(secret)
    (spool / f"{now - 3600}-y-installing@{to}.sending").symlink_to(secret)
    (spool / f"{now}-z-installing@{to}.report").mkdir()
    (spool / f"{now}-$(touch x)-installing@1.report").write_text("geheim")
    (spool / "a b*c.report").write_text("geheim")
    machine.run("telemetry_start jellyfin lxc")
    wait_until(lambda: len(machine.history()) == 1, "a report to be sent")
    assert [json.loads(body)["nsapp"] for _, body in server.requests] == ["jellyfin"]
    assert secret.read_text() == "root:geheim"


def test_reports_left_by_a_killed_run_are_sent(machine: Machine, server: Recorder) -> None:
    machine.consents()
    (machine.traces / "spool").mkdir()
    left = {"random_id": "0b0e5a5e-6f3b-4bb1-a0d6-1d2f8f1c1a11", "type": "lxc", "nsapp": "left", "status": "success"}
    name = f"{int(time.time()) - 3600}-x-success@{recipient(server.url)}.sending"
    (machine.traces / "spool" / name).write_text(json.dumps(left))
    machine.run("telemetry_start jellyfin lxc")
    assert "left" in {report["nsapp"] for report in machine.sent(2)}


def test_many_installers_at_once(machine: Machine, server: Recorder) -> None:
    machine.consents()
    threads = [threading.Thread(target=machine.run, args=("telemetry_start a lxc; telemetry_finish",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    machine.sent(16)
    assert len(server.requests) == 16


def test_who_switches_off_in_between_sends_nothing_more(machine: Machine) -> None:
    done = machine.consents().run("telemetry_start a lxc; sleep 1; telemetry_off; telemetry_finish")
    assert "every trace" in done.stdout.lower()
    assert not machine.traces.exists()


def test_off_leaves_files_of_others_alone(machine: Machine) -> None:
    machine.consents()
    (machine.traces / "not ours").write_text("")
    subprocess.run([*machine.command("telemetry_off")], env=machine.environment, check=True, stdin=subprocess.DEVNULL)
    assert [path.name for path in machine.traces.iterdir()] == ["not ours"]
