"""TLS 1.3 by the service itself; no older version is spoken."""

import ssl
from pathlib import Path


class UnusableCertificate(Exception):
    """Certificate or key cannot be used; the text says which setting, and never what is in the file."""


class Certificate:
    """A certificate and its key, read again when the files change, so that a renewal needs no restart."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises `UnusableCertificate`."""
        self._certificate = certificate
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.set_alpn_protocols(["http/1.1"])
        self._changed_at = self._times()
        self._load(self.context)

    def renew(self) -> bool:
        """Take a changed certificate for the connections to come; whether there was one. Raises `UnusableCertificate`."""
        changed_at = self._times()
        if changed_at == self._changed_at:
            return False
        self._changed_at = changed_at
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half a renewal must not spoil what is in use
        self._load(self.context)
        return True

    def _times(self) -> tuple[int, int]:
        try:
            return self._certificate.stat().st_mtime_ns, self._key.stat().st_mtime_ns
        except OSError as error:
            raise UnusableCertificate(f"TLS_CERT_FILE or TLS_KEY_FILE cannot be read ({error.strerror})") from None

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            # The password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(self._certificate, self._key, password="")
        except ssl.SSLError as error:
            raise UnusableCertificate(
                f"TLS_CERT_FILE and TLS_KEY_FILE are no certificate with its unencrypted key, both as PEM ({error.reason})"
            ) from None
        except OSError as error:
            raise UnusableCertificate(f"TLS_CERT_FILE or TLS_KEY_FILE cannot be read ({error.strerror})") from None
