"""The first pages of a year after a start find its sums made already."""

import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from running_service import COMMAND

# Says when a sum of months that are over is made, and when all is prepared.
SERVICE = """
import gc, sys
from telemetry_service.cli import app
from telemetry_service.store.sums import Settled

keep, freeze = Settled.keep, gc.freeze

def say(word):
    print(word, file=sys.stderr, flush=True)

def keep_and_say(*what):
    say("summed up")
    keep(*what)

def freeze_and_say():
    freeze()
    say("prepared")

Settled.keep, gc.freeze = keep_and_say, freeze_and_say
app(["serve"])
"""


def test_nobody_waits_for_the_sums_of_a_year(tmp_path: Path) -> None:
    env = os.environ | {"DATA_DIR": str(tmp_path), "LISTEN_ADDR": "127.0.0.1:0"}
    for command in (["demo", "--installations", "300", "--days", "120"], ["token", "create", "--scope", "read", "--name", "me"]):
        done = subprocess.run([COMMAND, *command], env=env, check=True, stdout=subprocess.PIPE, text=True)
    token = done.stdout.split()[-1]
    with subprocess.Popen([sys.executable, "-c", SERVICE], env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        while "prepared" not in said or "listening" not in said:
            said += process.stderr.readline()
            assert process.poll() is None
        assert "summed up" in said
        address = re.search(r"address='http://([^']+)'", said)
        assert address
        connection = http.client.HTTPConnection(address[1])
        for path in ("/?days=365", "/errors?days=365"):
            for headers in ({}, {"authorization": f"Bearer {token}"}):
                connection.request("GET", path, headers=headers)
                response = connection.getresponse()
                assert response.read()
                assert response.status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert "summed up" not in process.stderr.read()
        assert process.wait(60) == 0
