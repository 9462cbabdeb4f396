"""Chat services, phones and webhooks, through apprise.

apprise tells whether a message was taken, and no more: from the beginning of an attempt it may arrive. What it logs may quote
an address with its secrets, so its log goes nowhere.
"""

import logging
import warnings
from collections.abc import Callable

from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import Delivery

REPEATED = "(Sent again, because the service stopped while this was on its way; you may have it already.)"
_JOINED = "\N{ZERO WIDTH SPACE}"  # behind @: what is told must not call everybody in a room


class Chat:
    """One URL of apprise."""

    def __init__(self, name: str, url: Secret) -> None:
        self.name = name
        self._url = url

    def send(self, delivery: Delivery, leaving: Callable[[], None]) -> None:
        """See `Channel`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it looks for modules that Python is about to drop
            import apprise

            logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
            found = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Telemetry", app_desc="Telemetry Service", app_url=""))
            if not found.add(self._url.reveal()):
                raise ChannelFailed("apprise knows no such channel; check its line in ALERT_URLS")
        for service in found:
            service.overflow_mode = apprise.OverflowMode.SPLIT  # some refuse more than 2,000 characters
        text = delivery.message.text + (f"\n{REPEATED}\n" if delivery.repeated else "")
        leaving()
        taken = found.notify(
            body=text.replace("@", f"@{_JOINED}"),
            title=delivery.message.subject.replace("@", f"@{_JOINED}"),
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not taken:
            raise ChannelFailed("the service behind it did not take the message")
