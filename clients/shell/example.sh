#!/bin/sh
# An installer that reports how it went, for those who said yes. It asks once, and never waits for us.
# shellcheck disable=SC1091,SC2034
set -eu
TELEMETRY_URL=https://telemetry.example.org
TELEMETRY_SECRETS=PASSWORD # names of variables whose values must never leave the machine
PASSWORD=$(od -An -N 12 -tx1 /dev/urandom | tr -d ' \n')
LOG=$(mktemp)
. ./telemetry.sh

telemetry_consent
telemetry_start myapp lxc
telemetry_trap "$LOG" # reports the end, whatever it is

telemetry_set os_type debian
telemetry_set os_version 12
telemetry_progress validation
echo "creating myapp with $PASSWORD" >"$LOG"
# ... the work, its output going to "$LOG" as well ...
echo "myapp is installed"
