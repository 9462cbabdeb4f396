"""From the bytes of a request to an accepted event, or a refusal that names the field.

Raw text, unknown fields and client ids end here: what leaves is an `Event` and the names of the fields that were dropped.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.classify import classify
from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Event
from telemetry_service.core.exit_codes import meaning
from telemetry_service.core.fields import (
    BY_NAME,
    FIELDS,
    OPTIONAL_FIELDS,
    REPOSITORIES,
    TERMINAL,
    UNKNOWN,
    WIRE_NAMES,
    Kind,
)
from telemetry_service.core.identity import Identities
from telemetry_service.core.repair import decode
from telemetry_service.core.values import INVALID, Invalid, Reader, reader, short_text

Explain = Callable[[str, int | None], str]


class Dropped(NamedTuple):
    """A field whose value was not kept, and why; never the value."""

    field: str
    reason: str


class Accepted(NamedTuple):
    """An event that may be stored, and what was dropped from the payload on the way."""

    event: Event
    dropped: tuple[Dropped, ...]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides about intake."""

    known_repos: tuple[str, ...]
    extended_fields: frozenset[str] = frozenset()


def explain_by_exit_code(_error: str, exit_code: int | None) -> str:
    """The meaning of the exit code, whatever the client wrote."""
    return meaning(exit_code)


class Intake:
    """Turns payloads into events under one policy and one key."""

    def __init__(self, policy: Policy, identities: Identities, explain: Explain = explain_by_exit_code) -> None:
        self._identities = identities
        self._explain = explain
        self._repos = {slug.lower(): slug for slug in policy.known_repos}
        self._not_recorded = frozenset(OPTIONAL_FIELDS) - policy.extended_fields
        self._readers: dict[str, Reader] = {
            field.name: reader(field)
            for field in FIELDS
            if field.kind is not Kind.UUID and field.name not in {"error", "status", "type", "nsapp"}
        }
        self._status = reader(BY_NAME["status"])
        self._type = reader(BY_NAME["type"])
        self._app = reader(BY_NAME["nsapp"])

    def accept(self, body: bytes, received_at: int) -> Accepted:
        """Validate one payload received at an instant in microseconds since 1970 UTC.

        Raises `Rejected` only for what wire.md says refuses an event; every other fault drops the value and keeps the event.
        """
        payload = decode(body, WIRE_NAMES)
        dropped: list[Dropped] = []
        type_ = self._required(payload, "type", self._type)
        app = self._required(payload, "nsapp", self._app)
        random_id = self._identifier(payload, "random_id", app, type_)
        execution = self._execution(payload, random_id, app, type_, dropped)
        status = self._read_status(payload, dropped)
        values = self._read_optional(payload, dropped)
        self._settle_repository(values, dropped)
        if values.get("arch") is None and payload.get("has_arm") in (True, "true", 1, "1"):
            values["arch"] = "arm64"
        outcome = self._outcome(payload, status, values, dropped)
        event = Event(
            received_at=received_at,
            random_id=random_id,
            execution=execution,
            type=type_,
            nsapp=app,
            **outcome,
            **values,
        )
        return Accepted(event, tuple(dropped))

    def _required(self, payload: dict[str, Any], name: str, read: Reader) -> str:
        value = read(payload.get(name))
        if value is None:
            raise Rejected(name, "missing")
        if not isinstance(value, str):
            accepted = BY_NAME[name].values
            raise Rejected(name, f"not one of {', '.join(accepted)}" if accepted else "not a usable name")
        return value

    def _identifier(self, payload: dict[str, Any], name: str, app: str, type_: str) -> bytes:
        text = _id_text(payload.get(name))
        if text is None:
            raise Rejected(name, "missing")
        if isinstance(text, Invalid):
            raise Rejected(name, "not a usable id")
        return self._identities.uuid(text, app, type_)

    def _execution(self, payload: dict[str, Any], random_id: bytes, app: str, type_: str, dropped: list[Dropped]) -> int:
        text = _id_text(payload.get("execution_id"))
        if isinstance(text, Invalid):
            dropped.append(Dropped("execution_id", "not a usable id; random_id serves"))
        uuid = self._identities.uuid(text, app, type_) if isinstance(text, str) else random_id
        return self._identities.execution(uuid)

    def _read_status(self, payload: dict[str, Any], dropped: list[Dropped]) -> str:
        raw = payload.get("status")
        if raw is None or (isinstance(raw, str) and raw.strip().lower() in ("", "-", "none")):
            raise Rejected("status", "missing")
        status = self._status(raw)
        if isinstance(status, str):
            return status
        dropped.append(Dropped("status", "not a known status; counted as configuring"))
        return "configuring"

    def _read_optional(self, payload: dict[str, Any], dropped: list[Dropped]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in payload.items():
            read = self._readers.get(name)
            if read is None:
                continue
            accepted = read(value)
            if accepted is not None and name in self._not_recorded:
                dropped.append(Dropped(name, "not in the record of processing"))
                accepted = None
            elif accepted is INVALID:
                field = BY_NAME[name]
                dropped.append(Dropped(name, _why(name)))
                accepted = None if field.fallback == "unknown" else field.fallback
            values[name] = accepted
        return values

    def _settle_repository(self, values: dict[str, Any], dropped: list[Dropped]) -> None:
        slug = values.get("repo_slug")
        if slug is not None:
            known = values["repo_slug"] = self._repos.get(slug.lower())
            if known is None:
                dropped.append(Dropped("repo_slug", "not a known repository"))
        elif any(name == "repo_slug" for name, _ in dropped):
            known = None  # what is no slug at all is no known repository either
        else:
            return
        if values.get("repo_source") is None:
            name = known.partition("/")[2] if known else ""
            values["repo_source"] = name if name in REPOSITORIES else "external"

    def _outcome(self, payload: dict[str, Any], status: str, values: dict[str, Any], dropped: list[Dropped]) -> dict[str, Any]:
        exit_code = values.pop("exit_code", None)
        category = values.pop("error_category", None)
        duration = values.pop("install_duration", None)
        if status not in TERMINAL:
            return {"status": status}
        error = payload.get("error")
        if not isinstance(error, str):
            if error is not None:
                dropped.append(Dropped("error", "not a text"))
            error = ""
        verdict = classify(status, exit_code, error, category)
        explained = None
        if verdict.status == "failed" or (verdict.status != "success" and (error.strip() or exit_code)):
            explained = self._explain(error, exit_code)
        return {
            "status": verdict.status,
            "exit_code": exit_code,
            "error_category": verdict.category,
            "install_duration": duration,
            "error": explained,
        }


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
