"""A file system of a few megabytes, and a ballast that fills it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from left_out import leave_out

IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")  # whoever may not mount may do so there


def runs(*command: str) -> bool:
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


@contextmanager
def mounted(path: Path, megabytes: int, request: pytest.FixtureRequest) -> Iterator[None]:
    """A small disk at a path, for one test."""
    path.mkdir()
    if not runs("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)):
        run_in_a_namespace(request.node.nodeid, request.config.rootpath)
    try:
        yield
    finally:
        assert runs("umount", "--lazy", str(path))


def fill(disk: Path, leave_bytes: int = 0) -> None:
    """Fill a disk but for some bytes."""
    wanted = shutil.disk_usage(disk).free - leave_bytes
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        try:
            while wanted > 0:
                wanted -= ballast.write(bytes(min(wanted, 65536)))
        except OSError:
            while True:  # page by page, to the last
                try:
                    ballast.write(bytes(512))
                except OSError:
                    return


def make_room(disk: Path) -> None:
    (disk / "ballast").unlink()


def run_in_a_namespace(test: str, root: Path) -> None:
    """Run a test where mounting is allowed, and end this one like that one."""
    if not runs(*IN_A_NAMESPACE, "true"):
        leave_out("neither mount nor unshare can make a small disk here")
    command = (*IN_A_NAMESPACE, sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", test)
    finished = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout
    assert "1 passed" in finished.stdout, finished.stdout  # and not left out there, too
    pytest.skip("passed, in a namespace of its own")
