"""The revision history: what changed in a record, in words."""

from collections.abc import Callable, Sequence

from telemetry_service.core.record.document import Block, Paragraph, Part, Section, Table
from telemetry_service.core.record.in_force import InForce, MirrorInUse, Repository, Revision, StoredField

FIRST = "first record of this service"
REWORDED = "reworded by a new version of the service; nothing else changed"
TLS_WORDS = {"service": "by the service itself", "proxy": "by a proxy in front of the service", "none": "not stated"}
Say = Callable[[object, object], str]


def revision_history(revisions: Sequence[Revision]) -> Part:
    """The entries, the newest first."""
    block: Block = Paragraph("No revision is stored yet: the history begins when the service is first started.")
    if revisions:
        rows = tuple(
            (one.day, str(one.number), one.version, "; ".join(one.changes))
            for one in sorted(revisions, key=lambda one: -one.number)
        )
        block = Table("Revisions", ("Date", "Revision", "Version of the service", "What changed"), rows)
    return Part("revisions", "Revision history", (Section("history", "", "Kept by the service", (block,)),))


def changes(before: InForce | None, after: InForce) -> tuple[str, ...]:
    """What changed between two states, one text each; `FIRST` without a state before, `REWORDED` when the states are equal."""
    if before is None:
        return (FIRST,)
    said = [*_fields(before.fields, after.fields)]
    for name, say in SAID.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            said.append(say(old, new))
    return tuple(said) or (REWORDED,)


def _moved(what: str, unit: str = "") -> Say:
    return lambda old, new: f"{what}: {old} -> {new}{unit}"


def _named(what: str) -> Say:
    def say(old: object, new: object) -> str:
        if not old:
            return f"{what} named: {new}"
        return f"{what}: {old} -> {new}" if new else f"{what} no longer named"

    return say


def _listed(what: str) -> Say:
    def say(old: object, new: object) -> str:
        before, after = _texts(old), _texts(new)
        added = [f"{text} added" for text in after if text not in before]
        removed = [f"{text} removed" for text in before if text not in after]
        return f"{what}: {', '.join([*added, *removed]) or 'in another order'}"

    return say


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, tuple | list) else []


def _switched(on: str, off: str) -> Say:
    return lambda _, new: on if new else off


def _mirror(old: object, new: object) -> str:
    if not isinstance(new, MirrorInUse):
        return "mirror in PocketBase removed"
    ids = "with random_id" if new.with_random_id else "without random_id"
    if not isinstance(old, MirrorInUse):
        return f"mirror in PocketBase added ({new.place}, {ids})"
    return f"mirror in PocketBase changed ({new.place}, {ids})"


def _repository(_: object, new: object) -> str:
    if not isinstance(new, Repository):
        return "public dashboard is pushed nowhere any more"
    return f"public dashboard is pushed to {new.name}, on {new.server}"


def _cleanup(old: object, new: object) -> str:
    if not new:
        return "clean-up of installations without an end turned off"
    if not old:
        return f"clean-up of installations without an end turned on, after {new} hours"
    return f"clean-up of installations without an end: after {old} -> {new} hours"


def _limit(what: str) -> Say:
    return lambda old, new: f"{what}: {old or 'unlimited'} -> {new or 'unlimited'}"


# Every part of `InForce` but the fields, and how a change of it is said; a test holds the two together.
SAID: dict[str, Say] = {
    "controller_name": _named("controller"),
    "controller_contact": _named("contact of the controller"),
    "protection_officer": _named("data protection officer"),
    "hosting": _named("hosting"),
    "transfers": _named("transfers outside the EU and EEA"),
    "sub_processors": _listed("processors"),
    "retention_days": _moved("retention", " days"),
    "error_max_chars": _moved("characters kept of an error line"),
    "public_hosts": _listed("hosts that may stay in error lines"),
    "known_repos": _listed("repositories stored by name"),
    "publish_min_count": _moved("publication threshold"),
    "backup_daily": _switched("backups every night turned on", "backups every night turned off"),
    "backup_keep_days": _moved("retention of backups", " days"),
    "cleanup_stuck_hours": _cleanup,
    "log_files": _switched("log files of the service turned on", "log files of the service turned off"),
    "log_retention_days": _moved("retention of logs", " days"),
    "request_logging": _switched("logging of requests turned on", "logging of requests turned off"),
    "tls": lambda old, new: f"encryption in transit: {TLS_WORDS[str(old)]} -> {TLS_WORDS[str(new)]}",
    "ingest_needs_token": _switched("reports need a token now", "reports need no token any more"),
    "metrics_need_token": _switched("metrics need a token now", "metrics need no token any more"),
    "rate_limit_rpm": _limit("reports a minute and network"),
    "rate_burst": _moved("reports that a network may send at once"),
    "rate_limit_new_per_hour": _limit("new installations an hour and network"),
    "rate_key": _moved("what the rate limit goes by"),
    "mirror": _mirror,
    "told_over": _listed("channels that alerts and reports go over"),
    "published_to": _repository,
}
FIELD_PARTS = {
    "kind": "type",
    "accepted": "accepted values",
    "description": "meaning",
    "purpose": "purpose",
    "origin": "origin",
    "cleaning": "cleaning",
}


def _fields(before: Sequence[StoredField], after: Sequence[StoredField]) -> list[str]:
    old, new = {field.name: field for field in before}, {field.name: field for field in after}
    said = [f"field {name} added" for name in new if name not in old]
    said += [f"field {name} removed" for name in old if name not in new]
    for name in new:
        if name in old and old[name] != new[name]:
            said += _field(old[name], new[name])
    if not said and before != after:
        said.append("fields in another order")
    return said


def _field(old: StoredField, new: StoredField) -> list[str]:
    said = []
    for part, word in FIELD_PARTS.items():
        was, now = getattr(old, part), getattr(new, part)
        if was == now:
            continue
        short = part == "accepted" and len(was) + len(now) <= 80
        said.append(f"field {new.name}: {word} {was} -> {now}" if short else f"field {new.name}: {word} changed")
    return said
