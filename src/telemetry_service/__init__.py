"""Counts, anonymously and with consent, what happens when installation scripts run."""

from importlib.metadata import version

__version__ = version("telemetry-service")
