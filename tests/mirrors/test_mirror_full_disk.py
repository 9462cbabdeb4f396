"""PocketBase's disk is full: nothing is lost, nothing set aside, and all goes on when there is space again."""

import shutil
from pathlib import Path

import pytest
from following import Followed, event
from test_mirror import assert_mirrored

from pocketbase_server import NewPocketBase
from small_disk import fill, make_room, mounted
from telemetry_service.mirrors.pocketbase import Trouble

DISK_MB = 24
MANY = 400


def test_a_full_disk_and_space_again(tmp_path: Path, new_pocketbase: NewPocketBase, request: pytest.FixtureRequest) -> None:
    with mounted(tmp_path / "disk", DISK_MB, request):
        pocketbase = new_pocketbase()
        pocketbase.start(shutil.move(pocketbase.folder, tmp_path / "disk" / "pb"))
        followed = Followed(tmp_path / "data", pocketbase.url)
        followed.fold(event(number) for number in range(5))
        followed.drain()
        fill(tmp_path / "disk")
        followed.fold(event(number) for number in range(MANY))
        with pytest.raises(Trouble, match="PocketBase does not work"):
            followed.drain()
        assert followed.standing.set_aside == 0
        assert followed.standing.waiting > 0
        make_room(tmp_path / "disk")
        followed.drain()
        assert_mirrored(followed, pocketbase)
        assert followed.standing.set_aside == 0
        pocketbase.kill()
