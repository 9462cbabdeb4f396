"""The text of an issue: published rates, versions, the masked line that explains the failure, a link, and nothing else."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

import msgspec

from telemetry_service.core.exit_codes import meaning
from telemetry_service.core.fingerprint import fingerprint
from telemetry_service.core.messages import Notice
from telemetry_service.core.reports.part import Part
from telemetry_service.core.reports.rates import Rate, rate
from telemetry_service.core.reports.scripts import Script

MAX_TITLE, MAX_LABELS, MAX_LABEL, MAX_NOTE = 200, 10, 50, 2_000
SHOWN = 5  # versions of a kind
LABEL = "telemetry"


class IssueText(msgspec.Struct, frozen=True):
    """What an issue says; `comment` is what is said where it is open already."""

    fingerprint: str
    app: str
    title: str
    body: str
    comment: str
    labels: tuple[str, ...]


def of_script(
    report: Script, exit_code: int | None, public_url: str, *, title: str, note: str, labels: Sequence[str], days: str
) -> IssueText:
    """An issue about a script, or about one exit code of it; `report` is public, `title` and `note` are cleaned or empty."""
    published = [one.exit_code for one in report.exit_code_stats]
    failure = rate(report.failed, report.success + report.failed, exact=False)
    facts = [f"`{report.app}` ({', '.join(report.types)}), {days} (UTC): {_failing(failure)}.", ""]
    if exit_code in published:
        facts += [f"Exit code {exit_code}: {meaning(exit_code)}.", ""]
    facts += _versions(report)
    if report.error_groups and (exit_code is None or published[:1] == [exit_code]):
        facts += _line(report.error_groups[0].pattern)
    facts += _link(public_url, f"/scripts/{quote(report.app)}", {})
    shown = "" if failure.percent is None else f": {failure.percent:.0f} % of installations fail"
    number = fingerprint(report.app, exit_code, None, "")
    return _text(f"{number:016x}", report.app, title or f"{report.app}{shown}", note, facts, labels)


def of_line(report: Part, public_url: str, *, title: str, note: str, labels: Sequence[str], days: str) -> IssueText:
    """An issue about a published error line, whatever script it occurs in."""
    apps = ", ".join(f"`{script.app}`" for script in report.scripts[: 2 * SHOWN])
    facts = [f"This line explains failures, {days} (UTC){f', of {apps}' if apps else ''}.", ""]
    facts += _line(report.value)
    facts += _link(public_url, "/errors", {"by": "error", "is": report.value})
    number = fingerprint("", None, None, report.value)
    return _text(f"{number:016x}", "", title or report.value, note, facts, labels)


def verified(notice: Notice, public_url: str) -> str:
    """What is said under the issue of a script whose alert has closed."""
    return "\n".join(
        [
            f"**Fix verified.** {_escaped(notice.title)}.",
            "",
            *map(_escaped, notice.lines),
            "",
            *_link(public_url, notice.path, {}),
        ]
    ).strip()


def _text(number: str, app: str, title: str, note: str, facts: list[str], labels: Sequence[str]) -> IssueText:
    said = [_escaped(note), ""] if note else []
    body = "\n".join([*said, *facts]).strip()
    comment = "\n".join(["It still happens.", "", *said, *facts]).strip()
    return IssueText(number, app, title[:MAX_TITLE], body, comment, tuple(dict.fromkeys([LABEL, *labels])))


def _failing(failure: Rate) -> str:
    if failure.percent is None:
        return "too few have finished to tell how many fail"
    return f"{failure.percent:.1f} % of installations fail (95 % interval {failure.low:.1f} to {failure.high:.1f} %)"


def _versions(report: Script) -> list[str]:
    """The versions that enough finished on, those that fail most first."""
    rows = [
        *((f"{one.os} {one.version}".strip(), one.success, one.failed) for one in report.os_versions),
        *((f"Proxmox VE {one.version}", one.success, one.failed) for one in report.pve_versions),
    ]
    found = [(name, rate(failed, success + failed, exact=False)) for name, success, failed in rows]
    known = sorted(((name, one) for name, one in found if one.percent is not None), key=lambda row: -(row[1].percent or 0))
    if not known:
        return []
    table = [f"| {name} | {one.percent:.1f} % | {one.low:.1f} to {one.high:.1f} % |" for name, one in known[: 2 * SHOWN]]
    return ["| on | fail | 95 % interval |", "|---|---|---|", *table, ""]


def _line(line: str) -> list[str]:
    """As code, in which Markdown knows no mention, link or tag."""
    return ["The line that explains the failure, with everything masked that could identify anyone:", "", f"    {line}", ""]


def _link(public_url: str, path: str, query: dict[str, str]) -> list[str]:
    return [f"[Look into it]({public_url}{path}{f'?{urlencode(query)}' if query else ''})"] if public_url else []


def _escaped(text: str) -> str:
    """Words of people in Markdown: no tag, no mention of an account."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\N{ZERO WIDTH SPACE}")
