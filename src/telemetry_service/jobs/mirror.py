"""The mirror: brings what changed to PocketBase, in order, and keeps trying when PocketBase does not work.

At most `WINDOW` changes are under way at once. A window ends before the next one begins, so that no older state of an
installation can arrive behind a newer one; its state is read just before it is sent.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from telemetry_service.core.flat import flat
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.mirrors.collection import RANDOM_ID, columns
from telemetry_service.mirrors.pocketbase import DELETED, DONE, Operation, Outcome, PocketBase, Trouble, Verdict
from telemetry_service.store.changes import Change, Changes
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.names import Names
from telemetry_service.store.rows import Rows

WINDOW = 1_000
CHUNK = 20  # changes that one connection takes at a time, where there are no batches
SEED_AT_ONCE = 5_000  # installations: bounds how long the fold waits
IDLE_SECONDS = 0.5
CHECK_SECONDS = 30.0  # how soon a change to the collection is noticed
BACK_OFF_SECONDS = (0.5, 30.0)  # at first, and at most
MAX_UNCLEAR = 3  # attempts at one record while others get through

STILL_THERE = Outcome(Verdict.UNCLEAR, "it was deleted and is still there")

log = logging.getLogger(__name__)


class Mirror:
    """Follows the changes of one store into one PocketBase; `now` is in microseconds since 1970."""

    def __init__(
        self,
        changes: Changes,
        identities: Identities,
        pocketbase: PocketBase,
        *,
        place: str,
        include_random_id: bool,
        extended_fields: frozenset[str],
        now: Callable[[], int],
    ) -> None:
        self._changes = changes
        self._identities = identities
        self._pocketbase = pocketbase
        self._names = Names(changes.connection)
        self._rows = Rows(changes.connection, self._names, identities)
        self._columns = columns(include_random_id=include_random_id, extended_fields=extended_fields)
        self._target = msgspec.json.encode([place, sorted(self._columns)]).decode()
        self._include_random_id = include_random_id
        self._blank: dict[str, Any] = {}
        self._now = now
        self._checked_at = -CHECK_SECONDS
        self._unclear: Counter[int] = Counter()
        self._failures = 0
        self._reason = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; finishes the window it is in."""
        while not stop.is_set():
            try:
                worked = await self.step()
                if self._reason:
                    log.info("mirror.resumed")
                self._failures, self._reason = 0, ""
            except (Trouble, StoreUnavailable) as error:
                await _wait(stop, self._back_off(error))
                continue
            if not worked:
                await _wait(stop, IDLE_SECONDS)

    def _back_off(self, error: Exception) -> float:
        """How long to wait after a failure: twice as long each time, not in step with others, never less than was asked for."""
        first, most = BACK_OFF_SECONDS
        seconds = random.uniform(0.5, 1.0) * min(first * 2.0**self._failures, most)
        if isinstance(error, Trouble):
            seconds = max(seconds, error.retry_after_seconds)
            self._note_problem(str(error))
        if str(error) != self._reason:
            log.error("mirror.waiting", extra={"reason": str(error)})
        self._reason = str(error)
        self._failures = min(self._failures + 1, 16)
        self._checked_at = -CHECK_SECONDS
        return seconds

    def _note_problem(self, problem: str) -> None:
        try:
            self._changes.note_problem(problem, self._seconds())
        except StoreUnavailable as error:
            log.error("mirror.waiting", extra={"reason": str(error)})

    async def step(self) -> bool:
        """Bring the oldest changes over; whether there were any.

        Raises `Trouble`, with what was confirmed until then let go of and all else kept.
        """
        if time.monotonic() - self._checked_at >= CHECK_SECONDS:
            await self._check()
        if not self._changes.is_reconciled():
            await self._reconcile()
        window = self._changes.next(WINDOW)
        if window:
            await self._bring_over(window)
        return bool(window)

    async def _check(self) -> None:
        """See that the collection is as it must be; one that was changed meanwhile gets everything again."""
        target, known = self._changes.target()
        same = target == self._target
        made_before = set(msgspec.json.decode(known)[-1]) if same and known else set()
        shape = await self._pocketbase.ensure(self._columns, made_before)
        if not self._include_random_id and RANDOM_ID in shape.names:
            self._blank = {RANDOM_ID: ""}  # what was sent under another setting goes
        self._changes.aim(self._target, shape.text)
        self._changes.note_contact(self._seconds())
        self._checked_at = time.monotonic()

    async def _reconcile(self) -> None:
        """Have everything sent that is here, and deleted what is not; records that this service did not write stay."""
        log.info("mirror.comparing")
        while self._changes.seed(SEED_AT_ONCE, self._seconds()):
            await asyncio.sleep(0)
        not_ours = 0
        after = ""
        while ids := await self._pocketbase.record_ids(after):
            found = [self._identities.mirrored_execution(id_) for id_ in ids]
            ours = [execution for execution in found if execution is not None]
            self._changes.compare(ours, self._seconds())
            not_ours += len(ids) - len(ours)
            after = ids[-1]
        self._changes.note_reconciled(not_ours)
        log.info("mirror.compared", extra={"not_ours": not_ours})

    async def _bring_over(self, window: list[Change]) -> None:
        size = self._pocketbase.batch_size or CHUNK
        chunks = [window[start : start + size] for start in range(0, len(window), size)]
        chunks.reverse()
        outcomes: dict[Change, Outcome] = {}
        tasks = [
            asyncio.create_task(self._work(chunks, outcomes, number))
            for number in range(min(self._pocketbase.connections, len(chunks)))
        ]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        await self._settle(outcomes)
        for failure in failures:
            raise failure

    async def _work(self, chunks: list[list[Change]], outcomes: dict[Change, Outcome], connection: int) -> None:
        """Take chunks until there are none; trouble on one connection ends the work of all."""
        while chunks:
            chunk = chunks.pop()
            try:
                await self._send(chunk, outcomes, connection)
            except BaseException:
                chunks.clear()
                raise

    async def _send(self, chunk: list[Change], outcomes: dict[Change, Outcome], connection: int) -> None:
        operations = dict(zip(chunk, self._operations(chunk), strict=True))
        if self._pocketbase.batch_size:
            puts = {change: operation for change, operation in operations.items() if operation.content is not None}
            if len(puts) > 1 and await self._pocketbase.apply_batch(list(puts.values()), connection):
                outcomes.update(dict.fromkeys(puts, DONE))
                operations = {change: operations[change] for change in operations if change not in puts}
        for change, operation in operations.items():
            outcomes[change] = await self._pocketbase.apply(operation, connection)
        await self._read_back(chunk, outcomes, connection)

    async def _read_back(self, chunk: list[Change], outcomes: dict[Change, Outcome], connection: int) -> None:
        """See that what was deleted is gone, whatever was answered."""
        deleted = {self._identities.mirrored(change.execution): change for change in chunk if outcomes[change] is DELETED}
        if deleted:
            for id_ in await self._pocketbase.still_there(list(deleted), connection):
                outcomes[deleted[id_]] = STILL_THERE

    def _operations(self, chunk: list[Change]) -> list[Operation]:
        self._names.catch_up()
        rows = self._rows.load([change.execution for change in chunk])
        return [
            Operation(
                self._identities.mirrored(change.execution),
                self._content(rows[change.execution].installation) if change.execution in rows else None,
                change.is_new,
            )
            for change in chunk
        ]

    def _content(self, installation: Installation) -> dict[str, Any]:
        content = flat(installation)
        if self._include_random_id:
            content[RANDOM_ID] = str(UUID(bytes=installation.value(RANDOM_ID)))
        return {name: content[name] for name in self._columns} | self._blank

    async def _settle(self, outcomes: dict[Change, Outcome]) -> None:
        """Confirm what is done, and set aside what is refused for good.

        Raises `Trouble` where PocketBase refuses everything without saying why.
        """
        done = {change: outcome for change, outcome in outcomes.items() if outcome.verdict is Verdict.DONE}
        refused = {change: outcome.reason for change, outcome in outcomes.items() if outcome.verdict is Verdict.REFUSED}
        unclear = [change for change, outcome in outcomes.items() if outcome.verdict is Verdict.UNCLEAR]
        if refused:
            try:
                await self._check()  # records must not be set aside for what is the fault of the collection
            except Trouble:
                self._confirm(done, {})
                raise
        if done:
            for change in unclear:
                self._unclear[change.seq] += 1
                if self._unclear[change.seq] >= MAX_UNCLEAR:
                    refused[change] = outcomes[change].reason or "PocketBase does not say why"
        self._confirm(done, refused)
        if unclear and not done:
            raise Trouble("PocketBase does not work: it refuses records and does not say why; is its disk full?")

    def _confirm(self, done: dict[Change, Outcome], refused: dict[Change, str]) -> None:
        for change in (*done, *refused):
            self._unclear.pop(change.seq, None)
        if done or refused:
            deleted = sum(outcome is DELETED for outcome in done.values())
            self._changes.confirm([*done], refused, deleted=deleted, now_seconds=self._seconds())
        for reason, n in Counter(refused.values()).items():
            log.error("mirror.set_aside", extra={"installations": n, "reason": reason})

    def _seconds(self) -> int:
        return self._now() // 1_000_000


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
