"""Counts, anonymously and with consent, what happens when installation scripts run."""

__version__ = "0.1.0"
