"""The commands, as processes of their own: killed, beside a running service, and from a real PocketBase."""

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Any

import pytest
from source_data import data_file, row

from live import running
from pocketbase_server import COLLECTION, EMAIL, PASSWORD, PocketBaseServer
from running_service import PATIENCE_SECONDS
from stored import table
from telemetry_service.core.counts import Dimension
from telemetry_service.mirrors.collection import columns
from telemetry_service.store.directory import held

COMMAND = str(Path(sys.executable).with_name("telemetry-service"))
TODAY = int(time.time()) // 86_400
FIELDS = columns(include_random_id=True, extended_fields=frozenset())


def start(directory: Path, *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **settings: str) -> "subprocess.Popen[str]":
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(directory), "PYTHONWARNINGS": "error"} | settings
    return subprocess.Popen(
        [COMMAND, *arguments], env=environment, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, text=True
    )


def failed(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a command."""
    process = start(directory, *arguments)
    out, error = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, out, error


def run(directory: Path, *arguments: str, stdin: str = "", **settings: str) -> str:
    """The output of a command that must work."""
    process = start(directory, *arguments, **settings)
    out, error = process.communicate(stdin, timeout=120)
    assert process.returncode == 0, error
    return out


def imported(directory: Path, *arguments: str, **settings: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(run(directory, "import", *arguments, "--json", **settings))
    return found


def stored(directory: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{directory}/store.sqlite?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM installation").fetchone()[0])
    return 0


@pytest.mark.parametrize("history", [False, True])
def test_killed_and_run_again(tmp_path: Path, history: bool) -> None:
    rows = 5_000  # two transactions, beside a service
    path = data_file(tmp_path / "data.db", (row(n, day=TODAY - 1 - n % 3, nsapp=f"app{n % 90}") for n in range(rows)))
    data = tmp_path / "data"
    command = ("import", "pocketbase", "--data", str(path), *(["--history"] if history else []))
    settings = {"RETENTION_DAYS": "2"} if history else {}
    with held(data):
        process = start(data, *command, **settings)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not stored(data):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.communicate()
    assert 0 < stored(data) < rows
    assert json.loads(run(data, *command, "--json", **settings)) == {"read": rows, "taken": rows, "merged": 0}
    assert "every count agrees" in run(data, "recount")
    assert stored(data) == (rows + 2) // 3 if history else rows  # of three days one is kept
    counted = table(data, "count_day").items()
    assert sum(n for key, n in counted if key.script == "" and key.dimension == Dimension.TYPE) == rows


def test_beside_a_running_service(tmp_path: Path) -> None:
    rows = [row(n, day=TODAY - n % 2) for n in range(300)]
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(one) + "\n" for one in rows if one["created"] < _now()))
    expected = len(lines.read_text().splitlines())
    with running(tmp_path) as service:
        assert service.post({"random_id": row(1)["random_id"], "type": "lxc", "nsapp": "a", "status": "installing"}) == 202
        assert imported(service.directory, "jsonl", str(lines))["taken"] == expected
        service.wait_until_counted(expected + 1, "/api/dashboard?days=2&repo=all")
        assert "every count agrees" in run(service.directory, "recount")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())


def history(pocketbase: PocketBaseServer) -> list[Mapping[str, Any]]:
    """A collection of old, with rows as an old service left them."""
    fields = [FIELDS[name] for name in ("random_id", "nsapp", "exit_code", "disk_size")]
    fields += [{"name": name, "type": "text"} for name in ("execution_id", "type", "status", "os_type", "error")]
    fields += [{"name": "has_arm", "type": "bool"}]
    fields += [
        {"name": name, "type": "autodate", "onCreate": True, "onUpdate": name == "updated"} for name in ("created", "updated")
    ]
    pocketbase.good("POST", "/api/collections", {"name": COLLECTION, "type": "base", "fields": fields})
    rows: list[Mapping[str, Any]] = []
    for number in range(25):
        one = {name: row(number)[name] for name in ("random_id", "execution_id", "type", "nsapp")}
        one |= {"status": "success", "os_type": "Debian", "disk_size": 8, "has_arm": number % 2 == 0}
        rows.append(one if number % 5 else one | {"status": "failed", "error": "bash: npm: command not found", "exit_code": 127})
        pocketbase.good("POST", f"/api/collections/{COLLECTION}/records", rows[-1])
    return rows


def test_from_a_real_pocketbase(tmp_path: Path, pocketbase: PocketBaseServer) -> None:
    rows = history(pocketbase)
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    login = {"POCKETBASE_EMAIL": EMAIL, "POCKETBASE_PASSWORD_FILE": str(secret)}
    by_file, by_address = tmp_path / "by_file", tmp_path / "by_address"
    assert imported(by_file, "pocketbase", "--data", str(pocketbase.folder / "data.db"))["taken"] == len(rows)
    assert imported(by_address, "pocketbase", "--url", pocketbase.url, **login)["taken"] == len(rows)
    for directory in (by_file, by_address):
        with closing(sqlite3.connect(directory / "store.sqlite")) as connection:
            query = "SELECT status, exit_code, error, os_type, count(*) FROM installation_by_name GROUP BY 1 ORDER BY 1"
            assert connection.execute(query).fetchall() == [
                ("failed", 127, "bash: npm: command not found", "debian", 5),
                ("success", 0, None, "debian", 20),
            ]
    assert imported(by_address, "pocketbase", "--data", str(pocketbase.folder / "data.db"))["merged"] == len(rows)


def test_without_a_login(tmp_path: Path) -> None:
    process = start(tmp_path, "import", "pocketbase", "--url", "http://127.0.0.1:1")
    _, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, "POCKETBASE_EMAIL" in error) == (1, True)


class TestWrongFiles:
    def test_a_compressed_file(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.jsonl.gz"
        path.write_bytes(gzip.compress(json.dumps(row(1)).encode()))
        status, _, error = failed(tmp_path / "data", "import", "jsonl", str(path))
        assert (status, f"zcat {path} | telemetry-service import jsonl -" in error) == (1, True)

    def test_a_file_of_another_program(self, tmp_path: Path) -> None:
        path = tmp_path / "others.jsonl"
        path.write_text('{"level": "info", "message": "hello"}\n' * 3)
        status, out, error = failed(tmp_path / "data", "import", "jsonl", str(path))
        assert (status, "none of it can be imported" in error) == (1, True)
        assert "3 refused: created: missing" in out


class TestExportTo:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        lines = "".join(json.dumps(row(n)) + "\n" for n in range(30))
        run(tmp_path / "data", "import", "jsonl", "-", stdin=lines)
        return tmp_path / "data"

    @pytest.mark.parametrize("kind", ["jsonl", "csv"])
    def test_a_full_disk(self, data: Path, kind: str) -> None:
        with Path("/dev/full").open("w") as full:
            process = start(data, "export", kind, stdout=full)
            _, error = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 1
        assert "standard output cannot be written (No space left on device)" in error
        assert "Traceback" not in error

    def test_what_is_no_file(self, data: Path, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"  # a device, such as /dev/null, would be replaced too
        os.mkfifo(pipe)
        status, _, error = failed(data, "export", "jsonl", "--out", str(pipe))
        assert (status, "is no file" in error) == (1, True)
        assert pipe.is_fifo()
