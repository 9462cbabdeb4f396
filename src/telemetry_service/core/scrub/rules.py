"""The table of all rules, in the order they are applied, and its compilation."""

from __future__ import annotations

from collections.abc import Callable, Container

from telemetry_service.core.scrub import (
    addresses,
    host_rules,
    hosts,
    identifier_rules,
    identifiers,
    location_rules,
    locations,
    secret_rules,
    secrets,
    strays,
    user_rules,
    users,
)
from telemetry_service.core.scrub.rule import CompiledRule, Rule

# Identifiers that hold what looks like an address, a key or a host: they go before those.
_EARLY = frozenset(
    {
        "fingerprint",
        "fingerprint-md5",
        "certificate-print",
        "ssh-key",
        "uuid",
        "uuid-any",
        "disk-by-id",
        "disk-path",
        "uuid-md",
        "iqn",
    }
)

RULES: tuple[Rule, ...] = (
    *secret_rules.RULES,
    *(rule for rule in identifier_rules.RULES if rule.name in _EARLY),
    *location_rules.RULES,
    *addresses.RULES,
    *(rule for rule in identifier_rules.RULES if rule.name not in _EARLY),
    *secret_rules.LATE_RULES,
    *user_rules.RULES,
    *host_rules.RULES,
    *strays.RULES,
)

# Found in many logs, whatever their kinds then say.
FREQUENT = frozenset(
    {
        "locale",
        "ipv4",
        "ipv4-dashed",
        "ipv4-masked",
        "serial-shape",
        "random",
        "email",
        "host-syslog",
        "host-at",
        "host-noun",
        "host-shape",
        "host-share",
        "host-port",
        "host-assign",
        "host-mail-log",
        "fqdn",
        "unknown-person",
        "unknown-title",
    }
)
# Rarely found where their literals stand (`to`, `name`, `at`), and those stand in most logs.
COMMON = frozenset(
    {
        "person-named",
        "zone-abbreviation",
        "zone-letters-offset",
        "geo-words",
        "ipv4-network",
        "mac-hex",
        "mac-in-name",
        "machine-id",
        "sudo-user",
        "slice",
        "host-program-line",
        "host-labelled",
        "host-then-port",
        "host-on",
        "host-on-more",
        "host-waiting",
        "host-certain-state",
        "host-search-line",
    }
)

# Rules whose value spans lines; they see the whole text, before it is searched line by line.
MULTILINE = frozenset({"pem"})
MULTILINE_SIGN = "-----BEGIN"  # no text without it has one


def compile_rules(public: Container[str], knows: Callable[[str], bool]) -> tuple[CompiledRule, ...]:
    """All rules, bound to the allow-list of hosts and the vocabulary."""
    kinds = {
        **addresses.KINDS,
        **secrets.KINDS,
        **identifiers.KINDS,
        **locations.KINDS,
        **hosts.host_kinds(public, knows),
        **users.user_kinds(public, knows),
        **strays.stray_kinds(knows),
    }
    return tuple(CompiledRule(rule, kinds) for rule in RULES)


def compile_multiline() -> tuple[CompiledRule, ...]:
    """The rules for the text as a whole."""
    return tuple(CompiledRule(rule, secrets.KINDS, spans_lines=True) for rule in RULES if rule.name in MULTILINE)
