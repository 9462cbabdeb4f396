"""From the bytes of a request to an accepted event, or a refusal that names the field.

Raw text, unknown fields and client ids end here: what leaves is an `Event` and the names of the fields that were dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from telemetry_service.core.ending import Cleaned, Endings
from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Event
from telemetry_service.core.exit_codes import meaning
from telemetry_service.core.fields import (
    BY_NAME,
    OPTIONAL_FIELDS,
    REGISTERS,
    REPOSITORIES,
    TERMINAL,
    UNKNOWN,
    WIRE_NAMES,
    Kind,
)
from telemetry_service.core.fingerprint import fingerprint
from telemetry_service.core.identity import Identities, needs_app, parse_uuid
from telemetry_service.core.repair import decode
from telemetry_service.core.values import INVALID, Invalid, Reader, reader, short_text

if TYPE_CHECKING:
    from telemetry_service.core.scrub import Scrubber

USUAL_LINES = (
    "E: Failed to fetch http://192.0.2.1/dists/stable/InRelease Could not connect to host.example:80 (192.0.2.1)",
    "root@host:~# curl: (6) Could not resolve host: host.example.lan",
    "cp: cannot stat '/home/user/.config/app.conf': No such file or directory",
    "Nov 11 11:11:11 host systemd[1]: app.service: Main process exited, code=exited, status=1/FAILURE",
    "npm ERR! Error: EACCES: permission denied, mkdir '/opt/app/node_modules'",
    "mount: can't find UUID=00000000-0000-4000-8000-000000000000 on fe80::1 password=secret user@host.example",
    "dpkg: error processing package app (--configure): post-installation script returned error exit status 1",
    " app : Depends: libfoo1 (>= 1.2) but it is not going to be installed. E: Unable to locate package app",
    "npm ERR! code ERESOLVE: could not resolve, 404 Not Found - GET https://registry.example/app - no space left on device",
    "ERROR: Could not find a version that satisfies the requirement app==1.2; ModuleNotFoundError: No module named 'app'",
    "Error response from daemon: driver failed programming external connectivity: port is already allocated",
    "fatal: unable to access 'https://github.com/app/app/': Failed to connect to github.com: Connection timed out",
    "Caused by: java.net.ConnectException: Connection refused; Exception in thread main; out of memory",
    "/usr/bin/install.sh: line 12: app: command not found; make: *** [Makefile:12: all] Error 1; fatal error: x.h: missing",
    'FATAL: password authentication failed for user "app"; Job for app.service failed because it exited with error code',
)
LONG_BODY_BYTES = 4096  # a log of this size is cleaned within a few milliseconds
# Status, exit code, category, duration, error, fingerprint, cause: as they stand in Event.
Outcome = tuple[str, int | None, str | None, int | None, str | None, int | None, str | None]

# What may be absent: how it ended, then the registers behind type and app, both in the order of Event.
_ENDING = ("exit_code", "error_category", "install_duration")
_OPTIONAL = (*_ENDING, *REGISTERS[2:])
_FIRST_REGISTER = len(_ENDING)
_ARCH, _SOURCE, _SLUG = (_OPTIONAL.index(name) for name in ("arch", "repo_source", "repo_slug"))


class Dropped(NamedTuple):
    """A field whose value was not kept, and why; never the value."""

    field: str
    reason: str


class Accepted(NamedTuple):
    """An event that may be stored, and what was dropped from the payload on the way."""

    event: Event
    dropped: tuple[Dropped, ...]


class Person(NamedTuple):
    """A random id as it is stored; one that was sent as a UUID cannot be guessed, any other maybe can."""

    random_id: bytes
    is_uuid: bool


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides about intake."""

    known_repos: tuple[str, ...]
    extended_fields: frozenset[str] = frozenset()


class Explainer:
    """Explains failures by the line of the log that tells the cause, cleaned of everything that could identify anyone.

    Rules take half a second to load and compile: that is done by the first use or by `prepare`, whichever comes first.
    """

    def __init__(self, make_scrubber: Callable[[], Scrubber], max_chars: int) -> None:
        self._make_scrubber = make_scrubber
        self._max_chars = max_chars
        self._scrubber: Scrubber | None = None
        self._making = Lock()

    @property
    def ready(self) -> bool:
        return self._scrubber is not None

    def prepare(self) -> Scrubber:
        """Build the scrubber, once, and run it over usual lines, which makes the first real ones as fast as the rest."""
        with self._making:
            if self._scrubber is None:
                scrubber = self._make_scrubber()
                for line in USUAL_LINES:
                    self._clean(line, "", scrubber)
                self._scrubber = scrubber
            return self._scrubber

    def _clean(self, error: str, exit_meaning: str, scrubber: Scrubber) -> Cleaned:
        # Imported here, because the signs of causes and what rules are made of delay a start by a fifth of a second.
        from telemetry_service.core.clean import clean_error

        return clean_error(error, exit_meaning, scrubber, self._max_chars)

    def __call__(self, error: str, exit_code: int | None) -> Cleaned:
        """What is kept of an error text; without one, the meaning of the exit code."""
        return self._clean(error, meaning(exit_code), self._scrubber or self.prepare())

    def again(self, text: str) -> str:
        """A text that was cleaned before, by this service or another one: as it is, unless the rules find something in it."""
        from telemetry_service.core.distil import window

        scrubber = self._scrubber or self.prepare()
        for clean in (text, text.replace("#", "0")):  # what a label has for its numbers looks like a name here and there
            if scrubber.gate(scrubber.scrub(clean).text) == clean:
                return window(text, self._max_chars)
        return window(scrubber.gate(scrubber.scrub(text).text), self._max_chars)


class Intake:
    """Turns payloads into events under one policy and one key."""

    def __init__(self, policy: Policy, identities: Identities, explain: Explainer) -> None:
        self._identities = identities
        self._explain = explain
        self._endings = Endings(explain, identities.text)
        self._repos = {slug.lower(): slug for slug in policy.known_repos}
        self._optional: list[Reader] = []
        self._drops: list[Dropped] = []
        for name in _OPTIONAL:
            is_recorded = name not in OPTIONAL_FIELDS or name in policy.extended_fields
            read = reader(BY_NAME[name])
            self._optional.append(read if is_recorded else _refusing(read))
            self._drops.append(Dropped(name, _why(name) if is_recorded else "not in the record of processing"))
        self._status = reader(BY_NAME["status"])
        self._type = reader(BY_NAME["type"])
        self._app = reader(BY_NAME["nsapp"])
        self._readers = dict(zip(_OPTIONAL, self._optional, strict=True)) | {"type": self._type, "nsapp": self._app}

    def accept(self, body: bytes, received_at: int) -> Accepted:
        """Validate one payload received at an instant in microseconds since 1970 UTC.

        Raises `Rejected` only for what wire.md says refuses an event; every other fault drops the value and keeps the event.
        """
        return self.accept_decoded(decode(body, WIRE_NAMES), received_at)

    def accept_decoded(self, payload: Mapping[str, Any], received_at: int) -> Accepted:
        """The same for a payload that is decoded already: values as in JSON, by lower-case name; others are not looked at.

        Raises `Rejected`.
        """
        dropped: list[Dropped] = []
        type_ = self._required(payload, "type", self._type)
        app = self._required(payload, "nsapp", self._app)
        random_id = self._random_id(payload, app, type_)
        execution = self._execution(payload, random_id, app, type_, dropped)
        status = self._read_status(payload, dropped)
        values = self._read_optional(payload, dropped)
        if values[_SLUG] is not None or dropped:
            self._settle_repository(values, dropped)
        if values[_ARCH] is None and payload.get("has_arm") in (True, "true", 1, "1"):
            values[_ARCH] = "arm64"
        outcome = self._outcome(payload, app, status, values, dropped)
        # By position, in the order of Event, takes half the time of building it by name.
        event = Event(received_at, random_id, execution, *outcome, type_, app, *values[_FIRST_REGISTER:])
        return Accepted(event, tuple(dropped))

    def person(self, payload: Mapping[str, Any]) -> Person:
        """Under which id that is stored which was reported with these ids.

        `nsapp` and `type` count for ids that machines share. Raises `Rejected` as for an event.
        """
        text = _id_text(payload.get("random_id"))
        app = type_ = ""
        if isinstance(text, str) and needs_app(text):
            app = self._required(payload, "nsapp", self._app)
            type_ = self._required(payload, "type", self._type)
        is_uuid = isinstance(text, str) and parse_uuid(text) is not None
        return Person(self._random_id(payload, app, type_), is_uuid)

    def read_again(self, name: str, value: Any) -> str | int | Invalid | None:
        """The value of a field that was accepted before, read as today's policy has it."""
        accepted = self._readers[name](value)
        return self._repos.get(accepted.lower()) if name == "repo_slug" and isinstance(accepted, str) else accepted

    def cleaned_again(self, text: str) -> str:
        """An error line, or what stands for it, that was cleaned before."""
        return self._explain.again(text)

    def prepare(self) -> None:
        """Get ready to explain failures; may be called from another thread."""
        self._explain.prepare()

    def scrubber(self) -> Scrubber:
        """What cleans error texts; made by whoever needs it first."""
        return self._explain.prepare()

    def takes_long(self, body: bytes) -> bool:
        """Whether accepting this payload may take more than a few milliseconds."""
        return len(body) > LONG_BODY_BYTES or not self._explain.ready

    def _required(self, payload: Mapping[str, Any], name: str, read: Reader) -> str:
        value = read(payload.get(name))
        if isinstance(value, str):
            return value
        if value is None:
            raise Rejected(name, "missing")
        accepted = BY_NAME[name].values
        raise Rejected(name, f"not one of {', '.join(accepted)}" if accepted else "not a usable name")

    def _random_id(self, payload: Mapping[str, Any], app: str, type_: str) -> bytes:
        uuid = self._uuid(payload.get("random_id"), app, type_)
        if uuid is None:
            raise Rejected("random_id", "missing")
        if isinstance(uuid, Invalid):
            raise Rejected("random_id", "not a usable id")
        return uuid

    def _execution(self, payload: Mapping[str, Any], random_id: bytes, app: str, type_: str, dropped: list[Dropped]) -> int:
        uuid = self._uuid(payload.get("execution_id"), app, type_)
        if isinstance(uuid, Invalid):
            dropped.append(Dropped("execution_id", "not a usable id; random_id serves"))
        return self._identities.execution(uuid if isinstance(uuid, bytes) else random_id)

    def _uuid(self, value: Any, app: str, type_: str) -> bytes | Invalid | None:
        if type(value) is str and (uuid := parse_uuid(value)) is not None:
            return uuid
        text = _id_text(value)
        return self._identities.uuid(text, app, type_) if isinstance(text, str) else text

    def _read_status(self, payload: Mapping[str, Any], dropped: list[Dropped]) -> str:
        raw = payload.get("status")
        status = self._status(raw)
        if isinstance(status, str):
            return status
        if raw is None or (isinstance(raw, str) and raw.strip().lower() in ("", "-", "none")):
            raise Rejected("status", "missing")
        dropped.append(Dropped("status", "not a known status; counted as configuring"))
        return "configuring"

    def _read_optional(self, payload: Mapping[str, Any], dropped: list[Dropped]) -> list[Any]:
        """The accepted values of `_OPTIONAL`."""
        values: list[Any] = []
        for read, value in zip(self._optional, map(payload.get, _OPTIONAL), strict=True):
            if value is None:
                values.append(None)
                continue
            accepted = read[value] if type(value) is str or type(value) is int else read(value)
            if accepted is INVALID:
                drop = self._drops[len(values)]
                dropped.append(drop)
                fallback = BY_NAME[drop.field].fallback
                accepted = None if fallback == UNKNOWN else fallback
            values.append(accepted)
        return values

    def _settle_repository(self, values: list[Any], dropped: list[Dropped]) -> None:
        slug = values[_SLUG]
        if slug is not None:
            known = values[_SLUG] = self._repos.get(slug.lower())
            if known is None:
                dropped.append(Dropped("repo_slug", "not a known repository"))
        elif any(name == "repo_slug" for name, _ in dropped):
            known = None  # what is no slug at all is no known repository either
        else:
            return
        if values[_SOURCE] is None:
            name = known.partition("/")[2] if known else ""
            values[_SOURCE] = name if name in REPOSITORIES else "external"

    def _outcome(self, payload: Mapping[str, Any], app: str, status: str, values: list[Any], dropped: list[Dropped]) -> Outcome:
        if status not in TERMINAL:
            return status, None, None, None, None, None, None
        exit_code, category, duration = values[:_FIRST_REGISTER]
        error = payload.get("error")
        if not isinstance(error, str):
            if error is not None:
                dropped.append(Dropped("error", "not a text"))
            error = ""
        if status == "success":
            return status, exit_code, None, duration, None, None, None
        ending = self._endings.of(status, exit_code, category, error)
        number = None if ending.line is None else fingerprint(app, exit_code, ending.line_category, ending.line)
        return ending.status, exit_code, ending.category, duration, ending.error, number, ending.cause


def _refusing(read: Reader) -> Reader:
    """A reader of what is not recorded: any value but an absent one is dropped."""
    return Reader(lambda value: None if read(value) is None else INVALID)


def _id_text(value: Any) -> str | Invalid | None:
    """`unknown` is no id: it would join the executions of all who send it."""
    text = short_text(value)
    return None if isinstance(text, str) and text.lower() == UNKNOWN else text


def _why(name: str) -> str:
    field = BY_NAME[name]
    match field.kind:
        case Kind.ENUM:
            return f"not in the list of values; kept as {field.fallback}" if field.fallback else "not in the list of values"
        case Kind.INTEGER:
            return f"not a whole number from {field.minimum} to {field.maximum}"
        case Kind.VERSION:
            return "not a version"
        case _:
            return f"not a text of at most {field.maximum} usual characters"
