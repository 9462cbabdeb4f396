"""Commands about scripts that changed."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_service.cli.environment import current_settings, job_told

if TYPE_CHECKING:
    from telemetry_service.core.alerting.alert import Alert


def watch() -> None:
    """Look at every script for changes now, and open and close alerts.

    Works while the service runs, which does it by itself every ALERT_CHECK_INTERVAL_MIN. Takes in what ended since the last time;
    the first time that is every installation there is, day by day, so that alerts of the past are there too.

    What is looked for: a script that broke (more fail than before) or got worse since, one that fails in a way it never did,
    one that fell silent, and one whose installations never tell how they ended. docs/insight.md says how.
    """
    from telemetry_service.bootstrap.watching import look

    with job_told():
        passed = look(current_settings())
    print(f"{passed.installations} installations taken in, {passed.opened} alerts opened, {passed.closed} closed")


def changes(
    past: Annotated[int, typer.Option(min=0, help="How many of those that are closed to show too.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, exact and complete.")] = False,
) -> None:
    """Show which scripts changed, with the evidence: those that are open, then the newest of those that are closed.

    Each alert says since when the script changed (the most likely instant, and the interval that holds it with 95 %), the rates
    before and after with their intervals, the one system or Proxmox version it is limited to, if there is one, and the causes
    that are more frequent than before. A cause is shown by its line once that is published, else by its number.

    Works while the service runs.
    """
    import msgspec

    from telemetry_service.bootstrap.watching import found

    open_now, closed, lines = found(current_settings(), past)
    if as_json:
        answer = {"open": open_now, "past": closed, "lines": lines}
        print(json.dumps(msgspec.to_builtins(answer), indent=2, ensure_ascii=False))
        return
    _show("open", open_now, lines)
    if closed:
        print()
        _show("past", closed, lines)


def _show(title: str, shown: "list[Alert]", lines: dict[str, str]) -> None:
    from telemetry_service.core.alerting.exact_words import details, headline

    print(f"{title}: {len(shown) or 'none'}")
    for alert in shown:
        print(f"\n#{alert.number} {headline(alert)}")
        for word, text in details(alert, lines):
            print(f"    {word:8} {text}")
