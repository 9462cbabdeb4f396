"""A data.db as PocketBase writes it, made by SQL alone, and what plain SQL counts in it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from bench.cleaning import FAILURES, log

COLLECTION = "telemetry"
APPS = 450
DAYS = 364  # before today
TEXTS = ("random_id", "execution_id", "type", "nsapp", "status", "os_type", "os_version", "pve_version", "method", "error")
MORE_TEXTS = ("gpu_vendor", "gpu_passthrough", "cpu_vendor", "cpu_model", "error_category", "repo_source", "repo_slug")
NUMBERS = ("disk_size", "core_count", "ram_size", "exit_code", "install_duration", "ct_type")
# One row in 20 is a second one of the execution before it; one in 5 has no execution id.
_ROWS = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows),
  run AS (SELECT n, n - (n % 20 = 0) AS e FROM number),
  chance AS (SELECT n, e, e * 2654435761 % 4294967291 AS a, e * 40503 % 65521 AS b, e * 48271 % 2147483647 AS c FROM run)
INSERT INTO telemetry (id, random_id, execution_id, type, nsapp, status, os_type, os_version, pve_version, method, error,
  gpu_vendor, gpu_passthrough, cpu_vendor, repo_source, disk_size, core_count, ram_size, exit_code, install_duration,
  ct_type, has_arm, created, updated)
SELECT printf('r%014d', n),
  printf('%08x-0000-4000-8000-%012x', a, e),
  CASE WHEN e % 5 THEN printf('%012x-4000-8000-%012x', e, a) ELSE '' END,
  CASE WHEN b % 100 < 88 THEN 'lxc' WHEN b % 100 < 95 THEN 'vm' ELSE 'addon' END,
  printf('app-%03d', (a % 21) * (a % 22)),
  CASE WHEN e < n THEN 'success' WHEN c % 100 < 12 THEN 'failed' WHEN c % 100 < 15 THEN 'aborted'
    WHEN c % 100 < 17 THEN 'installing' ELSE 'success' END,
  CASE b % 4 WHEN 0 THEN 'ubuntu' WHEN 1 THEN 'alpine' ELSE 'debian' END,
  CASE b % 4 WHEN 0 THEN '24.04' WHEN 1 THEN '3.22' WHEN 2 THEN '13' ELSE '12' END,
  CASE c % 3 WHEN 0 THEN '8.4.14' WHEN 1 THEN '9.0.3' ELSE '9.1.1' END,
  CASE WHEN c % 7 THEN 'default' ELSE 'advanced' END,
  CASE WHEN e = n AND c % 100 < 12 THEN replace((SELECT text FROM failure WHERE id = c % 8), '{n}', c % 5000) ELSE '' END,
  CASE b % 3 WHEN 0 THEN 'intel' WHEN 1 THEN 'unknown' ELSE 'nvidia' END, 'none', 'amd', 'ProxmoxVE',
  2 << (a % 5), 1 << (b % 4), 512 << (c % 5),
  CASE WHEN e < n OR c % 100 >= 15 THEN 0 WHEN c % 100 < 12 THEN 1 + c % 100 ELSE 130 END,
  CASE WHEN e < n OR c % 100 >= 17 OR c % 100 < 12 THEN 30 + b % 900 ELSE 0 END, 1, a % 20 = 0,
  strftime('%Y-%m-%d %H:%M:%fZ', :start + (:days * 86400.0 * e / :rows), 'unixepoch'),
  strftime('%Y-%m-%d %H:%M:%fZ', :start + (:days * 86400.0 * e / :rows) + 30 + b % 900 + 60 * (n - e), 'unixepoch')
FROM chance"""
# What an installation is in plain SQL: of its rows the best one.
_INSTALLATIONS = """
CREATE TEMP TABLE one AS
SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY iif(execution_id = '', random_id, execution_id)
    ORDER BY CASE status WHEN 'success' THEN 0 WHEN 'failed' THEN 1 WHEN 'aborted' THEN 2 ELSE 3 END) AS place
  FROM telemetry) WHERE place = 1 AND type IN ('lxc', 'vm')"""


def make(path: Path, rows: int, now_seconds: int) -> None:
    """A file with so many rows, over the year before a UTC day."""
    texts = [
        f"exit_code=1 | General error | at line {n}: $STD run\n---\n{log(2048)[100:1900]}\n{failure}"
        for n, failure in enumerate(FAILURES)
    ]
    columns = [f"`{name}` TEXT DEFAULT '' NOT NULL" for name in (*TEXTS, *MORE_TEXTS, "created", "updated")]
    columns += [f"`{name}` NUMERIC DEFAULT 0 NOT NULL" for name in NUMBERS]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute(
            f"CREATE TABLE {COLLECTION} (`id` TEXT PRIMARY KEY DEFAULT ('r'||lower(hex(randomblob(7)))) NOT NULL,"
            f" `has_arm` BOOLEAN DEFAULT FALSE NOT NULL, {', '.join(columns)})"
        )
        connection.execute("CREATE TEMP TABLE failure (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO failure VALUES (?, ?)", enumerate(texts))
        start = now_seconds // 86_400 * 86_400 - DAYS * 86_400
        connection.execute(_ROWS, {"rows": rows, "days": DAYS, "start": start})


def counted(path: Path) -> dict[str, dict[str, int]]:
    """Figures of a dashboard, by plain SQL."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(_INSTALLATIONS)

        def by(expression: str, where: str = "true") -> dict[str, int]:
            query = f"SELECT {expression}, count(*) FROM one WHERE {where} GROUP BY 1"
            return {str(value): n for value, n in connection.execute(query)}

        ended = "status NOT IN ('installing')"
        return {
            "statuses": by("status"),
            "types": by("type"),
            "apps": top(by("nsapp").items()),
            "systems": by("os_type", ended),
            "pve": by("pve_version", ended),
            "methods": by("method", ended),
            "exit_codes": by("exit_code", "status IN ('failed', 'aborted') AND exit_code <> 0"),
            "failed_by_day": by("substr(created, 1, 10)", "status = 'failed'"),
            "success_by_day": by("substr(created, 1, 10)", "status = 'success'"),
        }


def top(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The 20 largest, as a dashboard lists them."""
    return dict(sorted(counts, key=lambda item: (-item[1], item[0]))[:20])
