"""Delivers what the outbox holds: each message on each channel once, whatever dies when, as far as the channel lets us know."""

import logging
import random
import sqlite3
import threading
from collections.abc import Callable, Mapping

from telemetry_service.channels.channel import Channel, ChannelFailed
from telemetry_service.store import outbox
from telemetry_service.store.outbox import Delivery

FIRST_WAIT_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 6 * 3600.0
JITTER = 0.25  # of the wait, either way: what failed together is not tried again together
KEPT_TRYING_DAYS = 7
NOT_CONFIGURED = "the channel is not configured any more"

Clock = Callable[[], int]  # microseconds since 1970 UTC
log = logging.getLogger(__name__)


def deliver(
    connection: sqlite3.Connection,
    channels: Mapping[str, Channel],
    now: Clock,
    stop: threading.Event,
    message: int | None = None,
    dice: Callable[[], float] = random.random,
) -> dict[str, int]:
    """Send what is due, of one message if asked; how many were `confirmed`, `failed`, and `given_up`.

    Only by who holds the outbox, after `recover`. Ends early, between two messages, when `stop` is set.
    Raises `StoreUnavailable`; what was on its way then is taken up by `recover`.
    """
    counts = {"confirmed": 0, "failed": 0, "given_up": 0}
    while not stop.is_set():
        due = outbox.next_due(connection, now(), message)
        if due is None:
            break
        channel = channels.get(due.channel)
        if channel is None:
            outbox.give_up(connection, due.id, NOT_CONFIGURED, now())
            counts["given_up"] += 1
            continue
        counts[_send(connection, channel, due, now, dice)] += 1
    return counts


def _send(connection: sqlite3.Connection, channel: Channel, due: Delivery, now: Clock, dice: Callable[[], float]) -> str:
    outbox.claim(connection, due.id, now())
    try:
        channel.send(due, lambda: outbox.mark_sent(connection, due.id, now()))
    except ChannelFailed as error:
        log.warning("channel.failed", extra={"channel": channel.name, "reason": str(error)})
        if now() - due.recorded_at > KEPT_TRYING_DAYS * 86_400_000_000:
            outbox.give_up(connection, due.id, str(error), now())
            return "given_up"
        next_at = now() + int(wait_seconds(due.attempts, dice()) * 1_000_000)
        outbox.put_back(connection, due.id, str(error), next_at, now(), unclear=error.unclear)
        return "failed"
    outbox.confirm(connection, due.id, now())
    return "confirmed"


def wait_seconds(attempts: int, dice: float) -> float:
    """How long to wait after so many attempts before the one that just failed; `dice` is in 0..1."""
    wait = min(FIRST_WAIT_SECONDS * 2.0 ** min(attempts, 30), LONGEST_WAIT_SECONDS)
    return wait * (1 - JITTER + 2 * JITTER * dice)
