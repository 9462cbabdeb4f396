"""Every question that may be asked without a token: what `/openapi.json` lists with all filters, and pages by their links."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any
from urllib.parse import quote, urlencode

DAYS = ("", "0", "1", "2", "7", "8", "29", "30", "31", "90", "364", "365")
SLUGS = ("", "community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED", "external", "no/such")
TEXTS: Mapping[str, Sequence[str]] = {"slug": SLUGS}
PAGES = (
    *("/", "/dashboard", "/errors", "/error-analysis", "/scripts", "/script-analysis"),
    *("/alerts", "/reports", "/privacy", "/privacy/record", "/privacy/audit", "/privacy/data", "/login"),
)
REPOSITORIES = ("", "ProxmoxVE", "ProxmoxVED", "external", "all")


def needs_token(operation: Mapping[str, Any]) -> bool:
    """Whether the description says that nobody is answered without a token."""
    security = operation.get("security")
    return bool(security) and {} not in security


def of_operation(path: str, operation: Mapping[str, Any], apps: Sequence[str], dice: random.Random, most: int) -> list[str]:
    """Addresses of one operation: all combinations of its parameters, or `most` of them drawn by chance."""
    names, choices = [], []
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            continue
        names.append(parameter["name"])
        choices.append(_values(parameter))
    if prod(map(len, choices)) <= most:
        chosen = list(product(*choices))
    else:
        chosen = [tuple(map(dice.choice, choices)) for _ in range(most)]
    found = []
    for values in chosen:
        query = urlencode({name: value for name, value in zip(names, values, strict=True) if value})
        app = dice.choice(apps) if apps else "none"
        found.append(path.replace("{app}", quote(app)) + (f"?{query}" if query else ""))
    return found


def _values(parameter: Mapping[str, Any]) -> Sequence[str]:
    schema = parameter["schema"]
    if parameter["name"] == "days":
        return DAYS
    if "enum" in schema:
        return ("", *schema["enum"])
    return TEXTS.get(parameter["name"], ("",))


def of_pages(dice: random.Random, more: int) -> Iterator[str]:
    """Pages to begin with: each once, and some more of them, under filters that are drawn by chance."""
    for path in (*PAGES, *dice.choices(PAGES, k=more)):
        query = urlencode(
            {name: value for name, value in (("days", dice.choice(DAYS)), ("repo", dice.choice(REPOSITORIES))) if value}
        )
        yield f"{path}?{query}" if query else path
