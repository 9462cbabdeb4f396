"""PocketBase as a mirror: its HTTP API, and what its answers mean.

At least once on the wire, exactly once in effect: a record's id follows from its execution, what exists already is updated,
and what is gone already counts as deleted. Nothing of an answer but names of columns and codes is passed on.
"""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from telemetry_service.http_client import Answer, Connection, Unreachable
from telemetry_service.mirrors.collection import faults, missing, new_collection, shape

TIMEOUT_SECONDS = 30.0
MAX_RETRY_AFTER_SECONDS = 3600.0
MAX_BATCH = 100  # more gains nothing and holds PocketBase's one writer for longer
LISTED_AT_ONCE = 1000  # the most that PocketBase gives


class Trouble(Exception):
    """The mirror cannot be used now; the text says why, in words for an operator, and holds no value and no secret."""

    def __init__(self, text: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class MisfitCollection(Trouble):
    """The collection is not as it must be: somebody changed it, or it is another one."""


class NotAllowed(Trouble):
    """PocketBase refuses who asks."""


class Verdict(StrEnum):
    """What became of a record."""

    DONE = "done"
    REFUSED = "refused"  # for good: the reason names columns and codes
    UNCLEAR = "unclear"  # PocketBase does not say why: of this record, or of itself


class Outcome(NamedTuple):
    verdict: Verdict
    reason: str = ""


class Login(msgspec.Struct, frozen=True):
    """Who writes: a superuser by email and password, or by a token."""

    email: str
    password: str
    token: str


class Operation(NamedTuple):
    """What is to be done to a record: its new content, or None to delete it. `is_new` is a guess."""

    id: str
    content: dict[str, Any] | None
    is_new: bool


class Shape(NamedTuple):
    """The names of all columns of a collection, and a text that is another one when those of ours were changed."""

    text: str
    names: frozenset[str]


DONE = Outcome(Verdict.DONE)
DELETED = Outcome(Verdict.DONE, "deleted")
_UNCLEAR = Outcome(Verdict.UNCLEAR)


class PocketBase:
    """One collection of a PocketBase, over some connections, each used by one task at a time."""

    def __init__(self, url: str, collection: str, login: Login, connections: int = 1) -> None:
        self._url = url
        self._login = login
        self._token = login.token
        self._authenticating = asyncio.Lock()
        self._connections = [Connection(url, TIMEOUT_SECONDS) for _ in range(connections)]
        self._collection = collection
        self._path = f"/api/collections/{quote(collection, safe='')}"
        self.batch_size = 0  # of the batch API; 0 while it is off

    @property
    def connections(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    async def ensure(self, wanted: dict[str, dict[str, Any]], made_before: set[str]) -> Shape:
        """See to it that the collection is there and as it must be.

        It is created where it is missing, and gets columns that are not in `made_before`: one that is, somebody removed.
        Raises `Trouble`.
        """
        found = await self._collection_found()
        if found is None:
            found = await self._declare("POST", "/api/collections", new_collection(self._collection, wanted))
        lacking = missing(found, wanted)
        removed = [name for name in lacking if name in made_before]
        said = [*(f"its column {name} is missing" for name in removed), *faults(found, wanted)]
        if said:
            raise MisfitCollection(f"the collection {self._collection} in PocketBase cannot be used: {'; '.join(said)}")
        if lacking:
            fields = [*found["fields"], *(wanted[name] for name in lacking)]
            found = await self._declare("PATCH", self._path, {"fields": fields})
        await self._learn_batches()
        return Shape(shape(found, wanted), frozenset(field["name"] for field in found["fields"]))

    async def _collection_found(self) -> dict[str, Any] | None:
        answer = await self._ask("GET", self._path)
        if answer.status == 404:
            return None
        return _json(_good(answer))

    async def _declare(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._ask(method, path, msgspec.json.encode(body))
        if answer.status == 400:
            raise MisfitCollection(
                f"PocketBase does not let the collection {self._collection} be made: {_codes(answer) or 'it does not say why'}"
            )
        return _json(_good(answer))

    async def _learn_batches(self) -> None:
        answer = await self._ask("GET", "/api/settings?fields=batch")
        batch = _json(answer).get("batch", {}) if answer.status == 200 else {}
        self.batch_size = min(batch.get("maxRequests", 0), MAX_BATCH) if batch.get("enabled") else 0

    async def apply(self, operation: Operation, connection: int) -> Outcome:
        """Create, update or delete one record.

        Raises `Trouble`.
        """
        if operation.content is None:
            answer = await self._ask("DELETE", f"{self._path}/records/{operation.id}", connection=connection)
            return DELETED if answer.status == 404 or answer.status < 300 else _outcome(answer)
        body = msgspec.json.encode({"id": operation.id, **operation.content})
        creating = operation.is_new
        for _ in range(3):  # a record that comes or goes between two attempts is tried once more
            if creating:
                answer = await self._ask("POST", f"{self._path}/records?fields=id", body, connection)
                if answer.status == 404:
                    raise MisfitCollection(f"the collection {self._collection} in PocketBase is missing")
                if not _is_taken(answer):
                    return _outcome(answer)
            else:
                answer = await self._ask("PATCH", f"{self._path}/records/{operation.id}?fields=id", body, connection)
                if answer.status != 404:
                    return _outcome(answer)
            creating = not creating
        return _UNCLEAR

    async def apply_batch(self, operations: list[Operation], connection: int) -> bool:
        """Write some records in one transaction; False if that was refused, and nothing has changed then.

        Raises `Trouble`.
        """
        url = f"{self._path}/records?fields=id"
        # PUT would do for all, and makes PocketBase look for each record first: a third of its time.
        requests = [
            {"method": "POST" if operation.is_new else "PUT", "url": url, "body": {"id": operation.id, **operation.content}}
            for operation in operations
            if operation.content is not None
        ]
        try:
            answer = await self._ask("POST", "/api/batch", msgspec.json.encode({"requests": requests}), connection)
        except NotAllowed:
            self.batch_size = 0  # until the settings are read again
            return False
        if answer.status in (400, 413):
            return False
        _good(answer)
        return True

    async def record_ids(self, after: str) -> list[str]:
        """The next ids of the collection, in order.

        Raises `Trouble`.
        """
        wanted = quote(f"id > '{after}'")
        query = f"fields=id&sort=id&skipTotal=1&perPage={LISTED_AT_ONCE}&filter={wanted}"
        return [item["id"] for item in _json(_good(await self._ask("GET", f"{self._path}/records?{query}")))["items"]]

    async def still_there(self, ids: Sequence[str], connection: int) -> set[str]:
        """Which of these records there are; at most some hundred.

        Raises `Trouble`.
        """
        wanted = quote(" || ".join(f"id = '{id_}'" for id_ in ids))
        query = f"fields=id&skipTotal=1&perPage={LISTED_AT_ONCE}&filter={wanted}"
        answer = await self._ask("GET", f"{self._path}/records?{query}", connection=connection)
        return {item["id"] for item in _json(_good(answer))["items"]}

    async def count(self) -> int:
        """How many records the collection has."""
        found = _json(_good(await self._ask("GET", f"{self._path}/records?fields=id&perPage=1")))
        return int(found["totalItems"])

    async def columns(self) -> list[str] | None:
        """The names of the columns of the collection; None if there is no such collection.

        Raises `Trouble`.
        """
        found = await self._collection_found()
        return None if found is None else [field["name"] for field in found["fields"]]

    async def records(self, after: tuple[str, str], names: list[str]) -> list[dict[str, Any]]:
        """The next records by `created` and id, with these columns.

        Raises `Trouble`.
        """
        created, id_ = after
        # An index on `created` serves this form, and not that of an OR at the top.
        wanted = quote(f"created >= '{created}' && (created > '{created}' || id > '{id_}')") if id_ else ""
        query = f"fields={quote(','.join(names))}&sort=created,id&skipTotal=1&perPage={LISTED_AT_ONCE}&filter={wanted}"
        return list(_json(_good(await self._ask("GET", f"{self._path}/records?{query}")))["items"])

    async def _ask(self, method: str, path: str, body: bytes = b"", connection: int = 0) -> Answer:
        """One request; it is authenticated, and authenticated anew when PocketBase does not know the token any more."""
        for attempt in range(2):
            token = self._token or await self._authenticate("")
            try:
                answer = await self._connections[connection].request(method, path, body, token)
            except Unreachable as error:
                raise Trouble(f"PocketBase does not work: {error}") from None
            if answer.status not in (401, 403):
                return _passable(answer)
            # What a superuser is refused is not theirs to do; anybody else is asked to log in.
            if attempt == 0 and not self._login.token:
                await self._authenticate(token)
        if self._login.token:
            raise NotAllowed("PocketBase does not accept POCKETBASE_TOKEN for this: it has expired, or is no superuser's")
        raise NotAllowed("PocketBase does not let the user of POCKETBASE_EMAIL do this")

    async def _authenticate(self, stale: str) -> str:
        """A token; a new one unless another task got one meanwhile."""
        async with self._authenticating:
            if self._token and self._token != stale:
                return self._token
            self._token = ""
            body = msgspec.json.encode({"identity": self._login.email, "password": self._login.password})
            path = "/api/collections/_superusers/auth-with-password?fields=token"
            try:
                # A connection of its own: those of the tasks are in use.
                connection = Connection(self._url, TIMEOUT_SECONDS)
                answer = _passable(await connection.request("POST", path, body))
                connection.close()
            except Unreachable as error:
                raise Trouble(f"PocketBase does not work: {error}") from None
            if answer.status != 200:
                raise NotAllowed("PocketBase does not accept POCKETBASE_EMAIL and POCKETBASE_PASSWORD of a superuser")
            self._token = _json(answer)["token"]
            return self._token


def _passable(answer: Answer) -> Answer:
    """An answer that is about the request; what is about PocketBase itself is trouble."""
    if answer.status == 429 or answer.status >= 500 or answer.status == 408:
        raise Trouble(f"PocketBase does not work: it answers {answer.status}", _retry_after(answer))
    return answer


def _retry_after(answer: Answer) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), MAX_RETRY_AFTER_SECONDS) if text.isascii() and text.isdigit() else 0.0


def _good(answer: Answer) -> Answer:
    if answer.status >= 300:
        raise Trouble(f"PocketBase does not work: it answers {answer.status} {_codes(answer)}".rstrip())
    return answer


def _json(answer: Answer) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        found = None
    if not isinstance(found, dict):
        raise Trouble("PocketBase does not work: its answer is not as PocketBase answers")
    return found


def _details(answer: Answer) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    data = found.get("data") if isinstance(found, dict) else None
    return data if isinstance(data, dict) else {}


def _codes(answer: Answer) -> str:
    """The columns and codes of a refusal: its messages and parameters may hold values."""
    said = [f"{name}: {detail.get('code', 'invalid')}" for name, detail in _details(answer).items() if isinstance(detail, dict)]
    return ", ".join(said)[:500]


def _is_taken(answer: Answer) -> bool:
    id_ = _details(answer).get("id")
    return answer.status == 400 and isinstance(id_, dict) and id_.get("code") == "validation_not_unique"


def _outcome(answer: Answer) -> Outcome:
    if answer.status < 300:
        return DONE
    # A full disk answers 400 too, and names no column.
    codes = _codes(answer)
    if codes or answer.status != 400:
        return Outcome(Verdict.REFUSED, codes or f"status {answer.status}")
    return _UNCLEAR
