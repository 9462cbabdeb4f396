"""Alerts over HTTP and on the command line: a test message to every channel, how they stand, and no secret anywhere."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from mail_server import MailServer
from running_service import Service

HIDDEN = "hidden-token"


def admin(service: Service) -> dict[str, str]:
    token = service.command("token", "create", "--scope", "admin", "--name", "a").stdout.split()[-1]
    return {"authorization": f"Bearer {token}"}


def test_a_test_message_and_a_channel_that_is_down(new_service: Callable[..., Service], tmp_path: Path) -> None:
    secret = tmp_path / "urls"
    secret.write_text(f"# both are down\njson://user:{HIDDEN}@127.0.0.1:9/\nnosuch://{HIDDEN}\n")
    with MailServer() as mails:
        service = new_service(
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(mails.port),
            SMTP_FROM="telemetry@example.org",
            SMTP_TO="a@example.org",
            ALERT_URLS_FILE=str(secret),
        ).start()
        client, headers = service.client(), admin(service)
        assert msgspec.json.decode(client.send("GET", "/api/alerts", headers=headers).text) == {
            "enabled": True, "history": [], "channels": []
        }  # fmt: skip
        answer = client.send("POST", "/api/alerts/test", headers=headers)
        result = msgspec.json.decode(answer.text)
        assert (answer.status, result["success"], result["message"]) == (200, False, "failed: json, nosuch")
        assert {one["channel"]: one["problem"] is None for one in result["channels"]} == {
            "mail": True,
            "json": False,
            "nosuch": False,
        }
        (mail,) = mails.mails
        assert mail["Subject"] == "Test of alerts"
        metrics = client.send("GET", "/metrics").text
        assert 'telemetry_channel_working{channel="mail"} 1.0' in metrics
        assert 'telemetry_channel_working{channel="json"} 0.0' in metrics
        ready = client.send("GET", "/readyz")
        assert ready.status == 200
        status = service.command("alerts", "--status")
        assert "nosuch: 0 waiting, last worked: never; apprise knows no such channel" in status.stdout
        everything = service.log + metrics + answer.text + status.stdout + status.stderr
        everything += "".join(path.read_bytes().decode("latin-1") for path in service.data.rglob("*") if path.is_file())
        assert HIDDEN not in everything


def test_without_a_channel(service: Service) -> None:
    result = msgspec.json.decode(service.client().send("POST", "/api/alerts/test", headers=admin(service)).text)
    assert not result["success"]
    assert "set ALERT_URLS" in result["message"]
    assert service.command("alerts", "--test").returncode == 2
    assert service.command("alerts").stdout == "0 noted, 0 sent\n"
