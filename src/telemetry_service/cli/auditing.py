"""The command that proves the record."""

import sys
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Prove the record of processing against what is stored, logged and served, claim by claim: pass, fail or cannot tell.

    Works while the service runs, which does it by itself every night at 03:00 (UTC). Evidence says where and how many, and never
    what was found. Ends with status 1 if a claim fails; what cannot be told from here is no failure. The newest result is shown
    at /privacy/audit.

    Example: telemetry-service audit --json
    """
    import msgspec

    from telemetry_service.bootstrap.auditing import run_audit
    from telemetry_service.core.audit import Verdict

    found = run_audit(current_settings())
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        from rich.console import Console
        from rich.table import Table

        colours = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.UNCLEAR: "yellow"}
        table = Table("claim", "verdict", "evidence", "what the record claims")
        for one in found.findings:
            table.add_row(one.claim, f"[{colours[one.verdict]}]{one.verdict}", "\n".join(one.evidence), one.states)
        Console().print(table)
        print(", ".join(f"{found.count(verdict)} {verdict}" for verdict in Verdict))
    if not found.holds:
        failing = ", ".join(one.claim for one in found.findings if one.verdict is Verdict.FAIL)
        print(f"telemetry-service: the record does not hold: {failing}; see /privacy/audit", file=sys.stderr)
        raise typer.Exit(1)
