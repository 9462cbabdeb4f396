"""What an audit looks at: the files of one service, what is in force, and the service itself while it runs."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from telemetry_service.core.identity import Identities
from telemetry_service.core.record import InForce
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.jobs.audit.looking import Looking, Scrubs
from telemetry_service.settings import Settings
from telemetry_service.settings.declared import in_force
from telemetry_service.store.inbox import InboxReader


class Mirrored(NamedTuple):
    """A mirror as it is: its columns, those it should have, and when its oldest record began (empty without records)."""

    columns: frozenset[str]
    declared: frozenset[str]
    oldest: str


class CannotLook(Exception):
    """Something could not be looked at; the text says why, in words of ours."""


@dataclass(kw_only=True)
class Place:
    """One service under audit. `now` is in microseconds since 1970 UTC.

    `mirror` raises `CannotLook`. `address` is where the service answers, or None while it does not run here.
    """

    directory: Path
    backups: Path  # where the service puts its backups
    settings: Settings
    connection: sqlite3.Connection
    inbox: InboxReader | None
    identities: Identities
    scrub: Scrubs
    now: int
    mirror: Callable[[], Mirrored]
    address: tuple[str, int] | None
    spelled: Counter[tuple[str, str]] | None = None  # what the bytes of all files spell, once they were read

    @cached_property
    def state(self) -> InForce:
        return in_force(self.settings)

    @cached_property
    def looking(self) -> Looking:
        """Both ways to find identifiers, which remember what they have seen."""
        return Looking(self.scrub, PublicHosts((*self.settings.public_hosts, *_own_hosts(self.settings))))

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """All rows of a query that has few."""
        return self.connection.execute(query, values).fetchall()

    def number(self, query: str, *values: object) -> int:
        """The one whole number that a query answers; 0 for NULL."""
        (found,) = self.connection.execute(query, values).fetchone()
        return int(found or 0)


def _own_hosts(settings: Settings) -> list[str]:
    """Hosts that the operator named: ours may be told why they do not answer."""
    urls = (settings.public_url, settings.pocketbase_url, settings.github_url, *(url.reveal() for url in settings.alert_urls))
    found = [settings.smtp_host.lower()]
    for url in urls:
        with suppress(ValueError):
            found.append(urlsplit(url).hostname or "")
    return [host for host in found if host]
