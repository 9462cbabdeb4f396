"""Commands about access tokens."""

from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings

token_app = typer.Typer(no_args_is_help=True, help="Access tokens for the private numbers.")


@token_app.command("create")
def token_create(
    scope: Annotated[str, typer.Option(help="ingest (send reports), read (exact numbers) or admin (all).")],
    name: Annotated[str, typer.Option(help="Whom or what the token is for.")],
    expires: Annotated[str, typer.Option(help="How long it is valid: a number of days such as 90d, or never.")] = "90d",
) -> None:
    """Make an access token and print it as the last line. It is shown once; only a keyed hash is stored.

    Works while the service runs. Send it as: Authorization: Bearer TOKEN
    """
    from telemetry_service.bootstrap.access import create_token
    from telemetry_service.store.tokens import SCOPES, NameTaken

    if scope not in SCOPES:
        raise typer.BadParameter(f"must be one of {', '.join(SCOPES)}", param_hint="--scope")
    try:
        secret = create_token(current_settings(), scope=scope, name=name, days=_days(expires))
    except NameTaken:
        raise typer.BadParameter("a token with this name exists; choose another name", param_hint="--name") from None
    print(secret)


@token_app.command("list")
def token_list() -> None:
    """List all tokens: what they may do, until when, and the last day they were used. Of their use nothing else is kept.

    Days are UTC days. The last use may be half a minute late to appear.
    """
    from rich.console import Console
    from rich.table import Table

    from telemetry_service.bootstrap.access import list_tokens

    table = Table("name", "scope", "created", "valid through", "last used", "state")
    for row in list_tokens(current_settings()):
        table.add_row(*row)
    Console().print(table)


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Option(help="The name it was made with.")]) -> None:
    """End a token at once, and every session that began with it. The running service sees it with its next request."""
    from telemetry_service.bootstrap.access import revoke_token

    if not revoke_token(current_settings(), name):
        raise typer.BadParameter("no valid token has this name; see: telemetry-service token list", param_hint="--name")
    print("revoked")


def _days(text: str) -> int | None:
    """Days of a duration such as 90d; None for never."""
    if text == "never":
        return None
    days = text.removesuffix("d")
    if not (days.isascii() and days.isdigit() and 1 <= len(days) <= 4 and int(days) > 0):
        raise typer.BadParameter("must be a number of days such as 90d, or never", param_hint="--expires")
    return int(days)
