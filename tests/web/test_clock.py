"""The clock that stamps events."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explaining import EXPLAIN
from telemetry_service.core.event import decode_event, encode_event
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.store.inbox import Inbox, InboxReader
from telemetry_service.web.ingest import Clock

NOW = 1_760_000_000_000_000
BODY = b'{"random_id": "0b0c7f6e-3d3f-4c8b-9a57-6a4f2e0c9d11", "type": "lxc", "nsapp": "a", "status": "configuring"}'
TIMES = st.lists(st.integers(NOW - 10_000_000, NOW + 10_000_000), min_size=1, max_size=50)


@settings(deadline=None)
@given(TIMES, st.integers(0, NOW + 5_000_000))
def test_time_never_goes_back(times: list[int], last: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock, stamps = Clock(last), []
        for now in times:
            patch.setattr(time, "time_ns", lambda now=now: now * 1000)
            stamps.append(clock.now())
    assert all(earlier < later for earlier, later in zip([last, *stamps], stamps, strict=False))
    assert stamps[0] == max(times[0], last + 1)
    assert max(stamps) <= max(*times, last) + len(times)


def test_a_clock_that_goes_back_does_not_reorder_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = Intake(Policy(known_repos=()), Identities(b"k" * KEY_BYTES), EXPLAIN).accept
    inbox, clock = Inbox(tmp_path, max_bytes=1_000_000, now=NOW), Clock()
    for now in (NOW, NOW - 3_600_000_000, NOW - 3_600_000_000, NOW + 1, NOW - 1, NOW + 5_000_000):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now * 1000)
        inbox.commit([encode_event(accept(BODY, clock.now()).event)], 0)
    reader = InboxReader(tmp_path)
    stamps = [decode_event(body).received_at for _, body in reader.read(0, 100)]
    reader.close()
    inbox.close()
    assert len(stamps) == 6
    assert stamps == sorted(set(stamps))
    assert stamps[-1] == NOW + 5_000_000
