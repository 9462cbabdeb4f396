"""Mail over a real SMTP conversation: STARTTLS, authentication, refusals, and a connection that breaks."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mail_server import PASSWORD, USER, MailServer, certificate
from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.channels.mail import Mail
from telemetry_service.core.messages import Notice, compose
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import Delivery

MESSAGE = compose(
    [Notice("k", "jellyfin (lxc) broke – 41 %", ("Why: E: Unable to locate package <x>",), "/scripts/jellyfin")],
    "https://t.example",
)
DELIVERY = Delivery(1, "mail", "0123abcd", "alert", MESSAGE, 0, False, 1_790_000_000_000_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def secured(files: tuple[Path, Path]) -> Iterator[MailServer]:
    with MailServer(files, password_needed=True) as server:
        yield server


@pytest.fixture
def plain() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


def mail(server: MailServer, believed: Path | None = None, **changes: Any) -> Mail:
    options: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "",
        "password": Secret(""),
        "sender": "telemetry@example.org",
        "recipients": ["a@example.org", "b@example.org"],
        "require_tls": believed is not None,
        "context": ssl.create_default_context(cafile=believed) if believed else None,
    }
    return Mail("mail", **options | changes)


def leave() -> None:
    pass


def test_over_starttls_with_a_password(secured: MailServer, files: tuple[Path, Path]) -> None:
    left: list[bool] = []
    mail(secured, files[0], user=USER, password=Secret(PASSWORD)).send(DELIVERY, lambda: left.append(bool(secured.mails)))
    (got,) = secured.mails
    assert (secured.logins, secured.encrypted, left) == ([True], [True], [False])
    assert secured.recipients == [["a@example.org", "b@example.org"]]
    assert got["Message-ID"] == "<0123abcd@example.org>"
    assert got["Subject"] == "jellyfin (lxc) broke – 41 %"
    assert got["Auto-Submitted"] == "auto-generated"
    text, html = (got.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "Unable to locate package <x>" in text.get_content()
    assert "https://t.example/scripts/jellyfin" in text.get_content()
    assert "Unable to locate package &lt;x&gt;" in html.get_content()
    assert "<img" not in html.get_content()


def test_without_tls_where_the_server_has_none(plain: MailServer) -> None:
    mail(plain).send(DELIVERY, leave)
    assert plain.encrypted == [False]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": USER, "password": Secret("wrong")}, "code 535"),
        ({}, "code 530"),
        ({"user": USER, "password": Secret(PASSWORD), "context": ssl.create_default_context()}, "certificate"),
    ],
)
def test_refused_and_the_password_is_never_said(
    secured: MailServer, files: tuple[Path, Path], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ChannelFailed, match=reason) as caught:
        mail(secured, files[0], **changes).send(DELIVERY, leave)
    assert not caught.value.unclear
    assert not secured.mails
    assert PASSWORD not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_tls_that_is_required_and_not_there(plain: MailServer) -> None:
    with pytest.raises(ChannelFailed, match="SMTP_USE_TLS=false"):
        mail(plain, require_tls=True).send(DELIVERY, leave)


def test_one_recipient_refused_of_two(plain: MailServer) -> None:
    plain.refused = {"a@example.org"}
    mail(plain).send(DELIVERY, leave)
    assert plain.recipients == [["b@example.org"]]
    plain.refused = {"a@example.org", "b@example.org"}
    with pytest.raises(ChannelFailed, match="every recipient"):
        mail(plain).send(DELIVERY, leave)


def test_a_text_that_is_not_taken_is_known_not_to_be(plain: MailServer) -> None:
    plain.answer_data = lambda: "452 no space"
    with pytest.raises(ChannelFailed, match="code 452") as caught:
        mail(plain).send(DELIVERY, leave)
    assert not caught.value.unclear


def test_a_connection_cut_after_the_text_leaves_it_open(plain: MailServer) -> None:
    plain.answer_data = lambda: "cut"
    with pytest.raises(ChannelFailed) as caught:
        mail(plain).send(DELIVERY, leave)
    assert caught.value.unclear


def test_nobody_there(plain: MailServer) -> None:
    with pytest.raises(ChannelFailed, match="cannot be reached") as caught:
        mail(plain, port=1).send(DELIVERY, leave)
    assert not caught.value.unclear
