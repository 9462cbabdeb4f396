"""Imports from files: every installation once, whatever is killed, repeated or unreadable."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from source_data import KEPT_DAYS, NOW, TODAY, bring_in, data_file, opened_file, row

from stored import IDS, K, counted, dump, installations, opened, query, table, without_unit
from telemetry_service.core.event import Event
from telemetry_service.mirrors import json_lines
from telemetry_service.mirrors.data_file import DataFile
from telemetry_service.mirrors.json_lines import JsonLines
from telemetry_service.mirrors.source import UnusableSource
from telemetry_service.store import retention

CANARY = "zb7canary"
Rows = Iterable[Mapping[str, Any]]


def imported(directory: Path, rows: Rows, **changes: Any) -> Counter[str]:
    """Import rows from a data.db into the store of a directory."""
    path = directory.parent / "data.db"
    path.unlink(missing_ok=True)
    directory.mkdir(exist_ok=True)
    with opened(directory, **changes) as store:
        return bring_in(store, opened_file(data_file(path, rows)))


def lines(rows: Rows) -> JsonLines:
    return JsonLines(None, BytesIO(b"".join(json.dumps(one).encode() + b"\n" for one in rows)), IDS.source)


def some_rows() -> list[dict[str, Any]]:
    """Rows of 700 executions over a few days, a second row for some, some refused."""
    found = [
        row(n, ("success", "failed", "aborted", "installing")[n % 4], TODAY - n % 5, nsapp=f"app{n % 7}", exit_code=n % 3)
        for n in range(700)
    ]
    found += [
        row(10_000 + n, "success", TODAY - n % 5, exit_code=0, execution_id=row(n)["execution_id"]) for n in range(0, 40, 3)
    ]
    return [*found, row(20_000, random_id=""), row(20_001, nsapp="1.2.3.4")]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


class TestCounting:
    def test_every_execution_counts_once(self, directory: Path) -> None:
        counts = imported(directory, some_rows())
        assert counts == {
            "read": 716,
            "taken": 700,
            "merged": 14,
            "refused: random_id: missing": 1,
            "refused: nsapp: not a usable name": 1,
        }
        found = installations(directory)
        assert len(found) == 700
        assert table(directory, "count_day") == counted(found.values())
        assert table(directory, "count_month") == counted(found.values(), monthly=True)

    def test_the_same_from_lines(self, directory: Path, tmp_path: Path) -> None:
        imported(directory, some_rows())
        (tmp_path / "other").mkdir()
        with opened(tmp_path / "other") as store:
            bring_in(store, lines(some_rows()))
        assert installations(tmp_path / "other") == installations(directory)
        assert table(tmp_path / "other", "public_count_day") == table(directory, "public_count_day")

    def test_again_changes_nothing(self, directory: Path) -> None:
        first = imported(directory, some_rows())
        before = dump(directory)
        again = imported(directory, some_rows())
        assert (again["taken"], again["merged"]) == (0, first["taken"] + first["merged"])
        after = dump(directory)
        for noted in ("import", "job_run"):
            del before[noted], after[noted]
        assert after == before

    def test_what_is_public_are_multiples_of_k_on_their_own_days(self, directory: Path) -> None:
        imported(directory, some_rows())
        public = table(directory, "public_count_day")
        assert {n % K for n in public.values()} == {0}
        assert {key.unit for key in public} == set(range(TODAY - 4, TODAY + 1))
        released = without_unit(public)
        exact = without_unit(table(directory, "count_day"))
        assert all(0 < n <= exact[key] for key, n in released.items())

    def test_live_reports_of_the_same_execution_are_joined(self, directory: Path) -> None:
        imported(directory, [row(1, "installing")])
        (execution,) = installations(directory)
        with opened(directory) as store:
            store.fold([Event(NOW, bytes(16), execution, "success", type="lxc", nsapp="jellyfin")], None, NOW)
        imported(directory, [row(1, "installing")])
        (one,) = installations(directory).values()
        assert (one.status, one.day) == ("success", TODAY - 1)

    def test_events_one_a_row(self, directory: Path) -> None:
        common = {"random_id": row(1)["random_id"], "execution_id": row(1)["execution_id"], "type": "lxc", "nsapp": "jellyfin"}
        zeros = {"exit_code": 0, "disk_size": 0, "has_arm": 0, "install_duration": 0}
        events = [
            common | zeros | {"status": "installing", "created": "2024-10-03 10:00:00.000"},
            common | zeros | {"status": "configuring", "created": "2024-10-03 10:00:01", "os_type": "debian"},
            common | zeros | {"status": "failed", "created": "2024-10-03 10:09:00.125", "exit_code": "100", "has_arm": 1},
        ]
        with opened(directory) as store:
            assert bring_in(store, lines(reversed(events))) == {"read": 3, "taken": 1, "merged": 2}
        (one,) = installations(directory).values()
        assert (one.status, one.value("os_type"), one.value("arch"), len(one.firsts)) == ("failed", "debian", "arm64", 3)
        assert one.outcome is not None
        assert one.outcome.exit_code == 100


class TestLeftOut:
    def test_days_that_are_over(self, directory: Path) -> None:
        over = TODAY - KEPT_DAYS
        counts = imported(directory, [row(1, day=over), row(2, day=over + 1)])
        assert counts == {"read": 2, "taken": 1, "left out: longer ago than is kept": 1}

    def test_sealed_days(self, directory: Path) -> None:
        with opened(directory) as store:
            retention.seal(store, TODAY - 3)
        counts = imported(directory, [row(1, day=TODAY - 3), row(2, day=TODAY - 2)])
        assert counts == {"read": 2, "taken": 1, "left out: its day is sealed": 1}

    def test_erased_ids(self, directory: Path) -> None:
        imported(directory, [row(1), row(2)])
        (person,) = {one.values[0] for one in installations(directory).values() if one.values[0][3] == 1}
        with opened(directory) as store, store.transaction():
            store.erased.note(person, TODAY)
        assert imported(directory, [row(1), row(2)]) == {"read": 2, "merged": 1, "left out: erased": 1}

    def test_what_this_service_mirrored(self, directory: Path) -> None:
        imported(directory, [row(n) for n in range(20)])
        copies = [  # ours
            row(100 + n, id=IDS.mirrored(execution), execution_id="") for n, execution in enumerate(installations(directory))
        ]
        strangers = [row(200 + n) for n in range(4)]
        before = installations(directory)
        assert imported(directory, [*copies, *strangers])["left out: this service mirrored it there"] == 20
        assert len(installations(directory)) == len(before) + 4
        assert imported(directory, [*copies[:2], *strangers])["left out: this service mirrored it there"] == 2

    def test_an_id_that_looks_like_ours_by_accident(self, directory: Path) -> None:
        rows = [row(1, id=IDS.mirrored(77), execution_id=""), *(row(n) for n in range(2, 9))]
        assert imported(directory, rows)["taken"] == 8
        assert imported(directory / ".." / "other", [row(1, id=IDS.mirrored(77))])["taken"] == 1  # ours hold no execution id

    def test_names_are_those_of_the_source(self, directory: Path) -> None:
        counts = imported(directory, [row(n, nsapp=f"app{n}") for n in range(60)], max_new_apps_per_day=50)
        assert counts["taken"] == 60
        assert sum(one.value("nsapp") == "other" for one in installations(directory).values()) == 11  # `other` is a name too
        (free,) = query(directory, f"SELECT count(*) FROM name WHERE kind = 'nsapp' AND first_day >= {TODAY - 60}")
        assert free == (0,)  # nothing of the allowance of a real day

    def test_nothing_of_a_text_but_its_cause(self, directory: Path, tmp_path: Path) -> None:
        log = f"---\nroot@{CANARY}:~# apt install\n{CANARY}.example.lan refused\nE: Unable to locate package redis\n"
        imported(directory, [row(1, "failed", error=log, exit_code=100, a_note=CANARY, os_type=CANARY)])
        (one,) = installations(directory).values()
        assert one.outcome is not None
        assert one.outcome.error == "E: Unable to locate package redis"
        assert not [path for path in directory.iterdir() if CANARY.encode() in path.read_bytes()]


class TestGoingOn:
    @pytest.mark.parametrize("killed_after", [1, 3])
    def test_from_a_file_of_pocketbase(
        self, directory: Path, tmp_path: Path, killed_after: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("telemetry_service.jobs.importing.TAKEN_AT_ONCE", 1)
        path = data_file(tmp_path / "data.db", some_rows())
        with opened(directory) as store:
            assert 0 < bring_in(store, opened_file(path), parcels=killed_after)["read"] < 716
            assert bring_in(store, opened_file(path))["read"] == 716
        whole = tmp_path / "whole"
        imported(whole, some_rows())
        assert installations(directory) == installations(whole)
        assert table(directory, "count_day") == table(whole, "count_day")

    def test_from_a_file_of_lines(self, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("telemetry_service.jobs.importing.TAKEN_AT_ONCE", 1)
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in some_rows()))
        with opened(directory) as store:
            bring_in(store, JsonLines(path, BytesIO(), IDS.source), parcels=1)
            assert bring_in(store, JsonLines(path, BytesIO(), IDS.source)) == imported(tmp_path / "whole", some_rows())
        assert installations(directory) == installations(tmp_path / "whole")

    def test_a_file_that_was_written_anew_is_read_from_its_beginning(
        self, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("telemetry_service.jobs.importing.TAKEN_AT_ONCE", 1)
        path = data_file(tmp_path / "data.db", some_rows())
        with opened(directory) as store:
            bring_in(store, opened_file(path), parcels=1)
            path.unlink()
            data_file(path, reversed(some_rows()))
            bring_in(store, opened_file(path))
        assert len(installations(directory)) == 700


class TestLines:
    def read(self, directory: Path, body: bytes) -> Counter[str]:
        with opened(directory) as store:
            return bring_in(store, JsonLines(None, BytesIO(body), IDS.source))

    def test_unreadable_ones_are_counted_by_reason(self, directory: Path) -> None:
        good = json.dumps(row(1)).encode()
        body = b"\n".join([b"[1]", b"", b"nonsense", good, b'{"a": 1}', good[:-1] + b",}"])
        assert self.read(directory, body) == {
            "read": 5,
            "taken": 1,
            "merged": 1,
            "refused: body: must be a JSON object": 2,
            "refused: created: missing": 1,
        }

    def test_one_that_is_too_long(self, directory: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(json_lines, "MAX_LINE_BYTES", 500)
        monkeypatch.setattr(json_lines, "ROWS_AT_ONCE", 1)
        good = json.dumps(row(1)).encode()
        path = tmp_path / "lines"
        path.write_bytes(b"\n".join([good, b'{"a": "' + b"x" * 2000 + b'"}', json.dumps(row(2)).encode()]))
        with opened(directory) as store:
            counts = bring_in(store, JsonLines(path, BytesIO(), IDS.source))
        assert counts == {"read": 3, "taken": 2, "refused: line: longer than 1 MiB": 1}


class TestUnusable:
    def test_what_is_no_data_file(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("nothing of the kind\n" * 100)
        for name, words in (("missing", "there is no file"), ("text", "cannot be read as a data.db")):
            with pytest.raises(UnusableSource, match=words):
                opened_file(tmp_path / name)

    def test_another_collection(self, tmp_path: Path) -> None:
        path = data_file(tmp_path / "data.db", [], "installs")
        with pytest.raises(UnusableSource, match="--collection: installs"):
            opened_file(path)
        opened_file(path, "installs").close()

    def test_a_collection_without_receipts(self, tmp_path: Path) -> None:
        path = data_file(tmp_path / "data.db", [])
        with pytest.raises(UnusableSource, match="no column id and no column created"):
            DataFile(path, "telemetry", {"nothing"})
