"""The outbox under kills: between any two steps a message is neither lost nor repeated, as far as anybody can know."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_server import MailServer
from stored import opened
from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.core.messages import Message, Notice, compose
from telemetry_service.jobs import alerts
from telemetry_service.jobs.alerts import Policy
from telemetry_service.jobs.deliver import LONGEST_WAIT_SECONDS, NOT_CONFIGURED, deliver, wait_seconds
from telemetry_service.store import outbox
from telemetry_service.store.database import connect, transaction
from telemetry_service.store.outbox import Busy, Delivery, held_outbox
from telemetry_service.store.store import FILE_NAME

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
NOON = 20_783 * DAY + 12 * HOUR
STEPS = ("note", "record", "claim", "mark_sent", "confirm")
POLICY = Policy(enabled=True, check_minutes=15, cooldown_minutes=60, channels=("a",), public_url="")


class Killed(BaseException):
    """Stands for the end of the process."""


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> int:
        self.at += 1
        return self.at


class Wire:
    """A channel that notes what arrives, and can fail in every way."""

    def __init__(self, name: str = "a") -> None:
        self.name = name
        self.arrived: list[str] = []
        self.repeated: list[bool] = []
        self.failure: ChannelFailed | None = None

    def send(self, delivery: Delivery, leaving: "object") -> None:
        assert callable(leaving)
        if self.failure is not None and not self.failure.unclear:
            raise self.failure
        leaving()
        self.arrived.append(delivery.key)
        self.repeated.append(delivery.repeated)
        if self.failure is not None:
            raise self.failure


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with opened(tmp_path):
        pass
    with closing(connect(tmp_path / FILE_NAME)) as connection:
        yield connection


def note(connection: sqlite3.Connection, *keys: str) -> None:
    with transaction(connection):
        for key in keys:
            outbox.note(connection, Notice(key, f"title of {key}", ("one",)), NOON)


def work(connection: sqlite3.Connection, wire: Wire, clock: Clock, *keys: str, policy: Policy = POLICY) -> dict[str, int]:
    notices = [Notice(key, f"title of {key}", ("one",)) for key in keys]
    return alerts.work(connection, policy, {wire.name: wire}, notices, clock, threading.Event())


def states(connection: sqlite3.Connection) -> list[str]:
    return [state for (state,) in connection.execute("SELECT state FROM delivery ORDER BY id")]


def test_a_message_goes_out_once_and_its_text_is_forgotten(connection: sqlite3.Connection) -> None:
    wire, clock = Wire(), Clock()
    counts = work(connection, wire, clock, "x")
    assert (counts["noted"], counts["recorded"], counts["confirmed"]) == (1, 1, 1)
    clock.at += DAY
    assert work(connection, wire, clock, "x")["noted"] == 0
    assert len(wire.arrived) == 1
    assert connection.execute("SELECT text, html FROM message").fetchall() == [(None, None)]


def test_more_wait_for_the_cool_down_and_come_together(connection: sqlite3.Connection) -> None:
    wire, clock = Wire(), Clock()
    work(connection, wire, clock, "first")
    work(connection, wire, clock, "second")
    clock.at += 30 * MINUTE
    work(connection, wire, clock, "third")
    assert len(wire.arrived) == 1
    assert not alerts.is_due(connection, POLICY, clock.at + MINUTE)
    clock.at += 31 * MINUTE
    assert alerts.is_due(connection, POLICY, clock.at)
    work(connection, wire, clock)
    assert len(wire.arrived) == 2
    (subject,) = connection.execute("SELECT subject FROM message ORDER BY id DESC LIMIT 1").fetchone()
    assert subject == "2 alerts: title of second; title of third"


def test_nobody_is_told_later_what_happened_while_alerts_were_off(connection: sqlite3.Connection) -> None:
    wire, clock = Wire(), Clock()
    off = Policy(enabled=False, check_minutes=15, cooldown_minutes=60, channels=("a",), public_url="")
    work(connection, wire, clock, "x", policy=off)
    work(connection, wire, clock, "x")
    assert wire.arrived == []
    assert [told.title for told in outbox.history(connection, 10)] == ["title of x"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_step(connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, step: str, before: bool) -> None:
    wire, clock = Wire(), Clock()
    real = getattr(outbox, step)

    def killing(*arguments: object) -> None:
        if not before:
            real(*arguments)
        raise Killed

    monkeypatch.setattr(outbox, step, killing)
    with pytest.raises(Killed):
        work(connection, wire, clock, "x")
    monkeypatch.setattr(outbox, step, real)
    work(connection, wire, clock, "x")
    clock.at += DAY
    work(connection, wire, clock, "x")
    assert states(connection) == ["confirmed"]
    # Only where it was on its way, and nobody knows whether it arrived, it goes out again - and says so.
    unknown = (step, before) in (("mark_sent", False), ("confirm", True))
    assert wire.repeated[-1] is unknown
    assert len(wire.arrived) == (2 if (step, before) == ("confirm", True) else 1)
    assert len(set(wire.arrived)) == 1


def test_one_that_may_have_arrived_too_often_is_given_up(connection: sqlite3.Connection) -> None:
    wire, clock = Wire(), Clock()
    wire.failure = ChannelFailed("cut", unclear=True)
    for _ in range(6):
        work(connection, wire, clock, "x")
        clock.at += DAY // 2
    assert (states(connection), len(wire.arrived)) == (["given_up"], outbox.MAX_UNCLEAR + 1)


def test_a_channel_that_is_down_is_tried_for_a_week_and_shown(connection: sqlite3.Connection) -> None:
    wire, clock = Wire(), Clock()
    wire.failure = ChannelFailed("down")
    tries = 0
    while states(connection) != ["given_up"]:
        counts = work(connection, wire, clock, "x")
        tries += counts["failed"]
        (channel,) = outbox.standing(connection)
        assert channel.problem == "down"
        clock.at += HOUR
    assert clock.at - NOON > 7 * DAY
    assert 20 < tries < 60
    with transaction(connection):
        outbox.record(connection, "again", "alert", Message("s", "t", "h"), ["a"], clock.at)
    wire.failure = None
    work(connection, wire, clock)
    (channel,) = outbox.standing(connection)
    assert (channel.problem, channel.waiting) == (None, 0)


def test_a_channel_that_is_gone(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        outbox.record(connection, "k", "alert", Message("s", "t", "h"), ["a", "gone"], NOON)
    assert deliver(connection, {"a": Wire()}, Clock(), threading.Event())["given_up"] == 1
    assert {channel.channel: channel.problem for channel in outbox.standing(connection)} == {"a": None, "gone": NOT_CONFIGURED}


def test_a_test_that_fails_is_not_tried_again(connection: sqlite3.Connection) -> None:
    good, bad, clock = Wire("good"), Wire("bad"), Clock()
    bad.failure = ChannelFailed("down")
    channels = {"good": good, "bad": bad}
    assert alerts.send_test(connection, channels, clock, threading.Event()) == [("good", None), ("bad", "down")]
    clock.at += DAY
    assert deliver(connection, channels, clock, threading.Event())["failed"] == 0


def test_one_process_at_a_time(tmp_path: Path, connection: sqlite3.Connection) -> None:
    with held_outbox(tmp_path), pytest.raises(Busy), held_outbox(tmp_path):
        pass


@given(st.integers(0, 1000), st.floats(0, 1))
def test_waits_grow_and_are_bounded(attempts: int, dice: float) -> None:
    assert 45 <= wait_seconds(attempts, dice) <= 1.25 * LONGEST_WAIT_SECONDS
    assert wait_seconds(attempts, dice) <= wait_seconds(attempts + 1, dice)


def test_too_much_for_one_message() -> None:
    many = [Notice(str(number), f"title {number}", ()) for number in range(100)]
    message = compose(many, "https://t.example")
    assert "... and 70 more" in message.text
    assert len(message.subject) < 80


KILLED_WHILE_SENDING = """
import sys, threading
from pathlib import Path
from telemetry_service.bootstrap.assembly import now
from telemetry_service.channels.mail import Mail
from telemetry_service.jobs.alerts import Policy, work
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import held_outbox
mail = Mail("mail", host="127.0.0.1", port=int(sys.argv[2]), user="", password=Secret(""), sender="a@b.example",
            recipients=["c@d.example"], require_tls=False)
policy = Policy(enabled=True, check_minutes=15, cooldown_minutes=0, channels=("mail",), public_url="")
with held_outbox(Path(sys.argv[1])) as connection:
    work(connection, policy, {"mail": mail}, [], now, threading.Event())
"""


def test_a_process_killed_while_the_mail_server_takes_the_message(tmp_path: Path, connection: sqlite3.Connection) -> None:
    note(connection, "x")
    command = [sys.executable, "-c", KILLED_WHILE_SENDING, str(tmp_path)]
    with MailServer() as server:
        process: list[subprocess.Popen[bytes]] = []

        def kill() -> str | None:
            if len(server.mails) == 0:
                process[0].send_signal(signal.SIGKILL)
            return None

        server.answer_data = kill
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process.append(subprocess.Popen([*command, str(server.port)], env=environment))
        assert process[0].wait(60) == -signal.SIGKILL
        assert states(connection) == ["sent"]
        subprocess.run([*command, str(server.port)], env=environment, check=True, timeout=60)
    assert states(connection) == ["confirmed"]
    # It went out twice, because nobody can know; both carry one Message-ID, by which mail systems drop the second.
    assert len({mail["Message-ID"] for mail in server.mails}) == 1
    assert len(server.mails) == 2
