"""git, as a program with nothing of its user's: no configuration, no hooks, no prompts; a token reaches it by a pipe.

The token is in no argument, no environment and no file. git asks a credential helper, one line of shell, which reads an
inherited pipe; and only for the one host it belongs to, so that a redirect elsewhere gets nothing.
"""

import os
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from telemetry_service.settings import Secret

USER = "x-access-token"  # what GitHub expects beside a token of any kind
STALL_SECONDS = 120  # a transfer below a byte a second for that long is given up
# Proxies and certificates are the machine's, not the user's.
_INHERITED = (
    *("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
)
_REASON_CHARS = 300


class GitFailed(Exception):
    """git could not do it; the text says why and holds no secret. `lasting` tells that trying again is of no use."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class BrokenRepository(GitFailed):
    """A command failed that needs nothing but the repository on disk."""


class Git:
    """Runs git on one repository on disk and one remote, whose URL holds no credentials."""

    def __init__(self, directory: Path, url: str, token: Secret) -> None:
        self._directory = directory
        self._token = token
        self.url = url
        parts = urlsplit(url)
        self._host = f"{parts.scheme}://{parts.netloc}" if parts.scheme != "file" else ""

    def local(self, *arguments: str, cwd: Path | None = None, environ: dict[str, str] | None = None) -> str:
        """What a command that talks to nobody prints.

        Raises `GitFailed`, and where git did run `BrokenRepository`.
        """
        try:
            return self._run(arguments, (), cwd, environ or {}, None)
        except GitFailed as error:
            if error.lasting:
                raise
            raise BrokenRepository(str(error), lasting=False) from None

    def remote(self, *arguments: str) -> str:
        """What a command that talks to the remote prints.

        Raises `GitFailed`.
        """
        if not (self._host and self._token):
            return self._run(arguments, (), None, {}, None)
        reading, writing = os.pipe()
        try:
            os.write(writing, f"username={USER}\npassword={self._token.reveal()}\n".encode())
            os.close(writing)
            helper = f'!f() {{ test "$1" = get && cat /dev/fd/{reading}; }}; f'
            return self._run(arguments, ("-c", f"credential.{self._host}.helper={helper}"), None, {}, reading)
        finally:
            os.close(reading)

    def _run(
        self, arguments: Sequence[str], options: Sequence[str], cwd: Path | None, environ: dict[str, str], pipe: int | None
    ) -> str:
        command = [
            *("git", f"--git-dir={self._directory}", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"),
            *("-c", "core.autocrlf=false", "-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={STALL_SECONDS}"),
            *(*options, *arguments),
        ]
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        ours = {
            "HOME": str(self._directory),  # there is no configuration there
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "https:http:file",
        }
        try:
            done = subprocess.run(  # noqa: S603 - no shell, and every argument is ours or checked in settings
                command,
                cwd=cwd or self._directory,
                env=inherited | ours | environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=() if pipe is None else (pipe,),
                check=False,
            )
        except FileNotFoundError:
            raise GitFailed("git is not installed; publishing to GitHub needs it (apt-get install git)", lasting=True) from None
        if done.returncode:
            raise self._failure(arguments[0], done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout.decode("utf-8", "replace").strip()

    def _failure(self, command: str, status: int, printed: str) -> GitFailed:
        if any(sign in printed for sign in ("Authentication failed", "could not read Username", "error: 403", "error: 401")):
            reason = "is not accepted" if self._token else "is not set"
            return GitFailed(f"{self._host} refuses access: GITHUB_TOKEN {reason}, or may not write there", lasting=True)
        if "not found" in printed.lower() and "fatal: repository" in printed:
            return GitFailed(f"there is no repository {self.url}, or GITHUB_TOKEN may not see it", lasting=True)
        lines = [line for line in printed.splitlines() if line.startswith(("fatal:", "error:", " !", "!"))]
        return GitFailed(f"git {command}: {self._without_token(lines[-1] if lines else f'status {status}')}", lasting=False)

    def _without_token(self, line: str) -> str:
        """git does not print what it logs in with; a server might say it back."""
        if self._token:
            secret = self._token.reveal()
            for shown in (secret, b64encode(f"{USER}:{secret}".encode()).decode()):
                line = line.replace(shown, "***")
        return line[:_REASON_CHARS]
