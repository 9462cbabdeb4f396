"""Runs a command with the system calls that a systemd unit leaves it: `python behind_the_unit.py UNIT COMMAND...`.

What systemd would do: the same filter, by the same library; no privileges, and no memory that is written and then run.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

FILTER = "SystemCallFilter="
ALLOW, REFUSE_WITH_EPERM = 0x7FFF0000, 0x00050001  # seccomp.h
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65  # linux/prctl.h


def allowed(unit: Path) -> set[str]:
    """The system calls of the lines of a unit, in order: those that begin with ~ take away."""
    found = calls("@default")
    for line in unit.read_text().splitlines():
        if line.startswith(FILTER):
            names = line.removeprefix(FILTER)
            listed = set[str]().union(*map(calls, names.removeprefix("~").split()))
            found = found - listed if names.startswith("~") else found | listed
    return found


def calls(name: str) -> set[str]:
    """A system call, or all of a group of them."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    names = [line.strip() for line in listed.splitlines()[1:]]
    return set[str]().union(*(calls(one) for one in names if one and not one.startswith("#")))


def confine(names: set[str]) -> None:
    """Leave this process and what it starts these system calls."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(REFUSE_WITH_EPERM)))
    for name in names:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else this machine has no such call
            seccomp.seccomp_rule_add(context, ctypes.c_uint32(ALLOW), ctypes.c_int(number), ctypes.c_uint(0))
    process = ctypes.CDLL(None)
    process.prctl(PR_SET_MDWE, 1, 0, 0, 0)  # known from Linux 6.3 on
    assert process.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert seccomp.seccomp_load(context) == 0


if __name__ == "__main__":
    confine(allowed(Path(sys.argv[1])))
    os.execv(sys.argv[2], sys.argv[2:])
