"""Commands of ours that a request starts: in a process of their own, which gives back what it needed."""

import asyncio
import sys


async def said_by_command(*arguments: str, seconds: float, statuses: tuple[int, ...] = (0,)) -> bytes | None:
    """What a command of this program prints; None when it ends with another status, or not within so many seconds.

    What goes wrong it says in the log itself.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "telemetry_service", *arguments), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
        return said if process.returncode in statuses else None
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
