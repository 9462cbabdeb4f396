"""The table of routes, without a service behind it."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from telemetry_service.settings import from_environ
from telemetry_service.web.app import OPENAPI, table
from telemetry_service.web.login import Login
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.parts import Parts
from telemetry_service.web.routes import Route


def rows(data: Path, **settings: str) -> dict[tuple[str, str], Route]:
    """The routes of a service on a data directory with these settings."""
    unused: dict[str, Any] = dict.fromkeys((field.name for field in fields(Parts)), None)
    parts = Parts(**unused | {"settings": from_environ({"DATA_DIR": str(data), **settings})})
    pages = PageHandlers(parts)
    return {(row.method.lower(), row.path): row for row in (*table(parts, pages, Login(parts, pages)), OPENAPI)}
