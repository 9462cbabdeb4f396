"""A background process as the web process sees it: started, watched, started again."""

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process

RESTART_SECONDS = (0.1, 1.0, 5.0, 15.0)  # waited before the first, second, ... start in a row
STEADY_SECONDS = 60.0  # a worker that lived this long starts the row anew
STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class WorkerProcess:
    """Keeps one background process running; it ends with its standard input, so also when this process is killed."""

    def __init__(self, module: str = "telemetry_service.worker") -> None:
        self._module = module
        self._name = module.rpartition(".")[2]
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.restarts = 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self.running else None

    async def start(self) -> None:
        await self._spawn()
        self._task = asyncio.create_task(self._watch())

    async def _spawn(self) -> None:
        """Start a worker; if that cannot be done now, there is none, and `_watch` tries again."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, stdin=PIPE, start_new_session=True
            )
        except Exception as error:  # noqa: BLE001 - the top of a job: no error may leave the service without a worker for good
            self._process = None
            reason = getattr(error, "strerror", None)
            log.error(f"{self._name}.not_started", extra={"exception": type(error).__name__, "reason": reason})

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            code = await self._process.wait() if self._process is not None else None
            if self._stopping:
                return
            failures = 0 if loop.time() - started > STEADY_SECONDS else failures
            log.error(f"{self._name}.ended", extra={"exit_code": code, "restart_in_seconds": RESTART_SECONDS[failures]})
            await asyncio.sleep(RESTART_SECONDS[failures])
            failures = min(failures + 1, len(RESTART_SECONDS) - 1)
            self.restarts += 1
            await self._spawn()

    async def stop(self) -> None:
        """Let the worker finish the step it is in; kill it if that takes too long."""
        self._stopping = True
        process = self._process
        if process is None or not self.running:
            if self._task is not None:
                self._task.cancel()
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
