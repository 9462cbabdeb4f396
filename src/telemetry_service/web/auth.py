"""Who may do what: bearer tokens and their scopes."""

from telemetry_service.core.identity import Identities
from telemetry_service.store.reading import Readers
from telemetry_service.store.tokens import scope_of
from telemetry_service.web.answers import Headers

# What a scope includes. `ingest` can send reports and read nothing.
INCLUDES = {"ingest": {"ingest"}, "read": {"read"}, "admin": {"ingest", "read", "admin"}}


class Denied(Exception):
    """No token where one is needed, or one without the scope."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers: Headers = [(b"www-authenticate", b"Bearer")] if status == 401 else []


class Access:
    """Checks tokens against the store."""

    def __init__(self, readers: Readers, identities: Identities) -> None:
        self._readers = readers
        self._identities = identities

    async def allows(self, scope: str, headers: Headers) -> bool:
        """Whether the request carries a token with this scope; no token is no, a wrong one raises `Denied`."""
        secret = _bearer(headers)
        if secret is None:
            return False
        found = await self._readers.run(lambda reader: scope_of(reader.connection, self._identities.token(secret)))
        if found is None:
            raise Denied(401, "token: not valid")
        return scope in INCLUDES[found]

    async def require(self, scope: str, headers: Headers) -> None:
        """Raises `Denied` without a token of this scope."""
        if _bearer(headers) is None:
            raise Denied(401, "token: missing")
        if not await self.allows(scope, headers):
            raise Denied(403, f"token: lacks the scope {scope}")


def _bearer(headers: Headers) -> str | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            return secret.strip() if scheme.lower() == "bearer" else ""
    return None
