"""Names under small numbers, and the daily bound on new ones."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import MIDNIGHT
from stored import installations, opened, query, table
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.store.database import migrate, transaction
from telemetry_service.store.names import NEW_CAUSES_PER_APP, OPEN_KINDS, Names

DAY = MIDNIGHT // MICROSECONDS_PER_DAY

OPEN_REGISTERS = {kind: instead for kind, instead in OPEN_KINDS.items() if kind != "cause"}


def event(execution: int, day: int = 0, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": execution.to_bytes(16, "big"), "type": "lxc", "nsapp": "jellyfin"}
    received_at = MIDNIGHT + day * MICROSECONDS_PER_DAY + execution
    return Event(execution=execution, received_at=received_at, **({"status": "success"} | usual | values))


def apps(directory: Path) -> list[str]:
    return [stored.value("nsapp") for _, stored in sorted(installations(directory).items())]


class TestNewNames:
    def test_a_flood_of_invented_apps_counts_as_other(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=3) as store:
            store.fold([event(n, nsapp=f"invented{n}") for n in range(200)], None, MIDNIGHT)
            assert list(store.differences()) == []
        assert apps(tmp_path) == ["invented0", "invented1", "invented2"] + ["other"] * 197
        scripts = {key.script for key in table(tmp_path, "count_day")}
        assert scripts == {"", "invented0 lxc", "invented1 lxc", "invented2 lxc", "other lxc"}
        assert query(tmp_path, "SELECT count(*) FROM name WHERE text LIKE 'invented%' AND kind = 'nsapp'") == [(3,)]

    def test_known_apps_stay_known(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=1) as store:
            store.fold([event(0), event(1, nsapp="x"), event(2), event(3, nsapp="other")], None, MIDNIGHT)
        assert apps(tmp_path) == ["jellyfin", "other", "jellyfin", "other"]

    def test_the_next_day_has_room_again(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=1) as store:
            store.fold([event(0, nsapp="a"), event(1, nsapp="b")], None, MIDNIGHT)
            store.fold([event(2, 1, nsapp="b"), event(3, 1, nsapp="c"), event(4, 1, nsapp="a")], None, MIDNIGHT)
        assert apps(tmp_path) == ["a", "other", "b", "other", "a"]

    def test_the_room_of_a_day_survives_a_restart_and_a_broken_fold(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=2) as store:
            store.fold([event(0, nsapp="a")], None, MIDNIGHT)
            with pytest.raises(OverflowError):
                store.fold([event(1, nsapp="lost"), event(2, exit_code=2**70)], None, MIDNIGHT)
            store.fold([event(3, nsapp="b")], None, MIDNIGHT)
        with opened(tmp_path, max_new_apps_per_day=2) as store:
            store.fold([event(4, nsapp="c")], None, MIDNIGHT)
        assert apps(tmp_path) == ["a", "b", "other"]
        assert query(tmp_path, "SELECT count(*) FROM name WHERE text LIKE 'lost%'") == [(0,)]

    def test_no_room_at_all(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=0) as store:
            store.fold([event(0), event(1, nsapp="other")], None, MIDNIGHT)
        assert apps(tmp_path) == ["other", "other"]

    def test_every_open_vocabulary_has_room_of_its_own(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=1) as store:
            for n in range(3):
                values = dict.fromkeys(OPEN_REGISTERS, f"{n}")
                store.fold([event(n, **values)], None, MIDNIGHT)
        kept = [{kind: stored.value(kind) for kind in OPEN_REGISTERS} for _, stored in sorted(installations(tmp_path).items())]
        assert kept == [dict.fromkeys(OPEN_REGISTERS, "0"), OPEN_REGISTERS, OPEN_REGISTERS]
        assert {"nsapp": "other", "method": "other"} | dict.fromkeys(
            ("os_version", "pve_version", "cpu_model", "gpu_model", "ram_speed")
        ) == OPEN_REGISTERS

    def test_causes_have_room_of_their_own(self, tmp_path: Path) -> None:
        with opened(tmp_path, max_new_apps_per_day=1) as store:
            for n in range(NEW_CAUSES_PER_APP + 1):
                failed = event(n, status="failed", cause=f"{n:016x}", error=f"line {n}", fingerprint=n)
                store.fold([failed], None, MIDNIGHT)
        kept = [stored.outcome for _, stored in sorted(installations(tmp_path).items())]
        assert [outcome.cause for outcome in kept if outcome] == [*(f"{n:016x}" for n in range(NEW_CAUSES_PER_APP)), None]
        assert query(tmp_path, "SELECT label FROM name WHERE kind = 'cause' ORDER BY id LIMIT 2") == [("line 0",), ("line 1",)]

    def test_folding_again_keeps_what_was_decided(self, tmp_path: Path) -> None:
        sent = [event(n, nsapp=f"invented{n}") for n in range(6)]
        with opened(tmp_path, max_new_apps_per_day=3) as store:
            store.fold(sent, None, MIDNIGHT)
            before = installations(tmp_path)
            store.fold(sent[::-1], None, MIDNIGHT)
        assert installations(tmp_path) == before


class TestNumbers:
    @given(st.lists(st.tuples(st.sampled_from(["nsapp", "error"]), st.text(st.characters(exclude_categories=["Cs"])))))
    def test_one_number_per_text_and_back(self, texts: list[tuple[str, str]]) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(connection, "store", 0)
        names, late = Names(connection), Names(connection)
        with transaction(connection):
            numbers = {(kind, text): names.intern(kind, text, 1) for kind, text in texts}
            again = {(kind, text): names.intern(kind, text, 2) for kind, text in texts}
        assert again == numbers
        assert len(set(numbers.values())) == len(numbers)
        for (kind, text), number in numbers.items():
            assert names.text(number) == late.text(number) == text
            assert late.find(kind, text) == number
        assert late.find("nsapp", "never given \0") is None
        connection.close()

    def test_enums_come_first(self, tmp_path: Path) -> None:
        with opened(tmp_path) as store:
            first = query(tmp_path, "SELECT max(id) FROM name")
            store.fold([event(0)], None, MIDNIGHT)
        with opened(tmp_path):
            pass
        (text,) = query(tmp_path, f"SELECT kind, text FROM name WHERE id = {first[0][0] + 1}")
        assert text == ("nsapp", "jellyfin")
        assert query(tmp_path, "SELECT count(*) FROM name GROUP BY kind, text HAVING count(*) > 1") == []
