"""Settings of every test run."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from left_out import REQUIRED

# A machine under load is slow, not wrong: no test is about time.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HAS_BROWSER = any(map(shutil.which, BROWSERS))
# What is missing leaves its tests out, where that is allowed, and the summary says so once.
collect_ignore = [] if HAS_BROWSER or REQUIRED else ["e2e"]
CLIENT_TOOLS = ("bash", "dash", "busybox", "shellcheck", "strace", "curl", "wget", "whiptail", "dialog")
MISSING_TOOLS = [tool for tool in CLIENT_TOOLS if not shutil.which(tool)]
if MISSING_TOOLS and not REQUIRED:
    collect_ignore.append("client")
PROXY_TOOLS = ("nginx", "caddy", "systemd-analyze")
MISSING_PROXIES = [tool for tool in PROXY_TOOLS if not shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin")]
if MISSING_PROXIES and not REQUIRED:
    collect_ignore += ["service/test_proxies.py", "test_unit_file.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "e2e" in collect_ignore:
        terminalreporter.write_line("browser tests left out: no chromium here; make browser installs it")
    if "test_unit_file.py" in collect_ignore:
        terminalreporter.write_line(
            f"tests of the examples in deploy/ left out: no {', '.join(MISSING_PROXIES)} here; make proxies installs them"
        )
    if "client" in collect_ignore:
        terminalreporter.write_line(
            f"tests of the shell client left out: no {', '.join(MISSING_TOOLS)} here; make shells installs them"
        )
