"""The weekly report by mail: from the command that the service runs by itself, to its own recipients, once."""

from pathlib import Path

from mail_server import MailServer
from running_service import Service


def test_the_report_goes_out_once(tmp_path: Path) -> None:
    with MailServer() as mails:
        service = Service(
            tmp_path,
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(mails.port),
            SMTP_FROM="t@example.org",
            REPORT_RECIPIENTS="a@example.org, b@example.org",
            PUBLIC_URL="https://t.example",
        )
        assert service.command("report").returncode == 1  # no data yet
        assert service.command("demo", "--installations", "400", "--days", "20").returncode == 0
        for _ in range(2):
            done = service.command("alerts")
            assert done.returncode == 0, done.stderr
        (mail,) = mails.mails
        assert mails.recipients == [["a@example.org", "b@example.org"]]
        text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
        assert text is not None
        assert html is not None
        assert text.get_content().startswith("Weekly report ")
        assert "https://t.example/reports/" in html.get_content()
        shown = service.command("report")
        assert shown.stdout.startswith("Weekly report ")
        assert service.command("report", "--week", "1999-W01").returncode == 1
        assert service.command("report", "--week", "last").returncode == 2
        assert service.command("report", "--format", "html").stdout.startswith("<!doctype html>")
