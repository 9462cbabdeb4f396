"""Group commit: the events waiting at one moment share one sync to disk.

Storing waits for the disk and is done in a thread, while the loop gathers the next group. An acknowledgement is given when the
future of its group is done.

Whatever goes wrong with a group, those who wait for it are told, and the next group is tried: an error that nobody thought of
must not leave every later report without an answer.
"""

import asyncio
import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

import structlog

from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.inbox import Inbox

AT_REST_SECONDS, BUSY_SECONDS = 5.0, 60.0  # between two times that the write-ahead log is emptied
CHECK_SECONDS = 0.5  # how stale the view of free space may be
MAX_WAITING = 20_000  # events in memory that no disk has yet; above it the answer is 503

log = structlog.get_logger()


class GroupCommit:
    """Stores events in groups; used by one event loop."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._groups: SimpleQueue[tuple[asyncio.Future[None] | None, list[bytes]] | None] = SimpleQueue()
        self._thread = Thread(target=self._commit_groups, name="inbox", daemon=True)
        self._thread.start()
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._group: asyncio.Future[None] | None = None
        self._committing = False
        self._refusal: str | None = None
        self._next_check = 0.0
        self._log_is_dirty = True  # what was left by the process before
        self._emptied_at = time.monotonic()
        self._more_to_take_away = False
        self.folded_through = inbox.first_seq() - 1
        self.last_seq = inbox.last_seq()
        self.started_waiting_at = time.time_ns() // 1000

    @property
    def unsettled(self) -> bool:
        """Whether there is something to do without new events: folded ones to take away, their bytes to be gone, or a disk to
        look at again."""
        return self._more_to_take_away or self._log_is_dirty or self._refusal is not None

    @property
    def refusal(self) -> str | None:
        """Why events are refused now, or None."""
        return self._refusal

    def store(self, body: bytes) -> asyncio.Future[None]:
        """Have an event stored; the future is done when it is on disk, or fails with `StoreUnavailable`.

        Raises `StoreUnavailable` at once while there is no room.
        """
        if self._refusal is not None:
            self._schedule()
            raise StoreUnavailable(self._refusal)
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("too many events wait for the disk")
        if self._group is None:
            self._group = self._loop.create_future()
        self._waiting.append(body)
        self._schedule()
        return self._group

    def tidy(self) -> None:
        """Take folded events away and look for room, also when no new events arrive."""
        self._schedule()

    def _schedule(self) -> None:
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        bodies, group = self._waiting, self._group
        self._waiting, self._group = [], None
        self._groups.put((group, bodies))

    def _commit_groups(self) -> None:
        while (group := self._groups.get()) is not None:
            self._commit(*group)

    def _commit(self, group: "asyncio.Future[None] | None", bodies: list[bytes]) -> None:
        failure: StoreUnavailable | None = None
        try:
            self._more_to_take_away = self._inbox.commit(bodies, self.folded_through)
            self._log_is_dirty = self._log_is_dirty or bool(bodies) or self._more_to_take_away
        except StoreUnavailable as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - see above; the top of this thread
            failure = _unexpected(error)
        self._look_for_room(failure is not None)
        self._empty_log(at_rest=not bodies and not self._more_to_take_away)
        self._loop.call_soon_threadsafe(self._finish, group, len(bodies), failure)

    def _look_for_room(self, failed: bool) -> None:
        now = time.monotonic()
        if failed or now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            try:
                self._refusal = self._inbox.refusal()
            except Exception as error:  # noqa: BLE001 - as above; asked again at the next commit
                self._refusal = str(_unexpected(error))

    def _empty_log(self, *, at_rest: bool) -> None:
        """What was taken away stays in the write-ahead log until it is overwritten: in a quiet service, never."""
        now = time.monotonic()
        if self._log_is_dirty and now - self._emptied_at >= (AT_REST_SECONDS if at_rest else BUSY_SECONDS):
            self._emptied_at = now
            try:
                self._log_is_dirty = not self._inbox.truncate_wal()
            except Exception as error:  # noqa: BLE001 - as above; tried again
                _unexpected(error)

    def _finish(self, group: "asyncio.Future[None] | None", size: int, failure: StoreUnavailable | None) -> None:
        self._committing = False
        if group is not None and not group.done():
            if failure is None:
                if self.last_seq <= self.folded_through:
                    self.started_waiting_at = time.time_ns() // 1000
                self.last_seq += size
                group.set_result(None)
            else:
                group.set_exception(failure)
        if self._waiting:
            self._schedule()

    async def close(self, on_closed: Callable[[], None]) -> None:
        """Wait for what was accepted, then end."""
        while self._committing or self._waiting:
            await asyncio.sleep(0.005)
        self._groups.put(None)
        self._thread.join()
        on_closed()


def _unexpected(error: Exception) -> StoreUnavailable:
    """What is said of an error that nobody thought of: its kind and place, never its text, which may quote an event."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "unknown"
    log.error("inbox.error", exception=type(error).__name__, where=where)
    return StoreUnavailable("an error in the inbox; see the log")
