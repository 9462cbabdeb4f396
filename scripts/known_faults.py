"""Says what pip-audit's report (JSON) tells of the pinned dependencies: `python -m scripts.known_faults REPORT`.

Status 1 when a fault is known, 2 when a pin could not be looked up: of those nothing is known, which is no good news.
"""

import json
import sys
from pathlib import Path
from typing import Any


def verdict(report: dict[str, Any]) -> tuple[list[str], int]:
    """What to say, and the status to end with."""
    pins = report["dependencies"]
    unknown = [pin["name"] for pin in pins if "skip_reason" in pin]
    faults = [
        f"{pin['name']} {pin['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
        for pin in pins
        for fault in pin.get("vulns", [])
    ]
    said = [f"{len(pins) - len(unknown)} of {len(pins)} pins looked up, {len(faults)} known faults", *faults]
    if unknown:
        said.append(f"not looked up, because the index that was asked tells nothing of these versions: {', '.join(unknown)}")
    return said, 1 if faults else 2 if unknown or not pins else 0


def main(path: Path) -> int:
    """Print the verdict on a report; the status to end with."""
    said, status = verdict(json.loads(path.read_text("utf-8")))
    print("\n".join(said))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
