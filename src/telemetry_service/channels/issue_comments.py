"""Comments on issues as a channel of the outbox: what a script that is fixed has to say under its issue."""

import asyncio
from collections.abc import Callable

from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.channels.github import GitHub, GitHubFailed
from telemetry_service.store.outbox import Delivery

CHANNEL = "github"


class IssueComments:
    """Says a message under the issue whose number is its subject, once: the key of the message stands in the comment."""

    name = CHANNEL

    def __init__(self, make: Callable[[], GitHub]) -> None:
        self._make = make

    def send(self, delivery: Delivery, leaving: Callable[[], None]) -> None:
        """See `Channel`. What may have been said already is looked up, so `leaving` only notes that it is under way."""
        leaving()
        try:
            asyncio.run(self._make().comment(int(delivery.message.subject), delivery.message.text, delivery.key))
        except GitHubFailed as error:
            raise ChannelFailed(str(error)) from None
