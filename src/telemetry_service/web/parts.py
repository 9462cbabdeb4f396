"""What the routes are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from telemetry_service.core.counts import Sources
from telemetry_service.core.identity import Identities
from telemetry_service.core.intake import Intake
from telemetry_service.settings import Settings
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.store.reading import Reader, Readers
from telemetry_service.store.reports import Reports
from telemetry_service.store.store import declared_sources
from telemetry_service.web.auth import Access
from telemetry_service.web.cache import PublicAnswers
from telemetry_service.web.ingest import Ingest
from telemetry_service.web.limits import Peers
from telemetry_service.web.worker_process import WorkerProcess


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The running service, as its handlers see it; `now` is in microseconds since 1970 UTC."""

    settings: Settings
    intake: Intake
    identities: Identities
    ingest: Ingest
    group: GroupCommit
    readers: Readers
    quick_readers: Readers  # for what must not wait behind reports
    access: Access
    peers: Peers
    answers: PublicAnswers
    worker: WorkerProcess
    generation: str
    now: Callable[[], int]

    @cached_property
    def sources(self) -> Sources:
        """The sources that may be asked for; also those of repositories that KNOWN_REPOS named once."""
        return declared_sources(self.settings.data_dir)

    def reports(self, reader: Reader) -> Reports:
        """The reports of the store as a reader sees it now."""
        return Reports(
            reader,
            self.sources,
            self.identities,
            step=self.settings.publish_min_count,
            stuck_hours=self.settings.cleanup_stuck_hours,
            now=self.now(),
        )

    async def follow_fold(self) -> bool:
        """Learn how far the inbox is folded; whether that is further than before."""
        try:
            position = await self.quick_readers.run(lambda reader: reader.position(self.generation))
        except StoreUnavailable:
            return False
        moved = position > self.group.folded_through
        # An inbox that was restored empty begins behind what it once gave out.
        self.group.folded_through = max(position, self.group.folded_through)
        return moved
