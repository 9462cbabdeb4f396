"""Expand failure templates into a corpus for distil and fingerprint.

A template is `=== exit code | meaning | command`, then a log with the root cause in «».
"""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path

HERE = Path(__file__).parent
MARK = re.compile("«(.*?)»", re.DOTALL)


def fill(text: str, values: dict[str, str], rng: random.Random) -> str:
    """Fill `{n}`, `{v}`, `{d}`, `{hex}` anew each time; the other names once per variant."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "n":
            return str(rng.randrange(11, 99999))
        if name == "d":
            return f"{rng.randrange(10, 29)}"
        if name == "hex":
            return f"{rng.getrandbits(256):064x}"
        return values[name]

    return re.sub(r"\{(n|d|hex|v|user|host|hn|ip|pkg)\}", value, text)


def variants(template: str, group: int, count: int, rng: random.Random, blocks: list[str]) -> list[dict[str, object]]:
    """`count` error texts of one cause, with noise around it."""
    head, _, log = template.strip("\n").partition("\n")
    code, meaning, command = (part.strip() for part in head.split("|", 2))
    package = rng.choice(["vaultwarden", "paperless", "immich", "sonarr", "zigbee2mqtt"])
    out = []
    for _ in range(count):
        values = {
            "v": f"{rng.randrange(1, 30)}.{rng.randrange(30)}.{rng.randrange(30)}",
            "user": rng.choice(["tobias", "jkowal", "oskar", "maria", "app_user"]),
            "host": rng.choice(
                ["mirror.silva-family.de", "git.oneill.home.arpa", "nas.kellerkind.lan", "registry.acme.internal"]
            ),
            "hn": rng.choice(["pve1", "homelab", "hv-keller"]),
            "ip": ".".join(str(rng.randrange(11, 250)) for _ in range(4)),
            "pkg": package,
        }
        line = rng.randrange(9, 400)
        body = fill(log, values, rng)
        best = MARK.search(body)
        assert best, template
        before = rng.sample(blocks, rng.randrange(0, 5))
        after = rng.sample(blocks[:3], 1) if rng.random() < 0.15 else []
        text = "\n".join([*before, MARK.sub(r"\1", body), *after])
        out.append(
            {
                "error": f"exit_code={code} | {meaning} | at line {line}: {fill(command, values, rng)}\n---\n{text}",
                "best": best[1],
                "group": group,
            }
        )
    return out


def main() -> None:
    """Write the corpus of the template files named to standard output, the groups numbered through."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("templates", nargs="+", help="files beside this one")
    parser.add_argument("--variants", type=int, default=2)
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    blocks = [block.strip("\n") for block in re.split(r"^===$", (HERE / "noise.txt").read_text(), flags=re.MULTILINE)]
    text = "".join((HERE / name).read_text() for name in options.templates)
    for group, template in enumerate(re.split(r"^=== ", text, flags=re.MULTILINE)[1:]):
        for row in variants(template, group, options.variants, rng, blocks):
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
