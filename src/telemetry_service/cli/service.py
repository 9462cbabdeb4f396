"""Commands about the service itself."""

import sys

import typer

from telemetry_service.cli.environment import current_settings


def serve() -> None:
    """Run the service until SIGTERM or Ctrl-C.

    Listens on LISTEN_ADDR (:8080) and keeps everything in DATA_DIR (./data). Prints one line with the address once it answers.
    A report that was answered 202 is on disk.
    """
    from telemetry_service.bootstrap.serving import CannotListen
    from telemetry_service.bootstrap.serving import serve as run

    try:
        run(current_settings())
    except CannotListen as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def settings() -> None:
    """List every setting with its default and meaning."""
    from telemetry_service.settings import SETTINGS

    for setting in SETTINGS:
        print(f"{setting.name}={setting.default}\n    {setting.text}")


def new_key() -> None:
    """Make a new key for a data directory whose key file is lost for good.

    Existing tokens become void, stored data can no longer be found by its id, and installations under way count anew.
    """
    from telemetry_service.store.directory import create_key

    create_key(current_settings().data_dir)
    print("a new key is in place; make tokens anew with: telemetry-service token create")
