"""Write what is made from the code: docs/settings.md, docs/fields.md, docs/record.md, and the field list of the shell client.

`python -m scripts.generate` writes them; with --check it only says which are out of date, and fails if any is.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from telemetry_service.core.fields import FIELDS, Field, Kind, Record
from telemetry_service.core.record import Proved, markdown, record
from telemetry_service.settings import RETIRED, SETTINGS, from_environ
from telemetry_service.settings.declared import in_force

ROOT = Path(__file__).parent.parent
CLIENT = ROOT / "clients" / "shell" / "telemetry.sh"
CLIENT_BEGINS, CLIENT_ENDS = "# --- made from the field table", "# --- end of what is made"


def settings_page() -> str:
    rows = "\n".join(f"| `{setting.name}` | `{setting.default}` | {setting.text} |" for setting in SETTINGS)
    secrets = " ".join(f"`{setting.name}`" for setting in SETTINGS if setting.secret)
    retired = "\n".join(f"| `{name}` | {reason} |" for name, reason in RETIRED.items())
    return f"""# Settings

Environment variables, read once at start. All that cannot be used are listed in one error.
Made from `settings/table.py` by `python -m scripts.generate`.

| name | default | meaning |
|---|---|---|
{rows}

Secrets ({secrets}) may also be in a file, which `NAME_FILE` names, such as `GITHUB_TOKEN_FILE`.

Names that older services had and that have no effect here; a warning is logged when one is set:

| name | why |
|---|---|
{retired}
"""


def fields_page() -> str:
    rows = "\n".join(
        f"| `{field.name}` | {field.kind} | {_accepted(field)} | {field.description} | {field.purpose.partition(':')[0]} |"
        f" {field.record} | {field.cleaning} |"
        for field in FIELDS
    )
    return f"""# Fields of a report

What is not in this table has nowhere to go. Made from `core/fields.py` by `python -m scripts.generate`.

| field | type | accepted | what it is | purpose | in the record | how it is cleaned |
|---|---|---|---|---|---|---|
{rows}
"""


def _accepted(field: Field) -> str:
    if field.values:
        return " ".join(f"`{value}`" for value in field.values)
    if field.kind == "int":
        return f"{field.minimum}..{field.maximum} {field.unit}".strip()
    return f"at most {field.maximum} characters" if field.maximum else "any UUID"


def record_page() -> str:
    """The record of processing as it is with the default settings."""
    text = markdown(record(in_force(from_environ({})), Proved()))
    made = "With the default settings; `telemetry-service record` writes yours. Made by `python -m scripts.generate`."
    return text.replace("\n\n", f"\n\n{made}\n\n", 1)


def client() -> str:
    """The shell client with the fields it may send: all but those that an operator has to ask for."""
    sent = [field for field in FIELDS if field.record is not Record.OPTIONAL]
    names = [field.name for field in sent]
    text = "\n".join(f"  {field.name}: {field.description} ({field.purpose.partition(':')[0]})" for field in sent)
    made = f"""# --- made from the field table by `python -m scripts.generate`
_telemetry_fields='{" ".join(names)}'
_telemetry_fields_version='{hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:12]}'
_telemetry_numbers='{" ".join(field.name for field in sent if field.kind is Kind.INTEGER)}'
_telemetry_field_text() {{
  cat <<'END'
{text}
END
}}
"""
    before, _, rest = CLIENT.read_text("utf-8").partition(CLIENT_BEGINS)
    return before + made + CLIENT_ENDS + rest.partition(CLIENT_ENDS)[2]


MADE: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "settings.md": settings_page,
    ROOT / "docs" / "fields.md": fields_page,
    ROOT / "docs" / "record.md": record_page,
    CLIENT: client,
}


def main(check: bool) -> int:
    outdated = []
    for path, make in MADE.items():
        text = make()
        if path.exists() and path.read_text("utf-8") == text:
            continue
        outdated.append(path.relative_to(ROOT))
        if not check:
            path.write_text(text, "utf-8")
    for name in outdated:
        print(f"{name} {'is out of date; run: python -m scripts.generate' if check else 'written'}")
    return int(check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
