"""PocketBases to mirror to."""

from pocketbase_server import new_pocketbase, pocketbase, prepared

__all__ = ["new_pocketbase", "pocketbase", "prepared"]
