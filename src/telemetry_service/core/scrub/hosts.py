"""Host and domain names: by the place they stand in, and by their shape when they end like a domain.

Kinds: `host` stands where only a host can stand; `peer` may also be a word of the message, so the public vocabulary decides;
`fqdn` is a dotted name that ends in a domain; `site` a dotted name whose ending is also a file extension or an attribute.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from telemetry_service.core.scrub.host_rules import AMBIGUOUS, CERTAIN_PRIVATE, CODE, ENDING, FILES
from telemetry_service.core.scrub.machine_names import MACHINE_NAME, NUMBERED, RUNNING, is_machine_like
from telemetry_service.core.scrub.rule import Change, Found, Kind

# Words that follow "host", "node", "to" ... in messages, beside the vocabulary's.
_NOT_HOSTS = frozenset(
    [
        "localhost",
        "last",
        "incorrect",
        "localdomain",
        "host",
        "hostname",
        "hosts",
        "server",
        "node",
        "machine",
        "name",
        "address",
        "the",
        "a",
        "an",
        "is",
        "was",
        "are",
        "not",
        "no",
        "to",
        "for",
        "of",
        "in",
        "on",
        "at",
        "by",
        "with",
        "from",
        "and",
        "or",
        "if",
        "as",
        "be",
        "this",
        "that",
        "it",
        "its",
        "your",
        "my",
        "our",
        "their",
        "all",
        "any",
        "none",
        "null",
        "undefined",
        "unknown",
        "true",
        "false",
        "yes",
        "default",
        "gateway",
        "resolve",
        "resolved",
        "found",
        "failed",
        "error",
        "warning",
        "port",
        "user",
        "root",
        "http",
        "https",
        "tcp",
        "udp",
        "key",
        "keys",
        "file",
        "file.",
        "string",
        "value",
        "invalid",
        "valid",
        "missing",
        "required",
        "empty",
        "lookup",
        "addr",
        "ip",
        "dns",
        "ipv4",
        "ipv6",
        "interface",
        "bridge",
        "module",
        "version",
        "versions",
        "process",
        "processes",
        "service",
        "unit",
        "package",
        "packages",
        "modules",
        "command",
        "config",
        "configuration",
        "options",
        "option",
        "cluster",
        "quorum",
        "local",
        "remote",
        "container",
        "containers",
    ]
)


def host_kinds(public: Container[str], knows: Callable[[str], bool]) -> dict[str, Kind]:
    """The kinds of this file, with the allow-list of hosts and the vocabulary bound."""

    def is_word(value: str) -> bool:
        """Public as a word; a word with a running number only if technology, not machines, is numbered that way."""
        if not knows(value):
            return False
        return value.isalpha() or RUNNING.fullmatch(value) is None or NUMBERED.match(value) is not None

    def plain(value: str) -> str:
        return value.strip(".-_").lower()

    def hide(found: Found, value: str | None = None, placeholder: str = "<host>") -> Change:
        value = found.value if value is None else value
        return Change(found.start, found.start + len(value), placeholder, value)

    def is_address_or_number(value: str) -> bool:
        return _NUMBERISH.fullmatch(value) is not None

    def is_phrase(value: str) -> bool:
        """`hash-join`, `up-to-date`: words joined, none of which machines are called by."""
        parts = value.split("-")
        return len(parts) > 1 and all(is_word(part) for part in parts) and not is_machine_like(parts) and not parts[-1].isdigit()

    def host(found: Found) -> Change | None:
        """Only hosts stand here."""
        value = found.value.rstrip(".")
        if (
            found.start
            and found.text[found.start - 1].isalnum()
            and found.value[0].isalnum()
            and found.before[-6:].upper() != "%2F%2F"
        ):
            return None
        name = plain(value)
        if found.text.startswith(_NO_HOST_AFTER, found.start + len(value)):
            return None
        if not value or name in _NOT_HOSTS or name in public or is_address_or_number(value):
            return None
        return hide(found, value)

    def peer(found: Found) -> Change | None:
        """A host unless the vocabulary knows the word, or it looks like a file, a package, a path or a call."""
        value = found.value.rstrip(".")
        after, before = found.text[found.start + len(value) :][:8], found.before
        if host(found) is None or (after.startswith(("(", "::", "=", "@")) and not after.startswith("=>")):
            return None
        if "." in value:
            return (site(found) or inner(found, value)) if "/" not in before[-1:] else None
        if (
            after[:1] in {":", "/"}
            and _PORT_OR_ADDRESS.match(after)
            and value.lower() not in {"tcp", "http", "https", "udp", "line", "port", "node", "sha256"}
            and not re.search(r"[A-Z_]", value)
        ):
            return host(found)
        if after.startswith(("/", "[")) and not after.startswith("[<"):
            return None
        if is_word(value) or _CAMEL.search(value) or value.startswith("_") or is_phrase(value) or _SYMBOL.fullmatch(value):
            return None
        return None if before.endswith(("-", "/", ".", "_", "$", "%")) else hide(found, value)

    def inner(found: Found, value: str) -> Change | None:
        """A dotted name that ends in no known domain, in front of a port or a reason."""
        labels = value.lower().split(".")
        if not found.text.startswith(":", found.start + len(value)) or _FILE.search(value) or not labels[-1].isalpha():
            return None
        return None if all(is_word(label) for label in labels) or CODE.search(value) else hide(found, value)

    def noun(found: Found) -> Change | None:
        """A quoted name after a noun such as node: a host even when it is a word, unless it is a setting or a file."""
        value = found.value.rstrip(".")
        if re.search(
            r"(?i)(?:container|guest|vm|lxc|instance|agent|target|member|registry|zone|site|frontend|backend|domain|proxy|upstream)\W*$",
            found.before,
        ) and is_word(value):
            return None
        return site(found) if "." in value else host(found)

    def named(found: Found) -> Change | None:
        value = plain(found.value)
        if re.search(r"(?i)\bhostname\s+$|\bhostname: $|hostname -\w\s+$", found.before) and is_word(value):
            return None
        return (
            peer(found)
            if re.fullmatch(r"[a-z]+", value) and is_word(value) and not re.search(r"[<\"'‘“`=]$", found.before)
            else host(found)
        )

    def target(found: Found) -> Change | None:
        """What could not be resolved: a host unless it is a plain word of a message."""
        value = plain(found.value)
        if (
            value in {"problem", "name", "error", "lookup", "query", "server", "host", "failed", "address"}
            or re.search(r"[a-z][A-Z]|_", found.value)
            or found.after.startswith(("(", "::", "=", "`", "@"))
            or found.text[found.start - 2 : found.start] in {"t'", "s'", "y'"}
            or (found.before.endswith("`") and not re.search(r"(?i)host\W*$", found.before))
        ):
            return None
        certain = re.search(
            r"(?:ENOTFOUND|EAI_AGAIN|EAI_NONAME|hostname:?|host:?|host name:?|UnknownHostException:?|address|lookup|getaddrinfo)\s*[\"'‘“`:]*\s*$",
            found.before,
        )
        if "." in found.value:
            return site(found) if not certain else host(found)
        if is_word(value) and not (certain and not re.search(r"(?i)address\s*$", found.before) and re.search(r"\d", value)):
            strong = re.search(
                r"(?:ENOTFOUND|EAI_AGAIN|Could not resolve host:|UnknownHostException:|unable to resolve host|resolve hostname|resolve host ?name)\s*[\"'‘“`]?$",
                found.before,
            )
            return host(found) if strong else None
        return host(found)

    def at(found: Found) -> Change | None:
        """What follows an @: a host, unless it is a version, a unit's instance or a package scope."""
        value = found.value.rstrip(".")
        if re.match(
            r"v?\d+(?:\.\d+)*(?:[-+.]\w+)*$|latest$|next$|sha\d+$|npm$|beta$|alpha$|canary$|stable$|main$|master$",
            value,
        ):
            return None
        if value == "pam" or re.search(r"\.(?:service|socket|timer|target|mount|device|slice|scope|path)$", value):
            return None
        return host(found)

    def share(found: Found) -> Change | None:
        value = found.value
        before = found.before
        if (
            is_word(value)
            or re.fullmatch(r"[A-Za-z]|\d+|[A-Z][A-Za-z]*", value)
            or re.search(r"[A-Z_]", value)
            or before.endswith(("::", "@", "$"))
            or (re.search(r"\.(?:py|js|sh|c|go|ts|conf|json|ya?ml|so|h|cpp|rb|php|service|sock|list|txt|mjs|cjs)$", value))
        ):
            return None
        return host(found)

    def host_port(found: Found) -> Change | None:
        """`name:8080`: a host, unless it is a file with a line, an image with a tag, or a word."""
        value = found.value
        if re.search(
            r"\.(?:py|js|sh|c|go|ts|tsx|jsx|conf|json|ya?ml|so|h|cpp|cc|rb|php|rs|java|kt|mjs|cjs|list|txt|pl|pm|lua|vue|css|html|sql|toml|lock|cfg|ini|xml|log|md|ex|exs|scala|in|ac|am|mk|cmake|build)$",
            value,
            re.I,
        ):
            return None
        if (
            re.search(r"[a-z][A-Z]|_", value)
            or is_address_or_number(value)
            or re.fullmatch(r"[0-9a-f]{4}", value)  # PCI: vendor and device
            or value.lower() in {"node", "line", "pid", "uid", "gid", "exit"}
        ):
            return None
        port = re.match(r":(\d+)", found.text[found.end : found.end + 7])
        if "." not in value and (
            is_word(value)
            or (
                port is not None
                and len(port[1]) < 4
                and port[1] not in {"22", "25", "53", "80", "443", "389", "445", "143", "993", "587", "636"}
            )
        ):
            return None
        return site(found) if "." in value and found.before.endswith("/") else host(found)

    def host_list(found: Found) -> Change | None:
        """Names of one machine, side by side."""
        names = [name for name in found.value.split() if plain(name) not in public]
        if not names or all(is_word(name) and "." not in name for name in names):
            return None
        if any(is_address_or_number(name) for name in names):
            return None
        kept = " ".join("<host>" if plain(name) not in public else name for name in found.value.split())
        return Change(found.start, found.end, kept, max(names, key=len))

    def host_value(found: Found) -> Change | None:
        value = found.value.rstrip(".")
        before = found.before
        if before.endswith(("/", "$", "%")) or (
            found.text[found.start + len(value) :][:1] in {"(", "/"} and "://" not in before[-4:] and "." not in value
        ):
            return None
        if (
            re.search(
                r"(?i)\b(?:target|server|instance|client|node|remote|dns|san|origin|site_?name|gateway|location|addr|dc|master|peer|endpoint|realm|cn|host|portal|upstream)\W*$",
                before,
            )
            and "." not in value
            and is_word(value)
        ):
            return None
        if re.search(r"[a-z][A-Z]", value) or (
            re.search(r":\s$", before) and re.fullmatch(r"[A-Z][a-z]+", value) and is_word(value)
        ):
            return None
        if "." in value and is_word(value) and not re.search(r"(?i)(?:host\w*|domain|fqdn|name)\W+$", before):
            return None
        return host(found)

    def named_option(found: Found) -> Change | None:
        value = found.value
        if (
            re.search(
                r"(?i)(?:^|\s)(?:-h|-d|-H|-M|--name|--url|--search|--target|--join|--address|--listen|--master|--dns)[= ]\W?$",
                found.before,
            )
            and "." not in value
            and is_word(value)
        ):
            return None
        if re.search(r"(?:\s-[hdHM]|--name)[= ]\W?$", found.before):
            return (
                (site(found) if "." in value else None if is_word(value) or value.isdigit() else host(found))
                if not re.search(r"\s-d $", found.before) or "." in value
                else None
            )
        return host_value(found)

    def argument(found: Found) -> Change | None:
        value = found.value
        if re.search(r"\b(?:host|nc|hostname|dig|ping|nmap|ssh)\s+$", found.before) and is_word(value) and "." not in value:
            return None
        if re.search(r"(?:^|\s)host\s+$", found.before) and "." not in value:
            return peer(found)
        return peer(found) if is_word(value) else host(found)

    def fqdn(found: Found) -> Change | None:
        """A dotted name with a domain's ending that no allow-list and no file naming explains."""
        value = found.value
        name = plain(value)
        if name in public or (value.startswith("*.") and name.lstrip("*.") in public):
            return None
        last = name.rsplit(".", 1)[-1]
        left, right = found.text[found.start - 1 : found.start], found.after
        if (
            left in {"$", "\\", "%"}
            or (left == "." and (found.before[-2:-1].isalnum() or found.before[-2:-1] in {"/", " ", ""}))
            or (right.startswith("(") and last not in CERTAIN_PRIVATE)
        ):
            return None
        if left == "@" and re.search(r"[\w.]@$", found.before) is None and last in AMBIGUOUS:
            return None  # an npm scope
        return hide(found) if last not in AMBIGUOUS else site(found)

    def site(found: Found) -> Change | None:
        value = found.value.rstrip(".")
        name = plain(value)
        if name in public or is_address_or_number(value):
            return None
        last = name.rsplit(".", 1)[-1]
        labels = name.split(".")
        if not re.fullmatch(f"(?:{ENDING})", last) or (
            last in FILES and not (len(labels) > 2 and last in {"md", "cc", "ml"} and not is_word(labels[0]))
        ):
            return None
        if last not in AMBIGUOUS:
            return hide(found, value)
        if CODE.search(value) or found.after.startswith(("(", "[")):
            return None
        if last == "local" and (
            (
                len(labels) == 2
                and (
                    labels[0]
                    in {
                        "rc",
                        "jail",
                        "settings",
                        "config",
                        "env",
                        "fail2ban",
                        "sshd",
                        "application",
                        "appsettings",
                        "main",
                        "conf",
                    }
                    or found.before.endswith("/")
                )
            )
            or name.startswith("env.")
        ):
            return None
        if last == "local":
            return hide(found, value)
        if found.before.endswith("/") and not found.before.endswith("//") and len(labels) == 2:
            return None
        return None if all(is_word(label) for label in labels[:-1]) or is_word(name) else hide(found, value)

    def cert_host(found: Found) -> Change | None:
        name = plain(found.value)
        last = name.rsplit(".", 1)[-1]
        if last in {
            "conf",
            "key",
            "crt",
            "pem",
            "cer",
            "json",
            "log",
            "html",
            "php",
            "js",
            "css",
            "txt",
            "d",
            "sh",
            "cfg",
            "ini",
            "yml",
            "yaml",
            "types",
            "sock",
            "pid",
            "png",
            "ico",
            "service",
            "list",
            "cnf",
            "gz",
            "zip",
            "env",
            "so",
            "load",
            "py",
            "db",
            "sql",
            "xml",
            "lock",
            "toml",
            "default",
            "csr",
            "p12",
            "map",
        }:
            return None
        return (
            host(found)
            if re.fullmatch(f"(?:{ENDING})", last)
            and not (last in AMBIGUOUS and all(is_word(label) for label in name.split(".")[:-1]))
            else None
        )

    def shaped(found: Found) -> Change | None:
        """A bare word after a preposition or before a state: a host only if unknown and named the way machines are."""
        value = found.value
        if (
            re.match(r"\.\w", found.after)
            or is_word(value)
            or plain(value) in _NOT_HOSTS
            or is_address_or_number(value)
            or re.match(r"[(=/]|::| \(\d+:\d+\)", found.after)
        ):
            return None
        if is_phrase(value) or re.fullmatch(r"[0-9a-f]{7,}", value) or re.search(r"[a-z][A-Z]", value):
            return None
        parts = value.split("-")
        if re.search(r"[0-9]$", value) or is_machine_like(parts) or (len(parts) == 1 and MACHINE_NAME.search(value)):
            return hide(found, value)
        if len(parts) == 1:
            return None
        # Packages and options are called `docker-ce` and `epel-release` too, after a colon or between quotes.
        known = [is_word(part) for part in parts]
        may_be_a_thing = re.search(r"(?:: |\(| - |(?:by|to|for)\s+\W)$", found.before) is not None
        return None if all(known) or (may_be_a_thing and any(known)) else hide(found, value)

    def dns_name(found: Found) -> Change | None:
        value = plain(found.value)
        return None if value in _MESSAGE_NOUNS or _SYMBOL.fullmatch(value) else host(found)

    def unknown(found: Found) -> Change | None:
        """A bare word in a place where a name is likely: only if nothing public is called so, whole or in parts."""
        value = found.value
        if (
            host(found) is None
            or re.match(r"\.\w|[(=:/]\w", found.after)
            or is_word(value)
            or is_phrase(value)
            or re.fullmatch(r"[0-9a-f]{7,}", value)
        ):
            return None
        return hide(found)

    def dc_part(found: Found) -> Change | None:
        return None if found.value.lower() in {"com", "org", "net", "local", "example"} else hide(found)

    def node(found: Found) -> Change | None:
        value = found.value
        if (
            re.search(r"(?:^|[^/\w])(?:nodes/|host/|mon\.|mgr\.|mds\.|lxc:|qemu:)$", found.before) and is_word(value)
        ) or value in {"localhost", "lxc", "qemu", "a", "id", "status"}:
            return None
        return host(found)

    def machine(found: Found) -> Change | None:
        """Called the way machines are, wherever it stands; not as packages, services and containers are."""
        value = found.value
        parts = value.lower().split("-")
        after = found.after
        if (
            is_word(value)
            or plain(value) in public
            or re.match(r" \(\d|[:=@(]\w|:: ", after)
            or _THING_BEFORE.search(found.before)
        ):
            return None
        if len(parts) > 1 and (not is_machine_like(parts) or all(_SMALL_PART.fullmatch(part) or is_word(part) for part in parts)):
            return None
        return None if re.search(r"[a-z][A-Z]", value) or (value.isupper() and not value[-1].isdigit()) else hide(found)

    def realm(found: Found) -> Change | None:
        return host(found)

    return {
        "host": host,
        "peer": peer,
        "noun": noun,
        "named": named,
        "target": target,
        "at": at,
        "share": share,
        "hostport": host_port,
        "hostlist": host_list,
        "hostvalue": host_value,
        "opthost": named_option,
        "arg": argument,
        "fqdn": fqdn,
        "fq": site,
        "site": site,
        "certhost": cert_host,
        "shaped": shaped,
        "unknown": unknown,
        "dnsname": dns_name,
        "dcpart": dc_part,
        "node": node,
        "mx": peer,
        "quotedpeer": lambda found: None if len(found.value) < 2 or _HEX_RUN.fullmatch(found.value) else peer(found),
        "realm": realm,
        "machine": machine,
        "port": lambda found: None,
    }


# What stands before the colon of a resolver's message when it is not the host.
_MESSAGE_NOUNS = frozenset(
    [
        "problem",
        "error",
        "hostname",
        "failed",
        "failure",
        "address",
        "lookup",
        "connect",
        "connection",
        "resolution",
        "dns",
        "ping",
        "ping6",
        "curl",
        "wget",
        "ssh",
        "warning",
        "fatal",
        "query",
        "host",
        "server",
        "url",
        "getaddrinfo",
        "rpc",
        "name",
        "message",
        "msg",
        "reason",
        "cause",
        "result",
        "exception",
        "timeout",
        "detail",
        "info",
    ]
)
_NUMBERISH = re.compile(r"[\d.:_-]+|0x[0-9a-fA-F]+|v?\d+(?:\.\w+)*(?:-\w+)?")
_NO_HOST_AFTER = ("@", "==", ">=", "<=", "~=", "!=")
_PORT_OR_ADDRESS = re.compile(r":\d{2,5}(?:\D|$)|/(?:<ipv|\d+\.)")
_FILE = re.compile(
    r"\.(?:py|js|sh|c|go|ts|tsx|jsx|conf|json|ya?ml|so|h|cpp|cc|rb|php|rs|java|kt|mjs|cjs|list|txt|pl|pm|lua|vue|css|html|sql|toml|lock|cfg|ini|xml|log|md|exs?|scala|in|ac|am|mk|cmake|build|service|sock|socket|timer|env|d)$",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"[A-Z]{2,}(?:_[A-Z]+)+|[a-z]+(?:_[a-z]+)+")  # of a program: no host has an underscore
_THING_BEFORE = re.compile(
    r"(?i)\b(?:packages?|modules?|commands?|plugins?|library|image|service|unit|script|target|option|file|class|repo|tag|branch|job|step|install|setting up|unpacking|selecting|removing|depends:|building|using|requires?|-p|-m|-n|-c)\W{1,3}$"
)
_SMALL_PART = re.compile(r"\d+|[a-z]{1,2}\d{1,2}")  # v6, x64
_HEX_RUN = re.compile(r"[0-9a-f]{7,}")
_CAMEL = re.compile(r"[a-z][A-Z]")
