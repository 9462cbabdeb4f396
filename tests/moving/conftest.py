"""A PocketBase to import from."""

from pocketbase_server import new_pocketbase, pocketbase, prepared

__all__ = ["new_pocketbase", "pocketbase", "prepared"]
