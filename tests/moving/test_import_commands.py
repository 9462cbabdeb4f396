"""The commands, as processes of their own: killed, beside a running service, and from a real PocketBase."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from source_data import data_file, row

from live import PATIENCE_SECONDS, running
from pocketbase_server import COLLECTION, EMAIL, PASSWORD, PocketBaseServer
from telemetry_service.mirrors.collection import columns

COMMAND = str(Path(sys.executable).with_name("telemetry-service"))
TODAY = int(time.time()) // 86_400
FIELDS = columns(include_random_id=True, extended_fields=frozenset())


def start(directory: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(directory), "PYTHONWARNINGS": "error"} | settings
    return subprocess.Popen(
        [COMMAND, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


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


def test_killed_and_run_again(tmp_path: Path) -> None:
    rows = 5_000  # two transactions
    path = data_file(tmp_path / "data.db", (row(n, day=TODAY - 1 - n % 3, nsapp=f"app{n % 90}") for n in range(rows)))
    data = tmp_path / "data"
    process = start(data, "import", "pocketbase", "--data", str(path))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not stored(data):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert stored(data) > 0
    assert imported(data, "pocketbase", "--data", str(path)) == {"read": rows, "taken": rows, "merged": 0}
    assert "every count agrees" in run(data, "recount")


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
