"""`/api/alerts`: what was told, how the channels stand, and a test of them."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.period import iso_instant
from telemetry_service.store.outbox import Channel, Told, history, standing
from telemetry_service.web.commands import said_by_command
from telemetry_service.web.parts import Parts

HISTORY = 200
TEST_SECONDS = 120.0
NO_CHANNEL = "no channel is configured: set ALERT_URLS, or SMTP_HOST, SMTP_FROM and SMTP_TO"


class AlertEntry(msgspec.Struct, frozen=True):
    """One thing that was told, when it was noted, and the state of its message by channel."""

    time: str
    title: str
    lines: list[str]
    path: str
    channels: dict[str, str]


class ChannelEntry(msgspec.Struct, frozen=True):
    """How a channel stands: messages that wait, and what keeps them."""

    channel: str
    waiting: int
    problem: str | None
    last_success: str | None


class Alerts(msgspec.Struct, frozen=True):
    """`enabled`: alerts are on, and there is a channel for them. The newest comes first."""

    enabled: bool
    history: list[AlertEntry]
    channels: list[ChannelEntry]


class ChannelTest(msgspec.Struct, frozen=True):
    """`problem` is null where the channel took the message."""

    channel: str
    problem: str | None


class AlertTest(msgspec.Struct, frozen=True):
    success: bool
    message: str
    channels: list[ChannelTest]


class AlertHandlers:
    """The two endpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._testing = asyncio.Lock()

    @property
    def _has_channel(self) -> bool:
        settings = self._parts.settings
        return bool(settings.alert_urls) or bool(settings.smtp_host and settings.smtp_to)

    async def alerts(self, _request: Request) -> Response:
        told, channels = await self._parts.readers.run(
            lambda reader: (history(reader.connection, HISTORY), standing(reader.connection))
        )
        enabled = self._parts.settings.alert_enabled and self._has_channel
        return _json(Alerts(enabled, [_entry(one) for one in told], [_channel(one) for one in channels]))

    async def test(self, _request: Request) -> Response:
        """Send a test message, in a process of its own: what channels need is loaded there, and given back."""
        if not self._has_channel:
            return _json(AlertTest(False, NO_CHANNEL, []))
        async with self._testing:
            results = await _run_test()
        if results is None:
            return _json(AlertTest(False, "the test did not come to an end; the log says more", []))
        failed = [result.channel for result in results if result.problem is not None]
        message = f"failed: {', '.join(failed)}" if failed else "every channel took the message"
        return _json(AlertTest(not failed, message, results))


async def _run_test() -> list[ChannelTest] | None:
    # It ends with 1 where a channel failed, which is what a test is for.
    said = await said_by_command("alerts", "--test", "--json", seconds=TEST_SECONDS, statuses=(0, 1))
    try:
        return None if said is None else msgspec.json.decode(said, type=list[ChannelTest])
    except msgspec.DecodeError:
        return None


def _entry(told: Told) -> AlertEntry:
    return AlertEntry(iso_instant(told.noted_at), told.title, told.lines, told.path, told.deliveries)


def _channel(one: Channel) -> ChannelEntry:
    last = None if one.last_success_at is None else iso_instant(one.last_success_at)
    return ChannelEntry(one.channel, one.waiting, one.problem, last)


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), 200, {"cache-control": "no-store"}, "application/json")
