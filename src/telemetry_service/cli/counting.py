"""Commands that make or prove counts."""

from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings

SHOWN_DIFFERENCES = 50


def recount() -> None:
    """Prove the counts: add up all installations anew and compare every cell.

    Works while the service runs. Prints the cells that differ and ends with status 1 if there are any.
    """
    from telemetry_service.bootstrap.counting import recount as run

    differing = run(current_settings())
    for subject, day, cell, stored, expected in differing[:SHOWN_DIFFERENCES]:
        print(f"subject {subject} day {day} cell {cell}: stored {stored}, recounted {expected}")
    print(f"{len(differing)} cells differ" if differing else "every count agrees with the installations")
    if differing:
        raise typer.Exit(1)


def demo(
    installations: Annotated[int, typer.Option(min=1, help="How many installations.")] = 20_000,
    days: Annotated[int, typer.Option(min=1, max=365, help="Over how many days, up to today.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 1,
) -> None:
    """Fill DATA_DIR with plausible data: about 450 apps, a weekly rhythm, some scripts that break and are fixed.

    One is broken still, others were on one system alone; in a demo of few installations none breaks. The reports go through
    the real intake and fold. The service must not be running on this directory.
    """
    from telemetry_service.bootstrap.counting import demo as run

    run(current_settings(), installations=installations, days=days, seed=seed)
    print(f"{installations} installations over {days} days; see them with: telemetry-service serve")
