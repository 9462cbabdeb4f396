"""What is shown to the holder of an id is what is stored once everything in the inbox is folded, whatever waits."""

import tempfile
from contextlib import closing
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import MIDNIGHT, RANDOM_IDS, events
from stored import IDS, opened
from telemetry_service.core.event import Entry, Erasure, Event, encode_event
from telemetry_service.core.fields import FIELDS
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, Installation, from_event, given_up, join
from telemetry_service.core.own_data import own_installation
from telemetry_service.store.inbox import Inbox
from telemetry_service.store.person import Held, held_under, waiting_of
from telemetry_service.store.reading import Reader
from telemetry_service.store.retention import seal
from telemetry_service.store.store import Position

NOW = MIDNIGHT + 40 * MICROSECONDS_PER_DAY
ME = RANDOM_IDS[0]


def own(event: Event) -> Event:
    """The event with an execution of its sender's own: no id has a say in what is stored under another."""
    return msgspec.structs.replace(event, execution=event.execution * 10 + event.random_id[0])


erasures = st.builds(Erasure, received_at=st.just(NOW), random_id=st.sampled_from(RANDOM_IDS))
entries = st.lists(events().map(own) | events().map(own) | events().map(own) | erasures, max_size=25)


def held(directory: Path, generation: str, random_id: bytes = ME) -> Held:
    found = waiting_of(directory, random_id)
    reader = Reader(directory)
    with closing(reader.connection):
        return held_under(reader.connection, reader.names, IDS, random_id, found, reader.position(generation))


def told(installations: list[Installation]) -> list[Installation]:
    return sorted(installations, key=lambda one: one.execution)


@settings(max_examples=60)
@given(entries, st.data())
def test_it_is_what_folding_everything_gives(sent: list[Entry], data: st.DataObject) -> None:
    folded = data.draw(st.integers(0, len(sent)), "folded")
    sealed_before, sealed_after = (MIDNIGHT // MICROSECONDS_PER_DAY + data.draw(st.sampled_from((-50, 0, 1))) for _ in range(2))
    with tempfile.TemporaryDirectory() as root, opened(Path(root)) as store:
        directory = Path(root)
        with closing(Inbox(directory, max_bytes=10**9, now=0)) as inbox:
            for start in range(0, len(sent), 4):
                inbox.commit([encode_event(entry) for entry in sent[start : start + 4]], 0)
            seal(store, sealed_before)
            store.fold(sent[:folded], Position(inbox.generation, folded), NOW)
            seal(store, sealed_after)
            shown = {random_id: held(directory, inbox.generation, random_id) for random_id in RANDOM_IDS}
            store.fold(sent[folded:], Position(inbox.generation, len(sent)), NOW)
            for random_id in RANDOM_IDS:
                stored = store.rows.of_person(random_id)
                assert told(shown[random_id].installations) == told([row.installation for row in stored])
                after = held(directory, inbox.generation, random_id)
                assert (told(after.installations), after.waiting) == (told(shown[random_id].installations), 0)
                assert after.released == {row.installation.execution for row in stored if row.released}
                assert after.erased_day == shown[random_id].erased_day


def test_every_field_is_told_and_what_it_is_worth() -> None:
    names = [field.name for field in FIELDS]
    event = Event(
        received_at=MIDNIGHT + 1, random_id=ME, execution=-5, status="failed", exit_code=1, error="E: no", error_category="apt",
        install_duration=3, fingerprint=255, cause="0" * 16, type="lxc", nsapp="jellyfin", disk_size=8, core_count=2,
        ram_size=512, os_type="debian", os_version="12", pve_version="8.4", method="default", gpu_vendor="intel",
        cpu_vendor="amd", ct_type=1,
        gpu_passthrough="igpu", arch="amd64", platform="pve", repo_source="ProxmoxVE", repo_slug="a/b", cpu_model="x",
        gpu_model="y", ram_speed="z",
    )  # fmt: skip
    shown = own_installation(from_event(event), handle="h", is_released=True, retention_days=365)
    assert list(shown.fields) == names
    assert None not in shown.fields.values()
    assert shown.fields["execution_id"] == "keyed hash fffffffffffffffb"
    assert set(shown.reported_at) == set(names) - {"execution_id"}
    assert set(shown.reported_at.values()) == {"2026-01-01T00:00:00.000001Z"}
    assert (shown.counted_on, shown.deleted_on) == ("2026-01-01", "2027-01-01")
    assert (shown.fingerprint, shown.cause) == ("00000000000000ff", "0" * 16)


def test_each_value_has_the_time_of_its_report() -> None:
    first = Event(received_at=MIDNIGHT, random_id=ME, execution=1, status="installing", type="lxc", nsapp="a", os_type="debian")
    last = Event(received_at=MIDNIGHT + 1_000_000, random_id=ME, execution=1, status="success", type="lxc", nsapp="a")
    shown = own_installation(join(from_event(first), from_event(last)), handle="", is_released=False, retention_days=30)
    assert (shown.reported_at["os_type"][17:19], shown.reported_at["status"][17:19]) == ("00", "01")
    assert [(one.status, one.first_at[17:19]) for one in shown.statuses] == [("installing", "00"), ("success", "01")]
    assert shown.deleted_on == "2026-01-31"


def test_a_verdict_of_the_clean_up_is_told_from_a_report() -> None:
    event = Event(received_at=MIDNIGHT, random_id=ME, execution=1, status="installing", type="lxc", nsapp="a")
    shown = own_installation(given_up(from_event(event), MIDNIGHT + 1), handle="", is_released=False, retention_days=365)
    assert [(one.status, one.by) for one in shown.statuses] == [("installing", "client"), ("unknown", "clean-up")]
    assert (shown.fields["status"], shown.fields["error_category"]) == ("unknown", "timeout")


def test_an_id_that_is_part_of_another_value_is_not_taken_for_it(tmp_path: Path) -> None:
    with opened(tmp_path), closing(Inbox(tmp_path, max_bytes=10**9, now=0)) as inbox:
        text = "a" * 16
        other = Event(received_at=NOW, random_id=RANDOM_IDS[1], execution=1, status="failed", type="lxc", nsapp="a", error=text)
        mine = Event(received_at=NOW, random_id=text.encode(), execution=2, status="success", type="lxc", nsapp="a")
        inbox.commit([encode_event(other), encode_event(mine)], 0)
        assert [entry for _, entry in waiting_of(tmp_path, text.encode())] == [mine]
        assert held(tmp_path, inbox.generation, text.encode()) == Held([from_event(mine)], set(), 1, None)
