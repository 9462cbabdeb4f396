"""The worker is started again whatever goes wrong, also with starting it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from telemetry_service.web import worker_process
from telemetry_service.web.upkeep import again_and_again
from telemetry_service.web.worker_process import WorkerProcess


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for Python: it ends with its standard input, as the worker does."""
    path = tmp_path / "program"
    path.write_text("#!/bin/sh\nexec cat\n")
    path.chmod(0o700)
    monkeypatch.setattr(worker_process.sys, "executable", str(path))
    monkeypatch.setattr(worker_process, "RESTART_SECONDS", (0.0, 0.001, 0.001))
    return path


def test_a_worker_that_cannot_be_started_is_tried_again(program: Path) -> None:
    async def main() -> None:
        worker = WorkerProcess()
        program.chmod(0)
        program.rename(program.with_name("away"))
        await worker.start()
        assert not worker.running
        await until(lambda: worker.restarts > 3)
        program.with_name("away").rename(program)
        program.chmod(0o700)
        await until(lambda: worker.running)
        await worker.stop()
        assert not worker.running

    asyncio.run(main())


def test_a_worker_that_ends_is_started_again_until_it_is_to_stop(program: Path) -> None:
    async def main() -> None:
        worker = WorkerProcess()
        await worker.start()
        for _ in range(3):
            assert worker.running
            before = worker.pid
            assert worker._process is not None
            worker._process.kill()
            await until(lambda before=before: worker.running and worker.pid != before)
        await worker.stop()
        assert not worker.running
        assert worker.restarts == 3

    asyncio.run(main())


def test_stopping_while_there_is_none_ends_at_once(program: Path) -> None:
    async def main() -> None:
        worker = WorkerProcess()
        program.unlink()
        await worker.start()
        await worker.stop()
        await until(lambda: worker._task is not None and worker._task.done())
        assert not worker.running

    asyncio.run(main())


def test_upkeep_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    taken = []

    async def step() -> None:
        taken.append(None)
        if len(taken) < 3:
            raise RuntimeError("canary")

    async def main() -> None:
        task = asyncio.create_task(again_and_again(0.0, step))
        await until(lambda: len(taken) > 5)
        task.cancel()

    asyncio.run(main())
    said = [vars(record) for record in caplog.records]
    assert [record["exception"] for record in said] == ["RuntimeError"]
    assert "canary" not in str(said)
