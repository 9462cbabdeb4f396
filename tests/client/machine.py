"""A machine on which scripts source the client, under each shell it promises to work in."""

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

CLIENT = Path(__file__).parents[2] / "clients" / "shell" / "telemetry.sh"
SHELLS = {"bash": ("bash",), "dash": ("dash",), "ash": ("busybox", "ash")}
# The machine of the third shell has the programs of busybox too, as Alpine has; `ip`, `wget` and `curl` stay the others'.
APPLETS = (
    "awk cat cut date find grep mkdir mv renice rm rmdir sed sleep sort tail tr uname wc".split()  # noqa: SIM905
)
INSTALLED = [name for name, command in SHELLS.items() if shutil.which(command[0])]
PATIENCE_SECONDS = 30.0  # a loaded machine is slow, not wrong
QUIET_SECONDS = 0.3  # a terminal that shows nothing new for this long waits for a key
LOST_SECONDS = 5.0  # one that still waits was not ready on a loaded machine: it threw the key away


def fields() -> str:
    """The names the client may send, as it lists them."""
    line = next(line for line in CLIENT.read_text().splitlines() if line.startswith("_telemetry_fields="))
    return line.partition("=")[2].strip("'")


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.01)
    return value


class Machine:
    """Runs scripts that have sourced the client; its traces are below `root`."""

    def __init__(self, root: Path, shell: str, url: str) -> None:
        self.root = root
        self.shell = SHELLS[shell]
        self.traces = root / "traces"
        self.environment = {
            "PATH": f"{self._applets()}:{os.environ['PATH']}" if shell == "ash" else os.environ["PATH"],
            "HOME": str(root),
            "TERM": "dumb",
            "TELEMETRY_DIR": str(self.traces),
            "TELEMETRY_URL": url,
            "TELEMETRY_DIAGNOSTICS_FILE": str(root / "diagnostics"),
        }

    def _applets(self) -> Path:
        directory = self.root / "applets"
        directory.mkdir()
        for name in APPLETS:
            (directory / name).symlink_to(str(shutil.which("busybox")))
        return directory

    def consents(self, answer: str = "yes", to: str | None = None) -> "Machine":
        """What `telemetry_consent` remembers after an answer to a list of fields."""
        self.traces.mkdir(exist_ok=True)
        url, list_of_fields = self.environment["TELEMETRY_URL"], fields() if to is None else to
        (self.traces / "consent").write_text(f"{answer} {url} 0 {list_of_fields}\n")
        return self

    def reports_to(self, url: str) -> "Machine":
        """Where scripts report from now on, with the yes of the administrator."""
        self.environment["TELEMETRY_URL"] = url
        return self.consents()

    def command(self, script: str, *options: str) -> list[str]:
        return [*self.shell, *options, "-c", f". {CLIENT}\n{script}", "installer"]

    def run(self, script: str, *options: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script to its end; what it sends in the background may go on."""
        return subprocess.run(
            self.command(script, *options),
            env=self.environment | dict(env or {}),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

    def on_a_terminal(self, script: str, *typed: str, env: Mapping[str, str] | None = None) -> str:
        """Run a script on a terminal where the next of `typed` is typed when it waits; returns all that was shown."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.root)
            os.execvpe(self.shell[0], self.command(script), self.environment | dict(env or {}))
        shown, waiting, last = b"", list(typed), ""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([terminal], [], [], QUIET_SECONDS if waiting else LOST_SECONDS)
            if not ready:
                last = waiting.pop(0) if waiting else last
                os.write(terminal, last.encode())
                continue
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            shown += part
        os.close(terminal)
        os.kill(child, signal.SIGKILL)  # what still waits for a key has been given all
        os.waitpid(child, 0)
        return shown.decode("utf-8", "replace")

    def wait_until_quiet(self) -> None:
        """Wait until no process of this machine is left."""
        mine = f"TELEMETRY_DIR={self.traces}".encode()

        def others() -> bool:
            for environ in Path("/proc").glob("[0-9]*/environ"):
                with suppress(OSError):
                    if mine in environ.read_bytes().split(b"\0"):
                        return True
            return False

        wait_until(lambda: not others(), "the background to end")

    def remembered(self) -> dict[str, tuple[str, list[str]]]:
        """The answer for each recipient, with the fields that were shown."""
        path = self.traces / "consent"
        rows = [line.split(" ") for line in path.read_text().splitlines()] if path.exists() else []
        return {url: (answer, names) for answer, url, _version, *names in rows}

    def answered(self) -> str | None:
        answer, _ = self.remembered().get(self.environment["TELEMETRY_URL"], (None, []))
        return answer

    def history(self) -> list[tuple[str, dict[str, Any]]]:
        """How each sending went, with the report."""
        path = self.traces / "history"
        rows = path.read_text().splitlines() if path.exists() else []
        return [(outcome, json.loads(report)) for _, outcome, report in (row.split(" ", 2) for row in rows)]

    def sent(self, n: int, waiting: int = 0) -> list[dict[str, Any]]:
        """The reports that a server confirmed, once there are `n` of them, `waiting` others, and nothing is under way."""

        def settled() -> bool:
            left = [path.suffix for path in self.traces.glob("spool/*")]
            return len(self._confirmed()) >= n and left == [".report"] * waiting

        wait_until(settled, f"{n} reports to be sent")
        found = self._confirmed()
        assert len(found) == n, found
        return found

    def _confirmed(self) -> list[dict[str, Any]]:
        return [report for outcome, report in self.history() if outcome == "sent"]

    def waiting(self, n: int) -> list[Path]:
        """The reports in the spool, once there are `n` and none is under way."""
        wait_until(
            lambda: len(list(self.traces.glob("spool/*.report"))) == n and not list(self.traces.glob("spool/*.sending")),
            f"{n} reports to wait in the spool",
        )
        return sorted(self.traces.glob("spool/*.report"))
