"""The settings a command runs with."""

import os

from telemetry_service.settings import Settings, from_environ


def current_settings() -> Settings:
    """What the environment says.

    Raises `InvalidSettings`.
    """
    return from_environ(os.environ)
