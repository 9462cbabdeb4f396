"""Mails made from templates, as mail programs show them."""

from telemetry_service.core.messages import Message, page
from telemetry_service.core.reports.rates import MIN_FINISHED_FOR_RATE
from telemetry_service.core.reports.weekly import Weekly
from telemetry_service.web.formats import number, percent, signed
from telemetry_service.web.pages import templates


def report_mail(report: Weekly, public_url: str) -> Message:
    """The weekly report as HTML and as text; links only where it is known where people reach the service."""
    change = report.success_rate.difference.value
    moved = "" if change is None else f" ({signed(change, ' points')})"
    installed = number(report.totals[0].count)
    subject = f"Week {report.week}: {percent(report.success_rate.now.percent)} succeed{moved}, {installed} installations"
    shown = {"r": report, "url": public_url, "min_finished": MIN_FINISHED_FOR_RATE}
    html = templates().get_template("mail_report.html").render(shown)
    text = templates().get_template("mail_report.txt").render(shown)
    return Message(subject, text.strip() + "\n", page(subject, "Weekly report", html))
