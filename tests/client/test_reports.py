"""What is sent: correct JSON whatever comes along, one terminal status, ids, a bounded clean text."""

import json
import os
import shutil
import socket
import subprocess
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import CLIENT, INSTALLED, SHELLS, Machine, wait_until
from servers import Recorder

from left_out import leave_out

LOG = "install.log"
FAIL = f"telemetry_start jellyfin lxc; telemetry_fail 100 12 'apt-get install x' {LOG}"
NASTY = [
    b'E: "quoted" \\ back\\slash \\n \\u0041 $HOME `id` $(id) %s %d\n',
    b"\x1b[31mred\x1b[0m \x1b]0;title\x07 tab\there bell\x07 nul\x00 del\x7f\n",
    b"\xff\xfe\xc3\x28 invalid \xed\xa0\x80 caf\xc3\xa9 \xe2\x80\x98quoted\xe2\x80\x99\n",
    b"progress 1%\rprogress 100%\r\nwindows line\r\n",
    b"no newline at the end",
    b"",
    b"\n\n\n",
    b"x" * 1_000_000,
    b"word " * 200_000,
    b"".join(b"line %d of a long log\n" % n for n in range(50_000)),
]


def failed(machine: Machine, log: bytes, script: str = FAIL, **env: str) -> str:
    """The error text that a failure with this log sends."""
    (machine.root / LOG).write_bytes(log)
    before = len(machine.history())
    machine.run(script, env=env)
    reports = machine.sent(before + 2)[before:]
    return str(next(report["error"] for report in reports if report["status"] != "installing"))


@pytest.mark.parametrize("log", NASTY, ids=lambda log: repr(log[:20]))
def test_any_log_makes_json_within_bounds(machine: Machine, server: Recorder, log: bytes) -> None:
    error = failed(machine.consents(), log)
    assert error.startswith("exit_code=100 | at line 12: apt-get")
    assert len(error.encode()) <= 4096
    assert error.isascii()
    for _, body in server.requests:
        json.loads(body)


@settings(max_examples=60)
@given(log=st.binary(max_size=400))
def test_preview_is_json_for_any_bytes(tmp_path_factory: pytest.TempPathFactory, log: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(log)
    shell = SHELLS[INSTALLED[len(log) % len(INSTALLED)]]
    command = [*shell, str(CLIENT), "preview", "failed", "1", "2", "make", str(path)]
    shown = subprocess.run(command, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}).stdout
    assert json.loads(shown.decode("ascii", "strict"))["status"] == "failed"


def test_the_end_of_the_log_is_sent_in_whole_lines(machine: Machine) -> None:
    lines = [f"step {n} of the installation" for n in range(2_000)]
    error = failed(machine.consents(), "\n".join(lines).encode())
    sent = error.partition("\n---\n")[2].split("\n")
    assert len(sent) > 100
    assert sent == lines[-len(sent) :]


def test_colours_and_typographic_quotes(machine: Machine) -> None:
    error = failed(machine.consents(), b"\x1b[1;31mE:\x1b[0m can\xe2\x80\x99t open \xe2\x80\x9cx\xe2\x80\x9d caf\xc3\xa9\n")
    assert error.partition("\n---\n")[2] == 'E: can\'t open "x" caf??'


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("PGPASSWORD=geheim sudo -u x /usr/bin/psql -c 'ALTER USER'", "psql"),
        ("curl -u admin:geheim https://x", "curl"),
        ("'geheim'", ""),
        ("$(geheim)", ""),
        ("verborgen --all", "<secret>"),
        ("", ""),
    ],
)
def test_of_the_command_only_the_program(machine: Machine, command: str, program: str) -> None:
    (machine.root / "command").write_text(command)
    error = failed(
        machine.consents(), b"it failed\n", f'telemetry_start jellyfin lxc; telemetry_fail 1 7 "$(cat command)" {LOG}',
        TELEMETRY_SECRETS="SECRET", SECRET="verborgen",
    )  # fmt: skip
    assert error == f"exit_code=1 | at line 7: {program}\n---\nit failed"
    assert "geheim" not in (machine.traces / "history").read_text()


def test_names_of_this_machine_do_not_leave_it(machine: Machine, tmp_path: Path) -> None:
    host = socket.gethostname()
    log = f"""root@{host}:~# mount
connect to {host.upper()} failed, {host}.lan too, not {host}x
token geheim-1234 and s3cr in one line, geheim-1234
second line of it: -----KEY-----
CT 4711 of /var/lib/lxc/4711/rootfs and vm-4711-disk-0 but 4711 MB
address 127.0.0.1 stays
""".encode()
    error = failed(
        machine.consents(), log,
        f"PASSWORD=geheim-1234; SHORT=s3cr; KEY='first line\n-----KEY-----'; {FAIL}",
        TELEMETRY_SECRETS="PASSWORD SHORT KEY undefined rm;id", TELEMETRY_CTID="4711",
    )  # fmt: skip
    assert "geheim" not in error
    assert "s3cr" not in error
    assert "-----KEY-----" not in error
    assert "root@<host>:~#" in error
    assert f"<host>.lan too, not {host}x" in error
    assert "CT <id> of /var/lib/lxc/<id>/rootfs and vm-<id>-disk-0" in error
    assert "address 127.0.0.1 stays" in error
    assert "geheim" not in (machine.traces / "history").read_text()


def test_secrets_of_any_characters(machine: Machine) -> None:
    error = failed(
        machine.consents(), "first gehéim-ü 1, tab\there, don’t tell, C:\\new%s*.[x]\n".encode(), FAIL,
        TELEMETRY_SECRETS="A B C D", A="gehéim-ü", B="tab\there", C="don’t tell", D="C:\\new%s*.[x]",
    )  # fmt: skip
    assert error.partition("\n---\n")[2] == "first <secret> 1, <secret>, <secret>, <secret>"


def test_who_is_known_by_a_directory_service_alone(machine: Machine) -> None:
    error = failed(machine.consents(), b"/home/mmeier/x of jdoe\n", SUDO_USER="mmeier", USER="jdoe", LOGNAME="root")
    assert error.partition("\n---\n")[2] == "/home/<user>/x of <user>"


def test_names_in_files_of_the_system(machine: Machine) -> None:
    """The domain is in hosts or resolv.conf, addresses in /proc where there is no `ip`. One that anybody has names nobody."""
    if subprocess.run(["unshare", "-rmn", "true"], capture_output=True).returncode:
        leave_out("no namespaces of its own")
    etc = {
        "hosts": "127.0.0.1 localhost\n192.0.2.7 KISTE.firma.example kiste # of ours\n",
        "resolv.conf": "search intern.firma.example lan\n",
        "hostname": "kiste\n",
    }
    for name, text in etc.items():
        (machine.root / name).write_text(text)
    (machine.root / "bin").mkdir()
    for name, text in {"uname": "case $1 in -n) echo kiste ;; *) echo x86_64 ;; esac", "ip": "exit 127"}.items():
        (machine.root / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (machine.root / "bin" / name).chmod(0o755)
    log = machine.root / LOG
    log.write_text(
        "kiste.firma.example mail.firma.example x.intern.firma.example kiste.lan /usr/lan "
        "10.9.8.7 fd00:9::7 10.9.8.70 127.0.0.1\n"
    )
    links = "ip link set lo up; ip address add 10.9.8.7/24 dev lo; ip address add fd00:9::7/64 dev lo nodad; "
    mounts = "".join(f"mount --bind {machine.root}/{name} /etc/{name}; " for name in etc)
    preview = " ".join([*machine.shell, str(CLIENT), "preview", "failed", "1", "2", "make", str(log)])
    path = f"{machine.root}/bin:{machine.environment['PATH']}"
    done = subprocess.run(
        ["unshare", "-rmn", "sh", "-ec", f"{links}{mounts} PATH={path}; {preview}"],
        env=machine.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["error"].partition("\n---\n")[2] == (
        "<host> mail.<domain> x.<domain> <host>.<domain> /usr/lan <ipv4> <ipv6> 10.9.8.70 127.0.0.1"
    )


def test_addresses_and_users_of_this_machine(machine: Machine) -> None:
    fake = machine.root / "bin"
    fake.mkdir()
    (fake / "ip").write_text(
        "#!/bin/sh\necho '2: vmbr0    inet 192.168.7.23/24 brd 192.168.7.255 scope global vmbr0'\n"
        "echo '2: vmbr0    inet6 2001:db8:7::23/64 scope global'\n"
    )
    (fake / "ip").chmod(0o755)
    macs = [path.read_text().strip() for path in Path("/sys/class/net").glob("*/address")]
    mac = next((mac for mac in macs if not mac.startswith("00:00:00")), None)
    log = f"bind 192.168.7.23:80, [2001:db8:7::23]:443, 192.168.7.231 and {mac} {str(mac).upper().replace(':', '-')}\n"
    error = failed(machine.consents(), log.encode(), PATH=f"{fake}:{os.environ['PATH']}")
    assert "bind <ipv4>:80, [<ipv6>]:443, 192.168.7.231" in error
    if mac:
        assert error.count("<mac>") == 2


@pytest.mark.parametrize(
    ("ending", "status", "code"),
    [
        ("telemetry_finish; telemetry_fail 1 1 x; telemetry_finish", "success", 0),
        ("telemetry_fail 7 1 x; telemetry_finish; telemetry_fail 8 1 x", "failed", 7),
        ("(telemetry_fail 7 1 x); telemetry_fail 8 1 x; telemetry_finish", "failed", 7),
        ("telemetry_fail 130 1 x", "aborted", 130),
        ("telemetry_fail 143 1 x", "aborted", 143),
        ("telemetry_fail 129 1 x", "aborted", 129),
        ("telemetry_fail 137 1 x", "failed", 137),
        ("telemetry_trap; exit 0", "success", 0),
        ("telemetry_trap; exit 3", "failed", 3),
        ("telemetry_trap; telemetry_fail 9 1 x; exit 3", "failed", 9),
        ("telemetry_trap; kill -INT $$; sleep 1", "aborted", 130),
        ("telemetry_trap; kill -TERM $$; sleep 1", "aborted", 143),
        ("telemetry_trap; kill -HUP $$; sleep 1", "aborted", 129),
        ("telemetry_trap; (exit 0); true", "success", 0),
        ("set -e; telemetry_trap; false; true", "failed", 1),
    ],
)
def test_exactly_one_end(machine: Machine, ending: str, status: str, code: int) -> None:
    machine.consents().run(f"telemetry_start jellyfin lxc; {ending}")
    reports = machine.sent(2)
    assert [(report["status"], report["exit_code"]) for report in reports if report["status"] != "installing"] == [(status, code)]


@pytest.mark.parametrize("code", ["x", "007", "-1", "1000", "''"])
def test_a_code_that_is_none(machine: Machine, code: str) -> None:
    machine.consents().run(f"telemetry_start jellyfin lxc; telemetry_fail {code} 1 y")
    (end,) = [report for report in machine.sent(2) if report["status"] == "failed"]
    assert "exit_code" not in end


def test_ids(machine: Machine) -> None:
    machine.consents().run(
        "telemetry_start a lxc; telemetry_fail 1 1 x; telemetry_start a lxc; telemetry_finish;"
        "telemetry_start b lxc; telemetry_finish"
    )
    reports = machine.sent(6)
    by_execution: dict[str, set[tuple[str, str]]] = {}
    for report in reports:
        assert uuid.UUID(report["random_id"]) != uuid.UUID(report["execution_id"])
        by_execution.setdefault(report["execution_id"], set()).add((report["random_id"], report["nsapp"]))
    assert len(by_execution) == 3
    persons = [person for people in by_execution.values() for person in people]
    assert len({person for person in persons if person[1] == "a"}) == 1
    assert len({random_id for random_id, _ in persons}) == 2


def test_what_is_set(machine: Machine) -> None:
    machine.consents().run(
        "telemetry_set os_type early; telemetry_start jellyfin lxc; telemetry_set os_type debian; telemetry_set os_version 12;"
        "telemetry_set disk_size 32G; telemetry_set ram_size 2048; telemetry_set core_count x; telemetry_set os_type alpine;"
        """telemetry_set shoe_size 44; telemetry_set method 'a","b":"c'; telemetry_set status failed;"""
        "telemetry_set arch riscv64; telemetry_set ct_type 01; telemetry_set; telemetry_set gpu_vendor;"
        "telemetry_progress validation; telemetry_progress lunch"
    )
    report = next(report for report in machine.sent(2) if report["status"] == "validation")
    known = {
        name: value
        for name, value in report.items()
        if name not in ("random_id", "execution_id", "cpu_vendor", "gpu_vendor", "platform")
    }
    assert known == {
        "type": "lxc", "nsapp": "jellyfin", "status": "validation", "os_type": "alpine", "os_version": "12",
        "disk_size": 32, "ram_size": 2048, "arch": "riscv64",
    }  # fmt: skip


def test_wget_where_there_is_no_curl(machine: Machine, server: Recorder) -> None:
    """The wget of GNU, then the one of busybox."""
    programs = machine.root / "bin"
    programs.mkdir()
    for directory in os.environ["PATH"].split(":"):
        for program in Path(directory).glob("*"):
            if program.name != "curl" and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    machine.consents().run("telemetry_start jellyfin lxc; telemetry_finish", env={"PATH": str(programs)})
    machine.sent(2)
    (programs / "wget").unlink()
    (programs / "wget").write_text('#!/bin/sh\nexec busybox wget "$@"\n')
    (programs / "wget").chmod(0o755)
    machine.run("telemetry_start jellyfin lxc; telemetry_finish", env={"PATH": str(programs)})
    machine.sent(4)
    (programs / "wget").unlink()
    (programs / "wget").symlink_to(str(shutil.which("wget")))
    (machine.root / ".wgetrc").write_text("nonsense = 1\n")  # settings of the administrator are for the administrator
    server.status, server.location = 307, f"{server.url}/elsewhere"
    machine.run("telemetry_start jellyfin lxc", env={"PATH": str(programs)})
    machine.waiting(1)
    assert {path for path, _ in server.requests} == {"/telemetry"}
    server.status = 202
    machine.run("telemetry_start jellyfin lxc", env={"PATH": str(programs)})
    machine.sent(6)
    server.status = 400
    machine.run("telemetry_start jellyfin lxc", env={"PATH": str(programs)})
    wait_until(lambda: [outcome for outcome, _ in machine.history()].count("refused") == 1, "a report to be refused")
    server.status = 503
    machine.run("telemetry_start jellyfin lxc", env={"PATH": str(programs)})
    machine.waiting(1)
    assert all(json.loads(body) for _, body in server.requests)


def test_a_token_is_sent_and_never_seen(machine: Machine, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    machine.consents()
    command = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=execve",
        "-s",
        "500",
        "-o",
        str(trace),
        *machine.command("telemetry_start a lxc"),
    ]
    env = machine.environment | {"TELEMETRY_TOKEN": "geheim"}
    subprocess.run(command, env=env, cwd=machine.root, check=True, stdin=subprocess.DEVNULL)
    machine.sent(1)
    assert "curl" in trace.read_text()
    assert "geheim" not in trace.read_text()
