"""The collection that a mirror writes to, made from the field table: columns, indexes, and nobody but superusers may read."""

from typing import Any

import msgspec

from telemetry_service.core.fields import BY_NAME, FIELDS, OPTIONAL_FIELDS, Kind
from telemetry_service.core.flat import DERIVED, TIMES

RANDOM_ID = "random_id"
SYSTEM_COLUMNS = frozenset({"id"})  # what PocketBase adds by itself
RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
INDEXED = ("created", "status", "nsapp")
# Which types of column serve for one of ours: an operator may prefer another than we make.
_SERVES = {"select": ("select", "text"), "text": ("text",), "number": ("number",), "date": ("date",), "json": ("json",)}


def columns(*, include_random_id: bool, extended_fields: frozenset[str]) -> dict[str, dict[str, Any]]:
    """The columns a mirror fills, by name, as PocketBase declares them: what the record of processing names and no more."""
    left_out = {"execution_id", *OPTIONAL_FIELDS} - extended_fields | ({RANDOM_ID} if not include_random_id else set())
    made = {}
    for field in FIELDS:
        if field.name in left_out:
            continue
        if field.kind is Kind.ENUM:
            made[field.name] = {"type": "select", "maxSelect": 1, "values": list(field.values)}
        elif field.kind is Kind.INTEGER:
            made[field.name] = {"type": "number", "onlyInt": True}
        else:
            made[field.name] = {"type": "text", "max": 1000}
    made |= {name: {"type": "text", "max": 16} for name in DERIVED}
    created, updated, pipeline = TIMES
    made |= {created: {"type": "date"}, updated: {"type": "date"}, pipeline: {"type": "json", "maxSize": 4096}}
    return {name: {"name": name, **column} for name, column in made.items()}


def new_collection(name: str, wanted: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A collection to be created; rules that are null admit superusers alone."""
    return {
        "name": name,
        "type": "base",
        "fields": list(wanted.values()),
        "indexes": [f"CREATE INDEX `idx_{name}_{column}` ON `{name}` (`{column}`)" for column in INDEXED],
        **dict.fromkeys(RULES),
    }


def missing(found: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> list[str]:
    """The columns that a collection lacks."""
    present = {field["name"] for field in found["fields"]}
    return [name for name in wanted if name not in present]


def faults(found: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> list[str]:
    """What keeps a collection from being written to, but for missing columns; in words for its operator."""
    said = []
    if found.get("type") != "base":
        said.append(f"it is of type {found.get('type')}, and must be base")
    present = {field["name"]: field for field in found["fields"]}
    for name, column in wanted.items():
        field = present.get(name)
        if field is None:
            continue
        if field["type"] not in _SERVES[column["type"]]:
            said.append(f"its column {name} is of type {field['type']}, and must be {column['type']}")
        elif field["type"] == "select":
            if set(column["values"]) - set(field.get("values") or ()):
                said.append(f"its column {name} does not allow every value it may get")
            elif field.get("maxSelect", 1) > 1:
                said.append(f"its column {name} allows several values at once, and must allow one")
        elif field["type"] == "text" and BY_NAME.get(name) is None and 0 < field.get("max", 0) < column["max"]:
            said.append(f"its column {name} is too short")
    needed = [field["name"] for field in found["fields"] if field.get("required") and not field.get("primaryKey")]
    said += [f"its column {name} must not be required: it may be empty" for name in needed]
    open_rules = [rule for rule in RULES if found.get(rule) is not None]
    if open_rules:
        said.append(f"its {', '.join(open_rules)} let others in than superusers")
    return said


def shape(found: dict[str, Any], wanted: dict[str, dict[str, Any]]) -> str:
    """What a collection is: another text when it was changed, for a column that was removed and made anew is empty."""
    present = {field["name"] for field in found["fields"]}
    made = sorted(name for name in wanted if name in present)
    return msgspec.json.encode([found.get("id"), found.get("updated"), made]).decode()
