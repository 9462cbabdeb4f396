"""The command that publishes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings


def publish(
    to: Annotated[
        Path | None, typer.Option(help="Write it into this directory, which is replaced as a whole.", show_default=False)
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push it to the Pages branch of GITHUB_OWNER/GITHUB_REPO.")] = False,
) -> None:
    """Write the public site as static files: pages, JSON, CSV, badges, and one SQLite database of the public counts.

    It holds published counts alone, and equal counts make equal files. Works while the service runs. With --push the branch
    GITHUB_PAGES_BRANCH (gh-pages) shows it as its one commit; GITHUB_TOKEN may write there. Nothing is pushed when
    nothing changed.

    Example: telemetry-service publish --to ./site
    """
    from telemetry_service.bootstrap.publishing import CannotPublish
    from telemetry_service.bootstrap.publishing import publish as run

    if to is None and not push:
        raise typer.BadParameter("say where: --to DIR, --push, or both")
    try:
        said = run(current_settings(), to, push=push)
    except CannotPublish as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("\n".join(said))
