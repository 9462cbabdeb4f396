"""`python -m scripts.attacker http://127.0.0.1:8080`: attack a service that runs, and say what was found."""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "tests"))
from scripts.attacker.attack import Attacker


def main() -> int:
    parser = argparse.ArgumentParser(description="Look for public numbers that tell of fewer than k installations.")
    parser.add_argument("url", help="the service, such as http://127.0.0.1:8080")
    parser.add_argument("--k", type=int, default=5, help="its PUBLISH_MIN_COUNT (5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is asked (3)")
    parser.add_argument("--seed", type=int, default=1, help="which questions chance draws (1)")
    chosen = parser.parse_args()
    url = urlsplit(chosen.url)
    with Attacker((url.hostname or "127.0.0.1", url.port or 80), chosen.k, chosen.seed) as attacker:
        for _ in range(chosen.rounds):
            attacker.round()
    print(f"{attacker.asked} questions, {attacker.read} counts read, {attacker.grown} of them grown, k = {chosen.k}")
    for finding in attacker.findings:
        print(finding)
    print(f"{len(attacker.findings)} findings")
    return 1 if attacker.findings else 0


if __name__ == "__main__":
    sys.exit(main())
