"""Puts the parts together, a module for each command: settings, data directory, processes."""
