"""Commands that tell people something."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from telemetry_service.cli.environment import current_settings, job_told


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test message over every channel.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Only say how the channels stand.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Look for what there is to tell, and send what is due over the channels: mail (SMTP_*) and ALERT_URLS.

    Works while the service runs, which does it by itself. Messages hold published counts and masked lines alone. What a channel
    does not take is tried again for a week, less and less often. With --test the status is 1 if a channel fails.

    Example: SMTP_HOST=mail.example.org SMTP_FROM=a@example.org SMTP_TO=b@example.org telemetry-service alerts --test
    """
    from telemetry_service.bootstrap import telling
    from telemetry_service.bootstrap.due import alert_channels

    settings = current_settings()
    if test and not alert_channels(settings):
        raise typer.BadParameter("no channel is configured: set ALERT_URLS, or SMTP_HOST, SMTP_FROM and SMTP_TO")
    if status:
        for one in telling.standing_now(settings):
            last = one.last_success_at
            worked = f"{datetime.fromtimestamp(last // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC" if last else "never"
            print(f"{one.channel}: {one.waiting} waiting, last worked: {worked}" + _behind(one.problem))
        return
    with job_told():
        if not test:
            counts = telling.work_off(settings)
            print(json.dumps(counts) if as_json else f"{counts['noted']} noted, {counts['confirmed']} sent")
            return
        results = telling.send_test(settings)
    if as_json:
        print(json.dumps([{"channel": channel, "problem": problem} for channel, problem in results]))
    else:
        for channel, problem in results:
            print(f"{channel}: {problem or 'sent'}")
    if any(problem for _, problem in results):
        raise typer.Exit(1)


def report(
    week: Annotated[str, typer.Option(help="A week such as 2026-W47; the last one that is over by default.")] = "",
    format_: Annotated[Literal["text", "html"], typer.Option("--format", help="Plain text, or the mail's HTML.")] = "text",
) -> None:
    """Print the report of a week, as it goes out by mail: published numbers beside those of the week before.

    Works while the service runs, which sends it by itself on REPORT_DAY at REPORT_HOUR to REPORT_RECIPIENTS.

    Example: telemetry-service report --week 2026-W47 --format html > report.html
    """
    from telemetry_service.bootstrap.reporting import last_week
    from telemetry_service.bootstrap.reporting import report as run
    from telemetry_service.core.week import week as week_of

    wanted = week_of(week) if week else last_week()
    if wanted is None:
        raise typer.BadParameter("must be a week such as 2026-W47", param_hint="--week")
    message = run(current_settings(), wanted)
    if message is None:
        print("telemetry-service: nothing was published up to this week, or it has not begun", file=sys.stderr)
        raise typer.Exit(1)
    print(message.text if format_ == "text" else message.html, end="" if format_ == "text" else "\n")


def _behind(problem: str | None) -> str:
    return f"; {problem}" if problem else ""
