"""Mail over SMTP: TLS or STARTTLS, authentication, text and HTML.

The Message-ID of a message is made once and stays through every attempt, so that mail systems which know it already drop a
repetition. Until the command DATA nothing can have arrived; behind it, a broken connection leaves that open.
"""

import smtplib
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import Delivery

TIMEOUT_SECONDS = 30.0
IMPLICIT_TLS_PORT = 465
LOCAL = ("localhost", "127.0.0.1", "::1")


class Mail:
    """One mail server and the people written to."""

    def __init__(
        self,
        name: str,
        *,
        host: str,
        port: int,
        user: str,
        password: Secret,
        sender: str,
        recipients: Sequence[str],
        require_tls: bool,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`context` says whose certificates are believed, by default those of the system."""
        self.name = name
        self._host, self._port = host, port
        self._user, self._password = user, password
        self._sender, self._recipients = sender, list(recipients)
        self._require_tls = require_tls
        self._context = context or ssl.create_default_context()

    def send(self, delivery: Delivery, leaving: Callable[[], None]) -> None:
        """See `Channel`. Who of several recipients the server refuses is left out, as long as it takes one."""
        body = self._message(delivery).as_bytes()
        has_left = False
        try:
            with self._connected() as server:
                self._secure(server)
                self._address(server)
                leaving()
                has_left = True
                code, _ = server.data(body)
                if code != 250:
                    raise ChannelFailed(f"the mail server did not take it (code {code})")
        except smtplib.SMTPDataError as error:
            raise ChannelFailed(f"the mail server did not take it (code {error.smtp_code})") from None
        except smtplib.SMTPAuthenticationError as error:
            raise ChannelFailed(f"the mail server refuses SMTP_USER with SMTP_PASSWORD (code {error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise ChannelFailed(f"the mail server refused the conversation (code {error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError:
            raise ChannelFailed("the mail server offers no way to log in that is known here") from None
        except ssl.SSLCertVerificationError:
            raise ChannelFailed("the certificate of the mail server is not one to be believed for SMTP_HOST") from None
        except (smtplib.SMTPException, OSError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            raise ChannelFailed(f"the mail server cannot be reached ({why})", unclear=has_left) from None

    def _connected(self) -> "_Closing":
        greeting = self._sender.rpartition("@")[2] or "localhost"  # the name of this machine is nobody's business
        if self._port == IMPLICIT_TLS_PORT:
            return _Closing(smtplib.SMTP_SSL(self._host, self._port, greeting, timeout=TIMEOUT_SECONDS, context=self._context))
        return _Closing(smtplib.SMTP(self._host, self._port, greeting, timeout=TIMEOUT_SECONDS))

    def _secure(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        encrypted = isinstance(server, smtplib.SMTP_SSL)
        if not encrypted and server.has_extn("starttls"):
            server.starttls(context=self._context)
            server.ehlo()
            encrypted = True
        if not encrypted and self._require_tls:
            raise ChannelFailed("the mail server offers no TLS; SMTP_USE_TLS=false would do without")
        if self._user:
            if not encrypted and self._host not in LOCAL:
                raise ChannelFailed("the mail server offers no TLS, and the password is not sent without")
            server.login(self._user, self._password.reveal())

    def _address(self, server: smtplib.SMTP) -> None:
        code, _ = server.mail(self._sender)
        if code != 250:
            raise ChannelFailed(f"the mail server refuses SMTP_FROM (code {code})")
        codes = [server.rcpt(recipient)[0] for recipient in self._recipients]
        if not any(code in (250, 251) for code in codes):
            raise ChannelFailed(f"the mail server refuses every recipient (code {codes[0]})")

    def _message(self, delivery: Delivery) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Subject"] = delivery.message.subject
        message["From"] = Address("Telemetry", addr_spec=self._sender)
        message["To"] = [Address(addr_spec=recipient) for recipient in self._recipients]
        message["Date"] = datetime.fromtimestamp(delivery.recorded_at // 1_000_000, UTC)
        message["Message-ID"] = f"<{delivery.key}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(delivery.message.text)
        message.add_alternative(delivery.message.html, subtype="html")
        return message


class _Closing:
    """An SMTP connection that is closed at the end, whatever the server says to that."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def __enter__(self) -> smtplib.SMTP:
        return self._server

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            with suppress(smtplib.SMTPException, OSError):  # it has taken the message; how it says goodbye does not matter
                self._server.quit()
        self._server.close()
