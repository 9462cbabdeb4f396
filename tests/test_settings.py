"""Settings from the environment: defaults, every fault at once, nothing echoed, and what has no effect."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.settings import RETIRED, SETTINGS, InvalidSettings, Secret, Settings, from_environ, warnings
from telemetry_service.settings.parsing import secret

NAMES = {setting.name for setting in SETTINGS}
RECORDED = ("CONTROLLER_NAME", "CONTROLLER_CONTACT", "DATA_PROTECTION_OFFICER", "HOSTING", "HOSTING_TRANSFERS", "SUB_PROCESSORS")
BAD = {
    "LISTEN_ADDR": ["8080", "localhost", ":http", ":65536", ":-1", "[::1]", ":" + "9" * 5000],
    "TRUSTED_PROXIES_CIDR": ["localhost", "10.0.0.0/33", "10.0.0.1;10.0.0.2", "10.0.0.0/8,x"],
    "MAX_BODY_BYTES": ["1023", "16777217", "256k", "1.5", "9" * 5000],
    "RATE_LIMIT_RPM": ["-1", "many", "10000001"],
    "RATE_BURST": ["0", "x"],
    "RATE_KEY_MODE": ["both", "ip,header"],
    "MAX_NEW_APPS_PER_DAY": ["-1", "x"],
    "PUBLIC_HOSTS": ["localhost", "http://example.org/"],
    "KNOWN_REPOS": ["ProxmoxVE", "a/b/c", "/b", "a/", "a/b,c", ",".join(f"a/{n}" for n in range(61))],
    "EXTENDED_FIELDS": ["hostname", "cpu_model,ip"],
    "ERROR_MAX_CHARS": ["19", "1001"],
    "INBOX_MAX_MB": ["0", "x"],
    "PUBLISH_MIN_COUNT": ["0", "-5", "1001"],
    "CLEANUP_STUCK_HOURS": ["0", "8761"],
    "CLEANUP_ENABLED": ["maybe", "2"],
    "CLEANUP_INTERVAL_MIN": ["0", "44641"],
    "RETENTION_DAYS": ["0", "forever"],
    "INGEST_AUTH": ["yes"],
    "METRICS_AUTH": ["password"],
    "RATE_LIMIT_NEW_PER_HOUR": ["-1", "x"],
    "RATE_LIMIT_READ_RPM": ["-1", "x"],
    "RATE_LIMIT_PRIVACY_RPM": ["-1", "x"],
    "BACKUP_DAILY": ["maybe"],
    "BACKUP_KEEP_DAYS": ["0", "31", "week"],
    "MAX_CONNECTIONS": ["9", "100001"],
    "ENABLE_REQUEST_LOGGING": ["maybe", "2"],
    "LOG_RETENTION_DAYS": ["0", "366"],
    "GITHUB_OWNER": ["-owner", "a/b"],
    "GITHUB_REPO": ["../x", ".git"],
    "GITHUB_TOKEN": ["two\nlines", "tökèn"],
    "GITHUB_API_URL": ["api.github.com", "http://api.github.com", "https://u:p@x.example"],
    "GITHUB_URL": ["github.com", "http://github.com"],
    "GITHUB_PAGES_BRANCH": ["-x", "a..b"],
    "PUBLISH_INTERVAL_MIN": ["-1", "44641"],
    "POCKETBASE_URL": ["pocketbase:8090", "http://pb.example.org", "http://1.1.1.1", "https://a:b@pb.example.org", "ftp://pb"],
    "POCKETBASE_PASSWORD": ["two\nlines"],
    "POCKETBASE_TOKEN": ["tökèn"],
    "POCKETBASE_COLLECTION": ["a b", "a/b", "1a", "a'b"],
    "POCKETBASE_INCLUDE_RANDOM_ID": ["maybe"],
    "PROXY_TLS": ["1.3"],
    **{name: ["two\nlines", "`code`", "x" * 301] for name in RECORDED},
    "PUBLIC_URL": ["telemetry.example.org", "ftp://x", "https://u:p@x.example", "https://x.example/?q=1"],
    "ALERT_ENABLED": ["maybe"],
    "ALERT_CHECK_INTERVAL_MIN": ["0", "1441"],
    "ALERT_COOLDOWN_MIN": ["-1", "10081"],
    "ALERT_FAILURE_THRESHOLD": ["-1", "101", "20 %", "nan"],
    "ALERT_URLS": ["discord", "ntfy://a topic"],
    "SMTP_HOST": ["mail.example.org:25", "-x"],
    "SMTP_PORT": ["0", "smtp"],
    "SMTP_PASSWORD": ["two\nlines"],
    "SMTP_FROM": ["nobody", "A <a@example.org>", "a@b, c@d"],
    "SMTP_TO": ["nobody", "a@example.org;b@example.org"],
    "SMTP_USE_TLS": ["starttls"],
    "REPORT_ENABLED": ["2"],
    "REPORT_DAY": ["7", "weekday"],
    "REPORT_HOUR": ["24", "-1"],
    "REPORT_RECIPIENTS": ["nobody"],
}
FREE = {"BACKUP_DIR", "DATA_DIR", "RATE_KEY_HEADER", "LOG_DIR", "POCKETBASE_EMAIL", "SMTP_USER"}  # any text will do
SECRETS = {setting.name for setting in SETTINGS if setting.parse is secret}  # any text of printable ASCII
TLS = {"TLS_CERT_FILE", "TLS_KEY_FILE"}  # any text, but both or none
GOOD: list[tuple[str, str, Any]] = [
    ("LISTEN_ADDR", "127.0.0.1:9000", ("127.0.0.1", 9000)),
    ("LISTEN_ADDR", "[::1]:0", ("::1", 0)),
    ("LISTEN_ADDR", " :80 ", ("", 80)),
    ("DATA_DIR", "/var/lib/telemetry", Path("/var/lib/telemetry")),
    ("TRUSTED_PROXIES_CIDR", "10.1.2.3/8, ::1", (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))),
    ("RATE_LIMIT_RPM", "0", 0),
    ("KNOWN_REPOS", "a/b, c/d ,", ("a/b", "c/d")),
    ("KNOWN_REPOS", ",", ()),
    ("EXTENDED_FIELDS", "cpu_model,ram_speed", frozenset({"cpu_model", "ram_speed"})),
    ("METRICS_AUTH", "TOKEN", "token"),
    ("ENABLE_REQUEST_LOGGING", "True", True),
    ("ENABLE_REQUEST_LOGGING", "0", False),
    ("LOG_DIR", "/var/log/telemetry", Path("/var/log/telemetry")),
    ("PUBLISH_MIN_COUNT", "1", 1),
    ("SUB_PROCESSORS", "A, B & Co: hosting; C: mail;", ("A, B & Co: hosting", "C: mail")),
    ("ALERT_URLS", "# ours\nntfy://a/b\n\n discord://c/d ", (Secret("ntfy://a/b"), Secret("discord://c/d"))),
    ("SMTP_TO", "a@example.org, b@example.org", ("a@example.org", "b@example.org")),
    ("REPORT_DAY", "Wed", 2),
    ("ALERT_FAILURE_THRESHOLD", "12.5", 12.5),
    ("PUBLIC_URL", "https://t.example/x/", "https://t.example/x"),
]


def test_defaults_are_those_of_the_contract() -> None:
    assert from_environ({}) == Settings(
        listen_addr=("", 8080),
        data_dir=Path("data"),
        trusted_proxies_cidr=(),
        max_body_bytes=262_144,
        rate_limit_rpm=300,
        rate_burst=60,
        rate_key_mode="ip",
        rate_key_header="",
        max_new_apps_per_day=50,
        known_repos=("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED"),
        extended_fields=frozenset(),
        error_max_chars=120,
        public_hosts=(),
        inbox_max_mb=512,
        publish_min_count=5,
        cleanup_stuck_hours=24,
        cleanup_enabled=True,
        cleanup_interval_min=60,
        retention_days=365,
        metrics_auth="none",
        ingest_auth="none",
        rate_limit_new_per_hour=300,
        rate_limit_read_rpm=300,
        rate_limit_privacy_rpm=30,
        backup_dir=None,
        backup_daily=False,
        backup_keep_days=7,
        max_connections=1000,
        tls_cert_file=None,
        tls_key_file=None,
        enable_request_logging=False,
        log_dir=None,
        log_retention_days=7,
        github_owner="",
        github_repo="",
        github_token=Secret(""),
        github_api_url="https://api.github.com",
        github_url="https://github.com",
        github_pages_branch="gh-pages",
        publish_interval_min=0,
        pocketbase_url="",
        pocketbase_email="",
        pocketbase_password=Secret(""),
        pocketbase_token=Secret(""),
        pocketbase_collection="telemetry",
        pocketbase_include_random_id=False,
        controller_name="",
        controller_contact="",
        data_protection_officer="",
        hosting="",
        hosting_transfers="",
        sub_processors=(),
        proxy_tls=False,
        public_url="",
        alert_enabled=True,
        alert_check_interval_min=15,
        alert_cooldown_min=60,
        alert_failure_threshold=20.0,
        alert_urls=(),
        smtp_host="",
        smtp_port=587,
        smtp_user="",
        smtp_password=Secret(""),
        smtp_from="",
        smtp_to=(),
        smtp_use_tls=False,
        report_enabled=True,
        report_day=0,
        report_hour=7,
        report_recipients=(),
    )


def test_mail_needs_both_ends() -> None:
    with pytest.raises(InvalidSettings) as caught:
        from_environ({"SMTP_HOST": "mail.example.org", "SMTP_PASSWORD": "x"})
    assert caught.value.problems == [
        "SMTP_HOST needs SMTP_FROM",
        "SMTP_HOST needs SMTP_TO or REPORT_RECIPIENTS",
        "SMTP_PASSWORD needs SMTP_USER",
    ]
    found = from_environ({"SMTP_HOST": "mail.example.org", "SMTP_USER": "me@example.org", "SMTP_TO": "you@example.org"})
    assert found.smtp_from == "me@example.org"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8090", "http://[::1]:8090", "http://pocketbase:8090", "https://pb.example.org/x/"]
)
def test_a_mirror_over_tls_or_nearby(url: str) -> None:
    found = from_environ({"POCKETBASE_URL": url, "POCKETBASE_TOKEN": "t"})
    assert found.pocketbase_url == url.rstrip("/")


def test_a_mirror_needs_somebody_who_may_write() -> None:
    with pytest.raises(InvalidSettings, match="POCKETBASE_URL needs POCKETBASE_PASSWORD, or POCKETBASE_TOKEN"):
        from_environ({"POCKETBASE_URL": "http://localhost:8090", "POCKETBASE_EMAIL": "a@example.com"})


@pytest.mark.parametrize("alone", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
def test_certificate_and_key_belong_together(alone: str) -> None:
    with pytest.raises(InvalidSettings, match="TLS_CERT_FILE and TLS_KEY_FILE"):
        from_environ({alone: "/etc/x.pem"})


@pytest.mark.parametrize(("said", "limit"), [({}, 0), ({"RATE_LIMIT_NEW_PER_HOUR": "7"}, 7)])
def test_no_limit_of_reports_is_none_of_new_installations(said: dict[str, str], limit: int) -> None:
    assert from_environ({"RATE_LIMIT_RPM": "0", **said}).rate_limit_new_per_hour == limit
    assert from_environ({}).rate_limit_new_per_hour == 300


def test_an_empty_value_is_the_default() -> None:
    assert from_environ(dict.fromkeys(NAMES, "")) == from_environ(dict.fromkeys(NAMES, "  ")) == from_environ({})


def test_every_setting_has_a_place_and_a_text() -> None:
    assert {name.lower() for name in NAMES} == set(Settings.__struct_fields__)
    assert len(NAMES) == len(SETTINGS)
    assert all(setting.text for setting in SETTINGS)


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_read(name: str, value: str, expected: Any) -> None:
    assert getattr(from_environ({name: value}), name.lower()) == expected


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_refused_by_name_without_the_value(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        from_environ({name: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{name} m")  # must, may
    assert f"{value} " not in f"{problem} ".removeprefix(name) or len(value) == 1


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidSettings) as caught:
        from_environ({name: values[0] for name, values in BAD.items()})
    assert [problem.split()[0] for problem in caught.value.problems] == [s.name for s in SETTINGS if s.name in BAD]
    assert all(problem in str(caught.value) for problem in caught.value.problems)


def test_every_setting_that_can_be_wrong_has_a_case() -> None:
    assert NAMES - set(BAD) == FREE | TLS


def test_a_header_mode_needs_a_header() -> None:
    with pytest.raises(InvalidSettings, match="RATE_KEY_HEADER must name a header"):
        from_environ({"RATE_KEY_MODE": "header"})
    assert from_environ({"RATE_KEY_MODE": "header", "RATE_KEY_HEADER": "X-Key"}).rate_key_header == "X-Key"
    assert from_environ({"RATE_KEY_HEADER": "X-Key"}).rate_key_mode == "ip"


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(st.characters(exclude_characters="\0"))))
def test_any_environment_gives_settings_or_one_error(environ: dict[str, str]) -> None:
    told = ""
    try:
        from_environ({name: f"<canary>{value}" for name, value in environ.items()})
    except InvalidSettings as error:
        told = str(error)
    assert "canary" not in told
    secrets = [f"<canary>{environ[name]}".strip() for name in environ.keys() & SECRETS]
    bad_secret = any(not secret.isascii() or not secret.isprintable() for secret in secrets)
    bad_text = any(not part.isprintable() or "`" in part for part in recorded(environ))
    wrong = environ.keys() - FREE - TLS - SECRETS - set(RECORDED)
    assert bool(told) == bool(wrong or bad_secret or bad_text or len(environ.keys() & TLS) == 1)


def recorded(environ: dict[str, str]) -> Iterator[str]:
    """What the record of processing quotes of them."""
    for name in environ.keys() & set(RECORDED):
        text = f"<canary>{environ[name]}"
        yield from (part.strip() for part in (text.split(";") if name == "SUB_PROCESSORS" else [text]))


class TestWarnings:
    @pytest.mark.parametrize("name", RETIRED)
    def test_retired_names(self, name: str) -> None:
        (warning,) = warnings({name: "secret value"})
        assert warning == f"{name} has no effect any more: {RETIRED[name]}"

    def test_the_names_of_the_contract_are_retired(self) -> None:
        assert {"ADMIN_PASSWORD", "CH_DSN", "RETENTION_ENABLED", "ENABLE_REDIS"} <= set(RETIRED)

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("RATE_LIMIT_RPS", "RATE_LIMIT_RPM"),
            ("MAX_BODY_BYTE", "MAX_BODY_BYTES"),
            ("DATADIR", "DATA_DIR"),
            ("TRUSTED_PROXY_CIDR", "TRUSTED_PROXIES_CIDR"),
            ("PUBLISH_MIN_COUNTS", "PUBLISH_MIN_COUNT"),
        ],
    )
    def test_near_misses(self, name: str, meant: str) -> None:
        assert warnings({name: "secret value"}) == [f"{name} is no setting; {meant} is"]

    def test_nothing_is_said_of_what_is_known_or_unrelated(self) -> None:
        usual = ["PATH", "HOME", "LANG", "PYTHONPATH", "HOSTNAME", "TERM", "PWD", "LISTEN_FDS", "XDG_DATA_DIRS", "TZ"]
        assert warnings(dict.fromkeys([*NAMES, *usual], "x")) == []

    def test_no_value_is_repeated(self) -> None:
        environ = dict.fromkeys([*RETIRED, "RATE_LIMIT_RPS", "KNOWN_REPO"], "canary value")
        assert len(warnings(environ)) == len(environ)
        assert "canary" not in "".join(warnings(environ))
