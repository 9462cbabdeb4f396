"""Chat through apprise, against a local server that takes what a webhook gets."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.channels.chat import REPEATED, Chat
from telemetry_service.channels.names import names
from telemetry_service.core.messages import Message
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import Delivery

HIDDEN = "hidden-part"


class Webhook(ThreadingHTTPServer):
    status = 200
    got: list[dict[str, Any]]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert isinstance(self.server, Webhook)
            self.server.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(self.server.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = Webhook(("127.0.0.1", 0), Handler)
    server.got = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def delivery(*, repeated: bool = False) -> Delivery:
    return Delivery(1, "json", "k", "alert", Message("It broke", "Why: @everyone <x>\n", "<p>"), 0, repeated, 0)


def chat(server: Webhook) -> Chat:
    return Chat("json", Secret(f"json://user:{HIDDEN}@127.0.0.1:{server.server_port}/hook"))


def test_taken(webhook: Webhook) -> None:
    left: list[int] = []
    chat(webhook).send(delivery(), lambda: left.append(len(webhook.got)))
    (got,) = webhook.got
    assert (got["title"], left) == ("It broke", [0])
    assert got["message"].strip() == "Why: @\u200beveryone <x>"
    chat(webhook).send(delivery(repeated=True), lambda: None)
    assert REPEATED in webhook.got[1]["message"]


def test_not_taken_says_no_secret(webhook: Webhook, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    webhook.status = 500
    with pytest.raises(ChannelFailed) as caught:
        chat(webhook).send(delivery(), lambda: None)
    with pytest.raises(ChannelFailed, match="ALERT_URLS"):
        Chat("x", Secret(f"nosuch://{HIDDEN}")).send(delivery(), lambda: None)
    assert HIDDEN not in str(caught.value) + caplog.text + "".join(capfd.readouterr())


def test_names_hold_the_kind_alone() -> None:
    urls = [Secret(url) for url in ("discord://id/token", "ntfy://topic", "discord://other/token")]
    assert names(urls) == ("discord", "ntfy", "discord-2")
