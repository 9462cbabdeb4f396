"""What a channel promises."""

from collections.abc import Callable
from typing import Protocol

from telemetry_service.store.outbox import Delivery


class ChannelFailed(Exception):
    """A message was not taken, in words of ours that hold no secret; `unclear` where it may have been taken all the same."""

    def __init__(self, reason: str, *, unclear: bool = False) -> None:
        super().__init__(reason)
        self.unclear = unclear


class Channel(Protocol):
    """Sends messages. `name` tells it from others and holds no secret.

    `send` calls `leaving` before the first moment in which the message may arrive, and returns when the other side has taken
    it. Raises `ChannelFailed`.
    """

    name: str

    def send(self, delivery: Delivery, leaving: Callable[[], None]) -> None: ...
