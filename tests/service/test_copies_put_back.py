"""Emptied, restored and removed files: no double count, nothing lost that was in the files, and a log that says what was done."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

from campaign import Campaign
from stored_data import INBOX, STORE, StoredData

from running_service import Service, post_all, report

NewService = Callable[..., Service]


def several(n: int = 25) -> list[dict[str, Any]]:
    return [report(nsapp=f"app-{number % 7}") for number in range(n)]


def send(service: Service, payloads: list[dict[str, Any]]) -> None:
    assert {answer.status for answer in post_all(service, payloads)} == {202}


def check(service: Service, payloads: list[dict[str, Any]]) -> None:
    """Exactly these installations are stored and counted, each once."""
    stored = StoredData(service.data)
    stored.wait_until_folded()
    assert stored.installations().keys() == {UUID(payload["random_id"]) for payload in payloads}
    stored.check_counted_once()
    assert service.recount() == []


def files(directory: Path, name: str) -> list[Path]:
    return sorted(directory.glob(f"{name}*"))


def copy(directory: Path, name: str, to: Path) -> None:
    """Copy one database with its write-ahead log, while no service runs."""
    to.mkdir(exist_ok=True)
    for path in files(directory, name):
        shutil.copy(path, to / path.name)


def remove(directory: Path, name: str) -> None:
    for path in files(directory, name):
        path.unlink()


def restore(directory: Path, name: str, copy_of: Path) -> None:
    remove(directory, name)
    copy(copy_of, name, directory)


def back_up(path: Path, to: Path) -> None:
    """Copy a database that is in use, as `.backup` of the sqlite3 program does."""
    to.mkdir(exist_ok=True)
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to / path.name)) as target,
    ):
        source.backup(target)


def test_an_inbox_that_was_emptied_killed_or_removed_counts_on(service: Service) -> None:
    reports = [several() for _ in range(4)]
    sent: list[dict[str, Any]] = []

    def send_and_check(more: list[dict[str, Any]]) -> None:
        send(service, more)
        sent.extend(more)
        check(service, sent)

    stored = StoredData(service.data)
    send_and_check(reports[0])
    assert service.client().send("GET", "/api/dashboard").status == 200
    stored.wait_until_emptied()
    assert service.stop() == 0
    # A copy of the database files alone is whole: a clean stop leaves no write-ahead log.
    assert sorted(path.name for path in service.data.iterdir()) == [INBOX, "lock", "secret.key", STORE]
    last_seq = stored.last_seq()
    service.start()
    assert stored.waiting_events() == 0
    send_and_check(reports[1])
    assert stored.last_seq() == last_seq + len(reports[1])
    stored.wait_until_emptied()
    service.kill()
    service.start()
    send_and_check(reports[2])
    service.stop()
    remove(service.data, INBOX)  # the next one is another one
    service.start()
    send_and_check(reports[3])


def test_an_inbox_restored_from_an_older_copy(service: Service, tmp_path: Path) -> None:
    """Twice the same copy, with less sent after it than it once had, and with more."""
    first, second, less, more = several(20), several(30), several(10), several(60)
    send(service, first)
    StoredData(service.data).wait_until_emptied()
    service.stop()
    copy(service.data, INBOX, tmp_path / "copy")
    service.start()
    assert "inbox.restored" not in service.new_log
    send(service, second)
    StoredData(service.data).wait_until_folded()
    service.stop()
    restore(service.data, INBOX, tmp_path / "copy")
    service.start()
    assert "inbox.restored" in service.new_log
    send(service, less)
    check(service, first + second + less)
    service.kill()
    service.start()
    assert "inbox.restored" not in service.new_log
    check(service, first + second + less)
    service.stop()
    restore(service.data, INBOX, tmp_path / "copy")
    service.start()
    assert "inbox.restored" in service.new_log
    assert service.client().send("GET", "/readyz").status == 200  # nothing waits
    send(service, more)
    check(service, first + second + less + more)


def test_an_inbox_restored_with_events_that_were_not_folded_yet(service: Service, tmp_path: Path) -> None:
    first, second = several(20), several(30)
    service.pause_worker()  # so that the copy holds what is not folded
    send(service, first)
    service.kill()
    copy(service.data, INBOX, tmp_path / "copy")
    service.start()
    send(service, second)
    StoredData(service.data).wait_until_emptied()
    service.stop()
    restore(service.data, INBOX, tmp_path / "copy")
    service.start()
    check(service, first + second)


def test_a_store_restored_from_an_older_copy_folds_what_the_inbox_still_has(service: Service, tmp_path: Path) -> None:
    first, second, third = several(20), several(30), several(10)
    send(service, first)
    StoredData(service.data).wait_until_emptied()
    service.stop()
    copy(service.data, STORE, tmp_path / "store")
    service.start()
    service.pause_worker()
    send(service, second)
    service.kill()
    copy(service.data, INBOX, tmp_path / "inbox")
    service.start()
    check(service, first + second)
    service.stop()
    restore(service.data, STORE, tmp_path / "store")
    restore(service.data, INBOX, tmp_path / "inbox")  # one that still has them
    service.start()
    send(service, third)
    check(service, first + second + third)


def test_a_store_restored_from_an_older_copy_says_what_is_gone(service: Service, tmp_path: Path) -> None:
    first, second, third = several(20), several(30), several(10)
    send(service, first)
    StoredData(service.data).wait_until_emptied()
    service.stop()
    copy(service.data, STORE, tmp_path / "copy")
    service.start()
    assert "store.restored" not in service.new_log
    send(service, second)
    StoredData(service.data).wait_until_emptied()
    service.stop()
    restore(service.data, STORE, tmp_path / "copy")
    service.start()
    assert f"events={len(second)}" in next(line for line in service.new_log.splitlines() if "store.restored" in line)
    assert service.client().send("GET", "/readyz").status == 200
    send(service, third)
    check(service, first + third)
    service.stop()
    service.start()
    assert "store.restored" not in service.new_log


def test_a_backup_of_a_running_service_loses_nothing_that_was_acknowledged_before(service: Service, tmp_path: Path) -> None:
    """In the order that docs/operating.md tells: the inbox first, so that the store has whatever the inbox let go of."""
    campaign, stored = Campaign(random.Random(random.getrandbits(64))), StoredData(service.data)
    campaign.load_during(service, 200, lambda: None)
    before = {random_id for random_id, sent in campaign.sent.items() if sent.acknowledged}

    def copy_both() -> None:
        back_up(service.data / INBOX, tmp_path / "copy")
        back_up(service.data / STORE, tmp_path / "copy")

    campaign.load_during(service, 100, copy_both)
    service.stop()
    for name in (INBOX, STORE):
        restore(service.data, name, tmp_path / "copy")
    service.start()
    stored.wait_until_folded()
    assert before <= stored.installations().keys()
    stored.check_counted_once()
    assert service.recount() == []


def test_files_of_which_nothing_can_be_made_are_refused(service: Service) -> None:
    """Written by a newer version, or without the key that they were written with."""
    service.stop()
    for name in (INBOX, STORE):
        with closing(sqlite3.connect(service.data / name)) as connection, connection:
            connection.execute("INSERT INTO schema_step VALUES (99, 'later', 0)")
        service.spawn()
        assert service.wait() == 1
        assert f"the {name.partition('.')[0]} was written by a newer version" in service.new_log
        assert len(service.new_log.splitlines()) == 1
        with closing(sqlite3.connect(service.data / name)) as connection, connection:
            connection.execute("DELETE FROM schema_step WHERE version = 99")
    (service.data / "secret.key").unlink()
    service.spawn()
    assert service.wait() == 1
    assert "secret.key is missing" in service.new_log
    assert service.command("new-key").returncode == 0
    assert (service.data / "secret.key").stat().st_mode & 0o777 == 0o600
    service.start()
