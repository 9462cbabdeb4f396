"""No key, password or token is in the repository."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECRETS = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22,}|\bglpat-[\w-]{20}"  # GitHub, GitLab
    rb"|\bAKIA[0-9A-Z]{16}\b|\bxox[abprs]-[\w-]{10,}|\bsk_live_\w{16,}"  # Amazon, Slack, Stripe
    rb"|\btel_[\w-]{43}\b"  # ours
    rb"|\b[a-z+]+://[^/\s:@{}]+:[^/\s:@{}]{6,}@"  # a password in an address
)
# Texts that look like one on purpose: they are what the cleaning of error lines is tested with.
ON_PURPOSE = ("tests/core/", "tests/golden/", "tests/corpora/", "src/telemetry_service/core/scrub/", "tests/publish/")


def test_no_file_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = [name for name in listed.split("\0") if name and not name.startswith(ON_PURPOSE) and (ROOT / name).is_file()]
    assert len(names) > 100
    found = [name for name in names if SECRETS.search((ROOT / name).read_bytes())]
    assert not found


@pytest.mark.parametrize(
    "secret",
    [b"-----BEGIN EC PRIVATE" + b" KEY-----", b"ghp_" + b"a1" * 18, b"tel_" + b"x-" * 21 + b"x", b"ftp://me:" + b"password@host"],
)
def test_secrets_are_known(secret: bytes) -> None:
    assert SECRETS.search(b"key = '" + secret + b"'")
    assert not SECRETS.search(secret[:-8])
