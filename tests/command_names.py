"""All commands there are."""

from collections.abc import Iterator
from typing import Any

import typer.main

from telemetry_service.cli import app


def all_commands() -> dict[str, Any]:
    """Every command by its whole name, such as `token create`."""
    return dict(_below(typer.main.get_command(app), ""))


def _below(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, f"{name} ")
        else:
            yield before + name, command
