"""Every operation of /openapi.json called in every way that it describes and in many that it does not.

No answer may be a fault of the service, and none may be one that the description does not know.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running_service import Service, post_all, report
from stored_data import StoredData

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 5 * int(os.environ.get("SOAK_ROUNDS", "1"))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scope", ["", "read", "admin"])
def test_the_description_is_true(new_service: Callable[..., Service], scope: str) -> None:
    service = new_service(METRICS_AUTH="token" if scope else "none").start()
    post_all(service, [report(nsapp=f"app-{number % 3}", status=("success", "failed")[number % 2]) for number in range(40)])
    StoredData(service.data).wait_until_folded()
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
        str(EXAMPLES),
    ]
    command += ["--no-color", "--max-failures", "5", "--generation-database", "none"]
    command += ["-H", f"Authorization: Bearer {token}"] if token else []
    finished = subprocess.run(command, cwd=service.root, capture_output=True, timeout=500)
    assert finished.returncode == 0, finished.stdout.decode()
    assert b"Operations:       0 selected" not in finished.stdout
    assert "server.error" not in service.log
