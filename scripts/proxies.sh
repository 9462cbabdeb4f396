#!/bin/sh
# Makes sure that the tests of the examples in deploy/ find nginx, Caddy and systemd-analyze: Debian's, installed when missing and allowed.
set -eu
PATH="$PATH:/usr/sbin"
missing=
command -v nginx >/dev/null || missing="$missing nginx-light"
command -v caddy >/dev/null || missing="$missing caddy"
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing here:$missing; install them with your package manager, or run this as root on Debian or Ubuntu" >&2
  exit 1
fi
# Only the programs are wanted: nothing is started when they are installed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086 # several words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
