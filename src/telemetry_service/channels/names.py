"""What channels are called: nothing that is secret."""

from collections import Counter
from collections.abc import Sequence

from telemetry_service.settings import Secret


def names(urls: Sequence[Secret]) -> tuple[str, ...]:
    """What each URL is called: its scheme, numbered from the second of a kind on. A corrected URL keeps its name."""
    seen: Counter[str] = Counter()
    found = []
    for url in urls:
        scheme = url.reveal().partition(":")[0].lower()
        seen[scheme] += 1
        found.append(scheme if seen[scheme] == 1 else f"{scheme}-{seen[scheme]}")
    return tuple(found)
