"""Who goes first when there are fewer processors than work: answering, then folding, then mirroring and jobs."""

import os
from contextlib import suppress

BESIDE_ANSWERING, BESIDE_FOLDING = 5, 10  # niceness


def give_way(niceness: int, pid: int = 0) -> None:
    """Lower the priority of a process, or of this one, where the system lets us; it works without, too."""
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
