"""The settings a command runs with."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from telemetry_service.settings import Settings, from_environ


def current_settings() -> Settings:
    """What the environment says.

    Raises `InvalidSettings`.
    """
    return from_environ(os.environ)


@contextmanager
def job_told() -> Iterator[None]:
    """Say in one line why a job could not be done, and end with status 1."""
    from telemetry_service.jobs.schedule import JobFailed

    try:
        yield
    except JobFailed as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@contextmanager
def source_told() -> Iterator[None]:
    """Say in one line why what is to be imported cannot be read, and end with status 1."""
    from telemetry_service.mirrors.source import UnusableSource

    try:
        yield
    except UnusableSource as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
