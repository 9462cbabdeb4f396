#!/bin/sh
# Makes sure that the tests of the shell client find the shells and tools they use: Debian's, installed when missing and allowed.
set -eu
missing=
for name in bash dash busybox shellcheck strace curl wget whiptail dialog; do
  command -v "$name" >/dev/null || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing here:$missing; install them with your package manager, or run this as root on Debian or Ubuntu" >&2
  exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086 # several words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
