"""What every command puts together first: a clock, the intake, the store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from telemetry_service.core.identity import Identities
from telemetry_service.settings import Settings
from telemetry_service.store.store import Store, StoreOptions

if TYPE_CHECKING:
    from telemetry_service.core.intake import Intake
    from telemetry_service.core.scrub import Scrubber


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def store_options(settings: Settings) -> StoreOptions:
    return StoreOptions(
        known_repos=settings.known_repos,
        publish_min_count=settings.publish_min_count,
        max_new_apps_per_day=settings.max_new_apps_per_day,
        stuck_hours=settings.cleanup_stuck_hours,
    )


def intake(settings: Settings, ids: Identities) -> Intake:
    # Imported here, because processes that only fold or mirror do without; the rules for error lines when they are needed.
    from telemetry_service.core.intake import Explainer, Intake, Policy

    def scrubber() -> Scrubber:
        from telemetry_service.core.scrub import Scrubber

        return Scrubber(settings.public_hosts)

    policy = Policy(known_repos=settings.known_repos, extended_fields=settings.extended_fields)
    return Intake(policy, ids, Explainer(scrubber, settings.error_max_chars))


def open_store(settings: Settings, ids: Identities) -> Store:
    return Store(settings.data_dir, store_options(settings), ids, now=now())
