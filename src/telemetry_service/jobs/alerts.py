"""What is to be told: noticed, gathered into messages, and handed to the channels."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from uuid import uuid4

import msgspec

from telemetry_service.channels.channel import Channel
from telemetry_service.core.messages import Message, Notice, compose, said_once
from telemetry_service.jobs.deliver import Clock, deliver
from telemetry_service.store import outbox
from telemetry_service.store.alert_words import untold
from telemetry_service.store.database import transaction
from telemetry_service.store.runs import Outcome, last_run, note_run

JOB = "alerts"
TEST = "This is a test: alerts of the telemetry service arrive here."


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decided about alerts; `channels` are the names of those that alerts go to."""

    enabled: bool
    check_minutes: int
    cooldown_minutes: int
    channels: tuple[str, ...]
    public_url: str

    @property
    def tells(self) -> bool:
        return self.enabled and bool(self.channels)


class Comment(msgspec.Struct, frozen=True):
    """What is to be said under an issue, under a key once."""

    key: str
    channel: str
    issue: int
    text: str


def is_due(connection: sqlite3.Connection, policy: Policy, now: int) -> bool:
    """Whether there is anything to do: to look again, to tell, or to try again."""
    run = last_run(connection, JOB)
    if run is None or now - run.started_at >= policy.check_minutes * 60_000_000 or run.started_at > now:
        return True
    if untold(connection):
        return True
    return outbox.is_due(connection, now) or _may_tell(connection, policy, now)


def _may_tell(connection: sqlite3.Connection, policy: Policy, now: int) -> bool:
    if not policy.tells or not outbox.waiting_notices(connection):
        return False
    last = outbox.last_recorded_at(connection, "alert")
    return last is None or last > now or now - last >= policy.cooldown_minutes * 60_000_000


def work(
    connection: sqlite3.Connection,
    policy: Policy,
    channels: Mapping[str, Channel],
    notices: Iterable[Notice],
    now: Clock,
    stop: threading.Event,
    comments: Iterable[Comment] = (),
) -> dict[str, int]:
    """Note what there is to tell, tell it when the cool-down is over, and send what is due; counts of what was done.

    `comments` are all that belong under issues, also those that are there already.
    Only by who holds the outbox. Raises `StoreUnavailable`, with nothing half done.
    """
    started_at = now()
    outbox.recover(connection, started_at)
    counts = {"noted": 0, "recorded": 0}
    with transaction(connection):
        counts["noted"] = sum(outbox.note(connection, notice, now()) for notice in notices)
        counts["recorded"] = _record(connection, policy, now())
        for comment in comments:
            text = Message(str(comment.issue), comment.text, "")
            outbox.record(connection, comment.key, "comment", text, [comment.channel], now())
    counts |= deliver(connection, channels, now, stop)
    outbox.forget_texts(connection)
    with transaction(connection):
        outcome: Outcome = "failed" if counts["failed"] or counts["given_up"] else "done"
        note_run(connection, JOB, started_at=started_at, ended_at=now(), outcome=outcome, counts=counts)
    return counts


def _record(connection: sqlite3.Connection, policy: Policy, now: int) -> int:
    """Gather everything that waits into one message, if its time has come."""
    waiting = outbox.waiting_notices(connection)
    numbers = [number for number, _ in waiting]
    if not policy.tells:
        connection.executemany("UPDATE notice SET message = ? WHERE id = ?", [(outbox.NOT_TOLD, number) for number in numbers])
        return 0
    if not _may_tell(connection, policy, now):
        return 0
    message = compose([notice for _, notice in waiting], policy.public_url)
    outbox.record(connection, new_key(), "alert", message, policy.channels, now, numbers)
    return 1


def send_test(
    connection: sqlite3.Connection, channels: Mapping[str, Channel], now: Clock, stop: threading.Event
) -> list[tuple[str, str | None]]:
    """Send a message to every channel at once: (channel, problem) of each. A test that fails is not tried again."""
    outbox.recover(connection, now())
    message = said_once("Test of alerts", "Test", TEST)
    with transaction(connection):
        number = outbox.record(connection, new_key(), "test", message, list(channels), now())
    assert number is not None
    deliver(connection, channels, now, stop, number)
    with transaction(connection):
        connection.execute("UPDATE delivery SET state = 'given_up' WHERE message = ? AND state <> 'confirmed'", (number,))
    outbox.forget_texts(connection)
    return [
        (channel, None if state == "confirmed" else problem) for channel, state, problem in outbox.results(connection, number)
    ]


def new_key() -> str:
    """The identity of a message, of which nothing can be read."""
    return uuid4().hex
