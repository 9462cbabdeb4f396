"""Every operation of /openapi.json called in every way that it describes and in many that it does not.

No answer may be a fault of the service, and none may be one that the description does not know.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_data import StoredData

from running_service import Service, post_all, report

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 2
SOAK_EXAMPLES = 5 * int(os.environ.get("SOAK_ROUNDS", "50"))


@pytest.fixture
def asked(new_service: Callable[..., Service]) -> Service:
    """A service that has something to tell."""
    service = new_service(METRICS_AUTH="token").start()
    post_all(service, [report(nsapp=f"app-{number % 3}", status=("success", "failed")[number % 2]) for number in range(40)])
    StoredData(service.data).wait_until_folded()
    return service


def test_the_description_is_true(asked: Service) -> None:
    """For everybody, who may not do much, and for those who may do everything."""
    for scope in ("", "admin"):
        describe(asked, scope, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("scope", ["", "read", "admin"])
def test_the_description_is_true_whatever_is_asked(asked: Service, scope: str) -> None:
    describe(asked, scope, SOAK_EXAMPLES)


def describe(service: Service, scope: str, examples: int) -> None:
    """Ask everything in so many ways as the holder of a token of this scope, or of none."""
    token = service.command("token", "create", "--scope", scope, "--name", "x").stdout.split()[-1] if scope else ""
    url = "http://{}:{}/openapi.json".format(*service.address)
    command = [
        SCHEMATHESIS,
        "run",
        url,
        "--checks",
        ",".join(CHECKS),
        "--phases",
        "examples,coverage,fuzzing",
        "-n",
        str(examples),
    ]
    command += ["--exclude-path", "/api/cleanup/run"]  # starts a process each time: test_cleanup_over_http.py
    command += ["--no-color", "--max-failures", "5", "--generation-database", "none"]
    command += ["-H", f"Authorization: Bearer {token}"] if token else []
    finished = subprocess.run(command, cwd=service.root, capture_output=True, timeout=3000)
    assert finished.returncode == 0, finished.stdout.decode()
    assert b"Operations:       0 selected" not in finished.stdout
    assert "server.error" not in service.log
