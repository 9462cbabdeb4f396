"""Write the files that are made from the code: docs/settings.md and docs/fields.md.

`python -m scripts.generate` writes them; with --check it only says which are out of date, and fails if any is.
"""

import sys
from pathlib import Path

from telemetry_service.core.fields import FIELDS, Field
from telemetry_service.settings import RETIRED, SETTINGS

DOCS = Path(__file__).parent.parent / "docs"


def settings_page() -> str:
    rows = "\n".join(f"| `{setting.name}` | `{setting.default}` | {setting.text} |" for setting in SETTINGS)
    secrets = " ".join(f"`{setting.name}`" for setting in SETTINGS if setting.secret)
    retired = "\n".join(f"| `{name}` | {reason} |" for name, reason in RETIRED.items())
    return f"""# Settings

Environment variables, read once at start. All that cannot be used are listed in one error.
Made from `settings.py` by `python -m scripts.generate`.

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


PAGES = {"settings.md": settings_page, "fields.md": fields_page}


def main(check: bool) -> int:
    outdated = []
    for name, page in PAGES.items():
        path = DOCS / name
        if path.exists() and path.read_text("utf-8") == page():
            continue
        outdated.append(name)
        if not check:
            path.write_text(page(), "utf-8")
    for name in outdated:
        print(f"docs/{name} {'is out of date; run: python -m scripts.generate' if check else 'written'}")
    return int(check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
