"""Sessions of browsers: server-side, short-lived, in memory alone, so a restart ends them all.

The cookie holds a random secret, the memory its keyed hash. A session is worth what its token is worth: each use asks the store
whether the token is still valid.
"""

import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import blake2b

from telemetry_service.web.answers import Headers
from telemetry_service.web.limits import TokenBuckets

# The prefix makes browsers insist on Secure, Path=/ and no Domain: no neighbour can set or read it.
SESSION_COOKIE = "__Host-session"
FORM_COOKIE = "__Host-form"  # ties the form to the browser that asked for it, before there is a session
CSRF_FIELD = "csrf_token"
CSRF_HEADER = b"x-csrf-token"
SESSION_SECONDS = 8 * 3600.0
IDLE_SECONDS = 3600.0
MAX_SESSIONS = 1000  # the oldest ends
GUESSES_PER_MINUTE, GUESSES_AT_ONCE = 5, 10  # of one network
ALL_GUESSES_PER_MINUTE, ALL_GUESSES_AT_ONCE = 60, 120
_ALL = b"all"


class Session:
    """One browser that has logged in with the token of a number; times in seconds of one clock."""

    __slots__ = ("csrf", "ends_at", "token_id", "used_at")

    def __init__(self, token_id: int, now: float) -> None:
        self.token_id = token_id
        self.csrf = secrets.token_urlsafe(24)
        self.ends_at = now + SESSION_SECONDS
        self.used_at = now

    def over(self, now: float) -> bool:
        return now >= self.ends_at or now - self.used_at >= IDLE_SECONDS


class Sessions:
    """The open sessions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._open: dict[bytes, Session] = {}

    def open(self, token_id: int) -> str:
        """Begin a session; the secret for its cookie."""
        now = self._clock()
        for key in [key for key, session in self._open.items() if session.over(now)]:
            del self._open[key]
        if len(self._open) >= MAX_SESSIONS:
            del self._open[next(iter(self._open))]
        secret = secrets.token_urlsafe(32)
        self._open[self._hash(secret)] = Session(token_id, now)
        return secret

    def find(self, headers: Headers) -> Session | None:
        """The session of a request, which counts as used."""
        secret = cookie(headers, SESSION_COOKIE)
        session = self._open.get(self._hash(secret)) if secret else None
        now = self._clock()
        if session is None or session.over(now):
            return None
        session.used_at = now
        return session

    def close(self, headers: Headers) -> None:
        """End the session of a request, if there is one."""
        self._open.pop(self._hash(cookie(headers, SESSION_COOKIE)), None)

    def form_token(self, form_cookie: str) -> str:
        """What a form has to carry that was given out together with this cookie."""
        return blake2b(form_cookie.encode(), digest_size=24, key=self._key, person=b"form").hexdigest()

    def __len__(self) -> int:
        return len(self._open)

    def _hash(self, secret: str) -> bytes:
        return blake2b(secret.encode(), digest_size=32, key=self._key, person=b"session").digest()


class Guesses:
    """Bounds wrong tokens at the login form, per network and in all.

    When all networks together have used up their guesses, those that have made wrong ones wait, and everybody else goes on:
    nobody can lock out anybody but himself.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._networks = TokenBuckets(GUESSES_PER_MINUTE, GUESSES_AT_ONCE)
        self._all = TokenBuckets(ALL_GUESSES_PER_MINUTE, ALL_GUESSES_AT_ONCE)

    def take(self, network: bytes) -> float:
        """Begin a guess of a network, which counts as wrong until it is found `right`: many may be looked at at once.

        Returns 0, or the seconds to wait when there may be none now.
        """
        now = self._clock()
        if not self._networks.untouched(network, now):
            wait = max(self._networks.wait(network, now), self._all.wait(_ALL, now))
            if wait:
                return wait
        self._networks.take(network, now)
        self._all.take(_ALL, now)
        return 0.0

    def right(self, network: bytes) -> None:
        """The guess was none."""
        now = self._clock()
        self._networks.give_back(network, now)
        self._all.give_back(_ALL, now)


def cookie(headers: Headers, name: str) -> str:
    """The value of a cookie, empty if it was not sent."""
    prefix = f"{name}="
    for header, value in headers:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                if pair.strip().startswith(prefix):
                    return pair.strip().removeprefix(prefix)
    return ""


def cookie_header(name: str, value: str, seconds: float) -> str:
    """A cookie for this browser and host alone, out of reach of scripts; 0 seconds take it away."""
    return f"{name}={value}; Path=/; Max-Age={int(seconds)}; HttpOnly; Secure; SameSite=Strict"


def same(a: str, b: str) -> bool:
    """Whether two secrets are equal, in constant time."""
    return hmac.compare_digest(a.encode(), b.encode())
