"""Who may do what: bearer tokens, sessions that began with one, and their scopes."""

from collections.abc import Callable
from typing import NamedTuple

from telemetry_service.core.identity import Identities
from telemetry_service.store import tokens
from telemetry_service.store.reading import Readers
from telemetry_service.store.tokens import Token
from telemetry_service.web.answers import Headers
from telemetry_service.web.sessions import Sessions

# What a scope includes. `ingest` can send reports and read nothing.
INCLUDES = {"ingest": {"ingest"}, "read": {"read"}, "admin": {"ingest", "read", "admin"}}


class Denied(Exception):
    """No token where one is needed, or one without the scope."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers: Headers = [(b"www-authenticate", b"Bearer")] if status == 401 else []


class Caller(NamedTuple):
    """Who asks: the token, and the CSRF token of the session if the request came by one."""

    token: Token
    csrf: str | None

    def may(self, scope: str) -> bool:
        return scope in INCLUDES[self.token.scope]


class Access:
    """Checks tokens against the store at every request: one that is revoked ends there and then."""

    def __init__(self, readers: Readers, identities: Identities, sessions: Sessions, today: Callable[[], int]) -> None:
        """`today` is the UTC day; `readers` should not be kept busy by reports."""
        self.sessions = sessions
        self._readers = readers
        self._identities = identities
        self._today = today
        self._used: dict[int, int] = {}

    async def caller(self, headers: Headers, *, by_session: bool = True) -> Caller | None:
        """Who sent a request; None without a token or session. Raises `Denied` for a token that is not valid."""
        secret = _bearer(headers)
        if secret is not None:
            token = await self.token(secret)
            if token is None:
                raise Denied(401, "token: not valid")
            return Caller(token, None)
        session = self.sessions.find(headers) if by_session else None
        if session is None:
            return None
        token_id, today = session.token_id, self._today()
        token = await self._readers.run(lambda reader: tokens.by_id(reader.connection, token_id, today))
        if token is None:
            self.sessions.close(headers)
            return None
        self._note(token)
        return Caller(token, session.csrf)

    async def token(self, secret: str) -> Token | None:
        """The valid token of this secret."""
        hashed, today = self._identities.token(secret), self._today()
        token = await self._readers.run(lambda reader: tokens.find(reader.connection, hashed, today))
        if token is not None:
            self._note(token)
        return token

    async def require(self, scope: str, headers: Headers, *, by_session: bool = True) -> Caller:
        """Raises `Denied` without a token or session of this scope."""
        return required(await self.caller(headers, by_session=by_session), scope)

    def used(self) -> dict[int, int]:
        """Tokens used on a day that the store does not know of yet: the day by token number. Taking it leaves nothing."""
        used, self._used = self._used, {}
        return used

    def still_used(self, used: dict[int, int]) -> None:
        """Give back what could not be written."""
        self._used = used | self._used

    def _note(self, token: Token) -> None:
        today = self._today()
        if token.last_used_day is None or token.last_used_day < today:
            self._used[token.id] = today


def required(caller: Caller | None, scope: str) -> Caller:
    """The caller, if there is one who may. Raises `Denied`."""
    if caller is None:
        raise Denied(401, "token: missing")
    if not caller.may(scope):
        raise Denied(403, f"token: lacks the scope {scope}")
    return caller


def _bearer(headers: Headers) -> str | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            return secret.strip() if scheme.lower() == "bearer" else ""
    return None
