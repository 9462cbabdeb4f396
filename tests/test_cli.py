"""The commands: help that is the manual, and a real process for each that does something."""

import json
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from command_names import all_commands
from telemetry_service.bootstrap.assembly import open_store
from telemetry_service.bootstrap.upkeep import existing_store
from telemetry_service.cli import app
from telemetry_service.core.fields import FIELDS, STATUSES
from telemetry_service.settings import SETTINGS, from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.store import store
from telemetry_service.store.database import connect, migrate
from telemetry_service.store.directory import held, identities
from telemetry_service.store.revisions import note_revision
from telemetry_service.store.store import Store, StoreOptions

COMMANDS = all_commands()
RANDOM_ID = "5f0c3b8e-9c1d-4e7a-8b2f-1d2c3b4a5f60"
GOOD = {"random_id": RANDOM_ID, "type": "lxc", "nsapp": "Jellyfin", "status": "failed", "exit_code": "7"}
CANARY = "<canary@9f3a>"


def run(*arguments: str, directory: Path, stdin: str = "", **environ: str) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, in an environment with nothing of ours."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", "from telemetry_service.cli import main; main()", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "DATA_DIR": str(directory / "data"),
            "COLUMNS": "300",
            "LC_ALL": "C.UTF-8",
            **environ,
        },
    )


def preview(directory: Path, payload: dict[str, Any] | str, **environ: str) -> tuple[dict[str, Any], int]:
    body = payload if isinstance(payload, str) else json.dumps(payload)
    done = run("preview", directory=directory, stdin=body, **environ)
    assert done.stderr == ""
    return json.loads(done.stdout), done.returncode


class TestHelp:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_every_command_and_option_is_explained(self, name: str) -> None:
        command = COMMANDS[name]
        assert len(command.help) > 40
        assert [parameter.name for parameter in command.params if not (parameter.name == "help" or parameter.help)] == []

    @pytest.mark.parametrize("command", ["", "token", "import", "export", "mirror", *COMMANDS])
    def test_help_answers(self, command: str) -> None:
        result = CliRunner().invoke(app, [*command.split(), "--help"])
        assert result.exit_code == 0
        assert len(result.output) > 200

    def test_help_flows_in_the_width_there_is(self) -> None:
        shown = CliRunner(env={"COLUMNS": "60"}).invoke(app, ["scrub", "--help"]).output
        lines = shown.partition("Reads standard input")[2].partition("With --jsonl")[0].rstrip().splitlines()
        assert len(lines) > 4
        assert min(len(line.strip()) for line in lines[1:-1]) > 45  # no line ends where one of the source does


class TestRecord:
    @pytest.mark.parametrize(("form", "begins"), [("md", "# Record of"), ("json", "{\n"), ("html", "<!doctype html>")])
    def test_in_three_forms_without_data(self, tmp_path: Path, form: str, begins: str) -> None:
        environ = {"DATA_DIR": str(tmp_path / "data"), "RETENTION_DAYS": "91"}
        result = CliRunner(env=environ).invoke(app, ["record", "--format", form])
        assert (result.exit_code, list(tmp_path.iterdir())) == (0, [])
        assert result.output.startswith(begins)
        assert "91 days" in result.output

    def test_the_history_of_a_directory(self, tmp_path: Path) -> None:
        connection = connect(tmp_path / store.FILE_NAME)
        migrate(connection, "store", 0)
        note_revision(connection, in_force(from_environ({})), "0.1.0", 0)
        connection.close()
        result = CliRunner(env={"DATA_DIR": str(tmp_path)}).invoke(app, ["record"])
        assert "| 1970-01-01 | 1 | 0.1.0 | first record of this service |" in result.output


class TestPreview:
    def test_a_good_payload(self, tmp_path: Path) -> None:
        shown, status = preview(tmp_path, GOOD | {"disk_size": "32G", "os_type": "windows", "hostname": CANARY})
        assert status == 0
        assert shown["dropped"] == {"os_type": "not in the list of values; kept as other"}
        received_at = shown["stored"].pop("received_at")
        assert len(shown["stored"].pop("fingerprint")) == 16
        assert received_at.endswith("Z")
        assert shown["stored"] == {
            "random_id": RANDOM_ID,
            "type": "lxc",
            "nsapp": "jellyfin",
            "status": "failed",
            "exit_code": 7,
            "error": "curl: connection refused or host unreachable",
            "error_category": "network",
            "disk_size": 32,
            "os_type": "other",
        }

    def test_a_broken_payload_is_repaired(self, tmp_path: Path) -> None:
        body = json.dumps(GOOD)[:-1] + ', "disk_size": 32G, "error": "say "hi" \n", }'
        shown, status = preview(tmp_path, body)
        assert (status, shown["stored"]["disk_size"], shown["dropped"]) == (0, 32, {})

    @pytest.mark.parametrize(
        ("payload", "refused"),
        [
            ("", "body: must be a JSON object"),
            ("[]", "body: must be a JSON object"),
            ({"random_id": RANDOM_ID, "type": "lxc", "nsapp": "a"}, "status: missing"),
            ({**GOOD, "nsapp": CANARY}, "nsapp: not a usable name"),
        ],
    )
    def test_a_bad_payload(self, tmp_path: Path, payload: Any, refused: str) -> None:
        assert preview(tmp_path, payload) == ({"refused": refused}, 1)

    def test_the_settings_count(self, tmp_path: Path) -> None:
        payload = GOOD | {"cpu_model": "i5-8500T"}
        assert "cpu_model" in preview(tmp_path, payload)[0]["dropped"]
        assert preview(tmp_path, payload, EXTENDED_FIELDS="cpu_model")[0]["stored"]["cpu_model"] == "i5-8500T"

    def test_it_stores_nothing(self, tmp_path: Path) -> None:
        preview(tmp_path, GOOD)
        assert list(tmp_path.iterdir()) == []


class TestLists:
    def test_fields_lists_every_field(self, tmp_path: Path) -> None:
        done = run("fields", directory=tmp_path)
        assert done.returncode == 0
        words = set(done.stdout.replace("│", " ").split())
        assert {field.name for field in FIELDS} <= words

    def test_fields_as_json(self, tmp_path: Path) -> None:
        done = run("fields", "--json", directory=tmp_path)
        assert [field["name"] for field in json.loads(done.stdout)] == [field.name for field in FIELDS]

    def test_settings_lists_every_setting_with_its_default(self, tmp_path: Path) -> None:
        lines = run("settings", directory=tmp_path).stdout.splitlines()
        assert {f"{setting.name}={setting.default}" for setting in SETTINGS} <= set(lines)


class TestToken:
    def test_the_secret_stands_alone_in_the_last_line(self, tmp_path: Path) -> None:
        done = run("token", "create", "--scope", "read", "--name", "dashboard", directory=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        secret = done.stdout.splitlines()[-1]
        assert secret.startswith("tel_")
        assert " " not in secret
        data = tmp_path / "data"
        for path in data.iterdir():
            assert secret.encode() not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
        with sqlite3.connect(data / store.FILE_NAME) as connection:
            assert connection.execute("SELECT name, scope FROM token").fetchall() == [("dashboard", "read")]
        connection.close()

    def test_a_name_that_is_taken_and_a_scope_that_is_none(self, tmp_path: Path) -> None:
        arguments = ("token", "create", "--scope", "read", "--name", "dashboard")
        assert run(*arguments, directory=tmp_path).returncode == 0
        second = run(*arguments, directory=tmp_path)
        assert second.returncode == 2
        assert "choose another name" in second.stderr
        third = run("token", "create", "--scope", "root", "--name", "x", directory=tmp_path)
        assert third.returncode == 2
        assert "ingest, read, admin" in third.stderr


class TestErrors:
    def test_bad_settings_are_listed_without_a_traceback(self, tmp_path: Path) -> None:
        done = run("serve", directory=tmp_path, LISTEN_ADDR=CANARY, RETENTION_DAYS=CANARY)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "telemetry-service: these settings cannot be used:",
            "  LISTEN_ADDR must be HOST:PORT or :PORT, with a port from 0 to 65535",
            "  RETENTION_DAYS must be a whole number from 1 to 36500",
        ]

    def test_an_address_that_is_taken_or_not_ours(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("serve", directory=tmp_path, LISTEN_ADDR=f"127.0.0.1:{port}")
        said = f"cannot listen on 127.0.0.1, port {port} (Address already in use); set LISTEN_ADDR to another address"
        assert (done.returncode, done.stderr) == (1, f"telemetry-service: {said}\n")
        done = run("serve", directory=tmp_path, LISTEN_ADDR="192.0.2.1:0")
        assert "cannot listen on 192.0.2.1, port 0 (Cannot assign requested address)" in done.stderr

    def test_a_lost_key_is_explained_and_can_be_accepted(self, tmp_path: Path) -> None:
        assert (
            run("token", "create", "--scope", "read", "--name", "a", directory=tmp_path, DATA_DIR=str(tmp_path)).returncode == 0
        )
        (tmp_path / "secret.key").unlink()
        lost = run("recount", directory=tmp_path, DATA_DIR=str(tmp_path))
        assert lost.returncode == 1
        assert "telemetry-service new-key" in lost.stderr
        assert "Traceback" not in lost.stderr
        assert run("new-key", directory=tmp_path, DATA_DIR=str(tmp_path)).returncode == 0
        assert run("recount", directory=tmp_path, DATA_DIR=str(tmp_path)).returncode == 0
        again = run("new-key", directory=tmp_path, DATA_DIR=str(tmp_path))
        assert (again.returncode, "exists already" in again.stderr) == (1, True)

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("recount", "there is no data in {missing} yet; set DATA_DIR to the directory of a service"),
            ("backup", "there is no data in {missing} yet; set DATA_DIR to the directory of a service"),
            ("token list", "there is no data in {missing} yet; set DATA_DIR to the directory of a service"),
            ("new-key", "secret.key cannot be written (No such file or directory); set DATA_DIR to a directory that can"),
        ],
    )
    def test_a_directory_that_is_missing(self, tmp_path: Path, command: str, said: str) -> None:
        done = run(*command.split(), directory=tmp_path, DATA_DIR=str(tmp_path / "missing"))
        said = said.format(missing=tmp_path / "missing")
        assert (done.returncode, done.stderr) == (1, f"telemetry-service: {said}\n")
        assert not (tmp_path / "missing").exists()

    def test_a_command_waits_for_the_fold_longer_than_the_fold_for_it(self, tmp_path: Path) -> None:
        settings = from_environ({"DATA_DIR": str(tmp_path)})
        with held(tmp_path):
            open_store(settings, identities(tmp_path)).close()
        with existing_store(settings) as opened:
            assert opened.connection.execute("PRAGMA busy_timeout").fetchone() == (60_000,)


class TestDemo:
    def test_it_fills_a_directory_that_recount_proves(self, tmp_path: Path) -> None:
        done = run("demo", "--installations", "300", "--days", "20", "--seed", "7", directory=tmp_path)
        assert done.returncode == 0
        recount = run("recount", directory=tmp_path)
        assert (recount.returncode, recount.stdout) == (0, "every count agrees with the installations\n")
        database = tmp_path / "data" / store.FILE_NAME
        with sqlite3.connect(database) as connection:
            assert connection.execute("SELECT count(*) FROM installation").fetchone() == (300,)
            # Pages show from the first one on how many are under way, not only when the service has counted them anew.
            gauges = {name for (name,) in connection.execute("SELECT name FROM public_gauge")}
            assert gauges == {"running", "stuck"}
            # Those that never end are given up as days pass: the first page has no day with the unknown ones of all.
            ended = [status for (status,) in connection.execute("SELECT status FROM installation ORDER BY id LIMIT 250")]
            assert STATUSES.index("unknown") in ended
            assert min(ended) >= STATUSES.index("success")
            connection.execute("DELETE FROM count_month")
        connection.close()
        recount = run("recount", directory=tmp_path)
        assert recount.returncode == 1
        assert "cells differ" in recount.stdout


class TestAudit:
    def test_its_status_and_what_it_says(self, tmp_path: Path) -> None:
        environ = {"DATA_DIR": str(tmp_path), "LISTEN_ADDR": "127.0.0.1:0"}
        options = StoreOptions(known_repos=(), publish_min_count=5, max_new_apps_per_day=1, stuck_hours=24)
        os.chmod(tmp_path, 0o700)
        umask = os.umask(0o077)
        try:
            Store(tmp_path, options, identities(tmp_path), now=time.time_ns() // 1000).close()
        finally:
            os.umask(umask)
        result = CliRunner(env=environ).invoke(app, ["audit", "--json"])
        assert result.exit_code == 0, result.output
        findings = {one["claim"]: one["verdict"] for one in json.loads(result.stdout)["findings"]}
        assert findings["columns"] == "pass"
        assert findings["tls"] == "cannot tell"
        (tmp_path / "notes.txt").write_text("at 10.20.30.40")
        (tmp_path / "notes.txt").chmod(0o600)
        result = CliRunner(env=environ | {"COLUMNS": "200"}).invoke(app, ["audit"])
        assert result.exit_code == 1
        assert "the record does not hold: identifiers-files; see /privacy/audit" in result.stderr
        assert "1 with IPv4 address" in result.stdout
        assert "10.20.30.40" not in result.output

    def test_without_data(self, tmp_path: Path) -> None:
        done = run("audit", directory=tmp_path)
        assert done.returncode == 1
        said = f"there is no data in {tmp_path / 'data'} yet; set DATA_DIR to the directory of a service"
        assert done.stderr == f"telemetry-service: {said}\n"
