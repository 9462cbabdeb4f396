"""Every setting, one row each; docs/settings.md is made from them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from telemetry_service.settings.parsing import (
    BRANCH,
    COLLECTION,
    OWNER,
    REPOSITORY,
    address,
    channels,
    choice,
    extended_fields,
    flag,
    hosts,
    listed,
    mail_address,
    mail_addresses,
    mail_host,
    matching,
    networks,
    one_line,
    path,
    path_if_any,
    percentage,
    public_url,
    remote,
    repositories,
    secret,
    server,
    weekday,
    whole,
)


class Setting(NamedTuple):
    """One setting: its name, its default as an operator would write it, how it is read, and what it does.

    A secret may also be in a file, which `NAME_FILE` names.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    text: str

    @property
    def secret(self) -> bool:
        return self.parse in (secret, channels)


SETTINGS: tuple[Setting, ...] = (
    Setting("LISTEN_ADDR", ":8080", address, "address to listen on; an empty host means every interface"),
    Setting("DATA_DIR", "./data", path, "directory of the data; created if missing"),
    Setting("TRUSTED_PROXIES_CIDR", "", networks, "networks whose X-Forwarded-For is believed, counted from the right"),
    Setting("MAX_BODY_BYTES", "262144", whole(1024, 16_777_216), "largest body accepted, before and after gzip, in bytes"),
    Setting("RATE_LIMIT_RPM", "300", whole(0, 10_000_000), "reports per minute and network; 0 turns the limit off"),
    Setting("RATE_BURST", "60", whole(1, 1_000_000), "reports a network may send at once"),
    Setting(
        "RATE_KEY_MODE",
        "ip",
        choice("ip", "header"),
        "what is limited: the peer's network, or a header of a trusted proxy",
    ),
    Setting("RATE_KEY_HEADER", "", str, "the header, for RATE_KEY_MODE=header"),
    Setting(
        "MAX_NEW_APPS_PER_DAY",
        "50",
        whole(0, 1_000_000),
        "names never seen before that are kept a day, of apps, methods and versions each",
    ),
    Setting(
        "KNOWN_REPOS",
        "community-scripts/ProxmoxVE,community-scripts/ProxmoxVED",
        repositories,
        "repositories that are stored by name",
    ),
    Setting("EXTENDED_FIELDS", "", extended_fields, "optional fields to store, which adds them to the record of processing"),
    Setting("ERROR_MAX_CHARS", "120", whole(20, 1000), "characters kept of the line that explains a failure"),
    Setting(
        "PUBLIC_HOSTS",
        "",
        hosts,
        "hosts, with their subdomains, that may be named in error lines, beside the built-in list",
    ),
    Setting("INBOX_MAX_MB", "512", whole(1, 1_000_000), "size of the inbox above which reports are answered 503, in MB"),
    Setting("PUBLISH_MIN_COUNT", "5", whole(1, 1000), "k: public counts are multiples of it (a change: see publishing.md)"),
    Setting("CLEANUP_STUCK_HOURS", "24", whole(1, 8760), "hours after which an installation without an end counts as stuck"),
    Setting("CLEANUP_ENABLED", "true", flag, "whether stuck installations become unknown by themselves"),
    Setting("CLEANUP_INTERVAL_MIN", "60", whole(1, 44_640), "minutes between two looks for stuck installations"),
    Setting(
        "RETENTION_DAYS", "365", whole(1, 36_500), "UTC days that installations are kept, today included; retention is always on"
    ),
    Setting("BACKUP_DIR", "", path_if_any, "directory of the backups that this service makes; empty means backups in DATA_DIR"),
    Setting("BACKUP_DAILY", "false", flag, "whether a backup is made every night"),
    Setting("BACKUP_KEEP_DAYS", "7", whole(1, 30), "UTC days after which backups in that directory are deleted"),
    Setting("INGEST_AUTH", "none", choice("none", "token"), "whether reports need a token with the scope ingest"),
    Setting(
        "METRICS_AUTH",
        "none",
        choice("none", "token"),
        "whether /metrics needs a token; without one it shows public numbers",
    ),
    Setting("GITHUB_OWNER", "", matching(OWNER, "the owner of a repository"), "owner of the repository on GitHub"),
    Setting("GITHUB_REPO", "", matching(REPOSITORY, "the name of a repository"), "its name, without the owner"),
    Setting("GITHUB_TOKEN", "", secret, "a token that may write the repository's contents, and its issues"),
    Setting(
        "GITHUB_API_URL",
        "https://api.github.com",
        server,
        "API for issues: of GitHub Enterprise https://HOST/api/v3, of Gitea https://HOST/api/v1",
    ),
    Setting("GITHUB_URL", "https://github.com", remote, "where the repository lies: a GitHub of one's own, or another host"),
    Setting(
        "GITHUB_PAGES_BRANCH",
        "gh-pages",
        matching(BRANCH, "the name of a branch"),
        "the branch that the public site is pushed to; it holds nothing else",
    ),
    Setting(
        "PUBLISH_INTERVAL_MIN",
        "0",
        whole(0, 44_640),
        "minutes between two publications of the public site to GitHub; 0 publishes only on command",
    ),
    Setting(
        "RATE_LIMIT_NEW_PER_HOUR",
        "300",
        whole(0, 10_000_000),
        "installations that one network may begin to report per hour; 0 turns the limit off, and so does RATE_LIMIT_RPM=0 alone",
    ),
    Setting(
        "RATE_LIMIT_READ_RPM",
        "300",
        whole(0, 10_000_000),
        "public answers a minute that are computed anew for one network; 0 turns the limit off",
    ),
    Setting(
        "RATE_LIMIT_PRIVACY_RPM",
        "30",
        whole(0, 10_000_000),
        "questions by random id a minute and network; a fifth of it for ids that are no UUIDs; 0 turns the limit off",
    ),
    Setting("MAX_CONNECTIONS", "1000", whole(10, 100_000), "connections at once; the longest waiting one makes room"),
    Setting("TLS_CERT_FILE", "", path_if_any, "certificate chain (PEM); with TLS_KEY_FILE the service speaks TLS 1.3 alone"),
    Setting("TLS_KEY_FILE", "", path_if_any, "private key (PEM, not encrypted) of the certificate"),
    Setting("ENABLE_REQUEST_LOGGING", "false", flag, "log route, status and time of each request, and nothing else of it"),
    Setting("LOG_DIR", "", path_if_any, "directory for one log file a day; empty means standard error"),
    Setting("LOG_RETENTION_DAYS", "7", whole(1, 365), "days that files in LOG_DIR are kept"),
    Setting("POCKETBASE_URL", "", server, "PocketBase to mirror every installation to; empty means no mirror"),
    Setting("POCKETBASE_EMAIL", "", str, "email of a superuser of PocketBase"),
    Setting("POCKETBASE_PASSWORD", "", secret, "the superuser's password"),
    Setting("POCKETBASE_TOKEN", "", secret, "a superuser's token, in place of email and password"),
    Setting(
        "POCKETBASE_COLLECTION",
        "telemetry",
        matching(COLLECTION, "the name of a collection"),
        "collection to mirror to; created if missing",
    ),
    Setting("POCKETBASE_INCLUDE_RANDOM_ID", "false", flag, "mirror the random id of each installation too"),
    Setting("CONTROLLER_NAME", "", one_line, "for the record of processing: the person or organisation that is responsible"),
    Setting("CONTROLLER_CONTACT", "", one_line, "for the record: how the controller is reached, such as an address or a URL"),
    Setting("DATA_PROTECTION_OFFICER", "", one_line, "for the record: name and contact, if there is one"),
    Setting("HOSTING", "", one_line, "for the record: who hosts the machine, and in which country"),
    Setting(
        "HOSTING_TRANSFERS",
        "",
        one_line,
        "for the record: countries outside the EU and EEA that data goes to, and the safeguards; or none",
    ),
    Setting("SUB_PROCESSORS", "", listed, "for the record: processors and what each does, separated by semicolons; or none"),
    Setting("PROXY_TLS", "false", flag, "for the record: whether a proxy in front of the service speaks TLS 1.3"),
    Setting(
        "PUBLIC_URL",
        "",
        public_url,
        "where people reach this service, such as https://telemetry.example.org: for links in messages",
    ),
    Setting("ALERT_ENABLED", "true", flag, "whether alerts go out over the channels there are"),
    Setting("ALERT_CHECK_INTERVAL_MIN", "15", whole(1, 1440), "minutes between two looks for something to alert about"),
    Setting(
        "ALERT_COOLDOWN_MIN", "60", whole(0, 10_080), "minutes after an alert in which further ones are gathered into one message"
    ),
    Setting(
        "ALERT_FAILURE_THRESHOLD",
        "20.0",
        percentage,
        "failure rate of all installations of a day, in percent, above which there is an alert; 0 turns this rule off",
    ),
    Setting("ALERT_URLS", "", channels, "channels, one URL of apprise a line: Discord, Matrix, ntfy, Slack, webhooks and others"),
    Setting("SMTP_HOST", "", mail_host, "mail server; with it mail is a channel"),
    Setting("SMTP_PORT", "587", whole(1, 65_535), "its port; 465 speaks TLS from the beginning, others STARTTLS"),
    Setting("SMTP_USER", "", str, "name to log in with"),
    Setting("SMTP_PASSWORD", "", secret, "its password; sent over TLS alone, or to this machine"),
    Setting("SMTP_FROM", "", mail_address, "address that mail comes from; SMTP_USER by default"),
    Setting("SMTP_TO", "", mail_addresses, "addresses that alerts go to, separated by commas"),
    Setting("SMTP_USE_TLS", "false", flag, "whether mail needs TLS; false uses it where the server offers it"),
    Setting("REPORT_ENABLED", "true", flag, "whether the weekly report goes out by mail"),
    Setting("REPORT_DAY", "monday", weekday, "day of the week on which it does"),
    Setting("REPORT_HOUR", "7", whole(0, 23), "hour (UTC) from which on it does"),
    Setting("REPORT_RECIPIENTS", "", mail_addresses, "addresses that it goes to, separated by commas; SMTP_TO by default"),
)

RETIRED = {
    "ADMIN_PASSWORD": "access is by token: telemetry-service token create",
    "CH_DSN": "the store is a file in DATA_DIR",
    "CLICKHOUSE_DSN": "the store is a file in DATA_DIR",
    "RETENTION_ENABLED": "retention is always on",
    "ENABLE_REDIS": "there is no external cache",
    "REDIS_URL": "there is no external cache",
    "CACHE_TTL_SECONDS": "caching needs no setting",
}
