"""Hosts by the place they stand in: after a noun, in a setting, behind an @, as an option's value.

A kind takes the judge and the value; what the place adds is what may stand there besides a host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import partial

from telemetry_service.core.scrub import host_shapes
from telemetry_service.core.scrub.host_judge import CAMEL, EXCEPTION, SYMBOL, HostJudge, hide, is_address_or_number, plain
from telemetry_service.core.scrub.host_words import (
    AFTER_ADDRESSES,
    LDAP_PARTS,
    MESSAGE_NOUNS,
    NODE_FOLDERS,
    NOT_HOSTS,
    PORT_NUMBERS,
    TARGET_NOUNS,
    UNITS,
)
from telemetry_service.core.scrub.machine_names import MACHINE_NAME
from telemetry_service.core.scrub.rule import Change, Found, Kind

_GUEST_NOUN = re.compile(
    r"(?i)(?:container(?: name)?|guest|vm|lxc|instance|agent|target|member|registry|zone|site|frontend|backend|domain|proxy|upstream)\W*$"
)
_BUILD_TARGET_BEFORE = re.compile(r"\bTargets? [\"']$")
_HOSTNAME_BEFORE = re.compile(r"(?i)\bhostname\s+$|\bhostname: $|hostname -\w\s+$")
_THIS_MACHINE_BEFORE = re.compile(r" of (?:this|the|your) [a-z]+ is $")
_CONTAINER_NAME_BEFORE = re.compile(r"(?i)\bcontainer name\W*$")  # most are called as what runs in them
_PLAIN_WORD = re.compile(r"[a-z]+")
_SIGN_BEFORE = re.compile(r"[<\"'‘“`=]$")
_CAMEL_OR_UNDERSCORE = re.compile(r"[a-z][A-Z]|_")
_QUOTED_HOST_BEFORE = re.compile(r"(?i)host\W*$")
_RESOLVER_BEFORE = re.compile(
    r"(?:ENOTFOUND|EAI_AGAIN|EAI_NONAME|hostname:?|host:?|host name:?|UnknownHostException:?|address(?: for| of)?|lookup|getaddrinfo)\s*[\"'‘“`:]*\s*$"
)
_ADDRESS_BEFORE = re.compile(r"(?i)address\s*$")
_DIGIT = re.compile(r"\d")
_UNRESOLVED_BEFORE = re.compile(
    r"(?:ENOTFOUND|EAI_AGAIN|Could not resolve host:|UnknownHostException:|unable to resolve host|resolve hostname|resolve address for|resolve host ?name)\s*[\"'‘“`]?$"
)
_VERSION_OR_TAG = re.compile(r"v?\d+(?:[-+.]\w+)*$|latest$|next$|sha\d+$|npm$|beta$|alpha$|canary$|stable$|main$|master$")
_SYMBOL_VERSION = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z]+)*_\d[\d.]*")  # as linkers write it: `SSL_CTX_new@OPENSSL_3.0.0`
_UNIT = re.compile(rf"\.(?:{UNITS})$")
_NO_SHARE = re.compile(r"[A-Za-z]|\d+|[A-Z][A-Za-z]*")
_CAPITAL_OR_UNDERSCORE = re.compile(r"[A-Z_]")
_SHARED_FILE = re.compile(r"\.(?:py|js|sh|c|go|ts|conf|json|ya?ml|so|h|cpp|rb|php|service|sock|list|txt|mjs|cjs)$")
_LINE_OF_FILE = re.compile(
    r"\.(?:py|js|sh|c|go|ts|tsx|jsx|conf|json|ya?ml|so|h|cpp|cc|rb|php|rs|java|kt|mjs|cjs|list|txt|pl|pm|lua|vue|css|html|sql|toml|lock|cfg|ini|xml|log|md|ex|exs|scala|in|ac|am|mk|cmake|build)$",
    re.IGNORECASE,
)
_PCI = re.compile(r"[0-9a-f]{4}")  # vendor and device
_PORT = re.compile(r":(\d+)")
_SETTING_BEFORE = re.compile(
    r"(?i)\b(?:target|server|instance|client|node|remote|dns|san|origin|site_?name|gateway|location|addr|dc|master|peer|endpoint|realm|cn|host|portal|upstream)\W*$"
)
_COLON_BEFORE = re.compile(r":\s$")
_TITLE = re.compile(r"[A-Z][a-z]+")
_NAME_BEFORE = re.compile(r"(?i)(?:host\w*|domain|fqdn|name)\W+$")
_VAGUE_OPTION = re.compile(
    r"(?i)(?:^|\s)(?:-h|-d|-H|-M|--name|--url|--search|--target|--join|--address|--listen|--master|--dns)[= ]\W?$"
)
_SHORT_OPTION = re.compile(r"(?:\s-[hdHM]|--name)[= ]\W?$")
_OPTION_D = re.compile(r"\s-d $")
_COMMAND_BEFORE = re.compile(r"\b(?:host|nc|hostname|dig|ping|nmap|ssh)\s+$")
_HOST_COMMAND_BEFORE = re.compile(r"(?:^|\s)host\s+$")
_NODE_BEFORE = re.compile(r"(?:^|[^/\w])(?:nodes/|host/|mon\.|mgr\.|mds\.|lxc:|qemu:)$")
_KERNEL_NOUNS = frozenset({"kernel", "version", "release", "headers", "image", "firmware", "distribution"})
_ADDRESSED_BEFORE = re.compile(r"(?i)\b(?:ping6?|to|host|for|from|resolving|at|server|node|of) $")
_COMPOUND_BEFORE = re.compile(r"[a-z]_(?:server|client|remote|master|peer|node|gateway|host): $")
_ACTION = re.compile(
    r"(?:tion|sion|ment|ing|ance|ence|lookup|startup|setup|shutdown|check|login|request|response|process|probe|attach|connect|handshake|sync)s?$"
)
_HEADER_AFTER = re.compile(r":\s")
_HEX_RUN = re.compile(r"[0-9a-f]{7,}")


def _noun(judge: HostJudge, found: Found) -> Change | None:
    """A quoted name after a noun such as node: a host even when it is a word, unless it is a setting or a file."""
    value = found.value.rstrip(".")
    if _GUEST_NOUN.search(found.before) and judge.is_word(value):
        return None
    if (found.before.endswith("(") and CAMEL.search(value)) or _BUILD_TARGET_BEFORE.search(found.before):
        return None  # `server (NotFound)`; `Target "zlib"`
    return judge.site(found) if "." in value else judge.host(found)


def _named(judge: HostJudge, found: Found) -> Change | None:
    value = plain(found.value)
    is_word = judge.is_word(value)
    if found.value[0].isupper() and judge.is_phrase(value):
        return None
    if is_word and (_HOSTNAME_BEFORE.search(found.before) or _CONTAINER_NAME_BEFORE.search(found.before)):
        return None
    if (
        is_word
        and _PLAIN_WORD.fullmatch(value)
        and not _THIS_MACHINE_BEFORE.search(found.before)
        and not _SIGN_BEFORE.search(found.before)
    ):
        return judge.peer(found)
    return judge.host(found)


def _target(judge: HostJudge, found: Found) -> Change | None:
    """What could not be resolved: a host unless it is a plain word of a message."""
    value, before = plain(found.value), found.before
    if (
        value in TARGET_NOUNS
        or _CAMEL_OR_UNDERSCORE.search(found.value)
        or found.after.startswith(("(", "::", "=", "`", "@"))
        or before[-2:] in {"t'", "s'", "y'"}
        or (before.endswith("`") and not _QUOTED_HOST_BEFORE.search(before))
    ):
        return None
    certain = _RESOLVER_BEFORE.search(before)
    if "." in found.value:
        return judge.host(found) if certain else judge.site(found)
    if judge.is_word(value) and not (certain and not _ADDRESS_BEFORE.search(before) and _DIGIT.search(value)):
        return judge.host(found) if _UNRESOLVED_BEFORE.search(before) else None
    return judge.host(found)


def _at(judge: HostJudge, found: Found) -> Change | None:
    """What follows an @: a host, unless it is a version, a unit's instance or a package scope."""
    value = found.value.rstrip(".")
    if _VERSION_OR_TAG.match(value) or value == "pam" or _UNIT.search(value) or _SYMBOL_VERSION.fullmatch(value):
        return None
    return judge.host(found)


def _share(judge: HostJudge, found: Found) -> Change | None:
    value = found.value
    if (
        judge.is_word(value)
        or _NO_SHARE.fullmatch(value)
        or _CAPITAL_OR_UNDERSCORE.search(value)
        or found.before.endswith(("::", "@", "$"))
        or _SHARED_FILE.search(value)
    ):
        return None
    return judge.host(found)


def _host_port(judge: HostJudge, found: Found) -> Change | None:
    """`name:8080`: a host, unless it is a file with a line, an image with a tag, or a word."""
    value = found.value
    if (
        _LINE_OF_FILE.search(value)
        or _CAMEL_OR_UNDERSCORE.search(value)
        or is_address_or_number(value)
        or _PCI.fullmatch(value)
        or value.lower() in {"node", "line", "pid", "uid", "gid", "exit"}
    ):
        return None
    if "." in value:
        return judge.site(found) if found.before.endswith("/") else judge.host(found)
    port = _PORT.match(found.text[found.end : found.end + 7])
    if judge.is_word(value) or (port is not None and len(port[1]) < 4 and port[1] not in PORT_NUMBERS):
        return None
    return judge.host(found)


def _host_list(judge: HostJudge, found: Found) -> Change | None:
    """Names of one machine, side by side."""
    names = [name for name in found.value.split() if plain(name) not in judge.public]
    if not names or names[0].lower() in AFTER_ADDRESSES or all(judge.is_word(name) and "." not in name for name in names):
        return None
    if any(is_address_or_number(name) for name in names):
        return None
    kept = " ".join("<host>" if plain(name) not in judge.public else name for name in found.value.split())
    return Change(found.start, found.end, kept, max(names, key=len))


def _host_value(judge: HostJudge, found: Found) -> Change | None:
    value, before = found.value.rstrip("."), found.before
    following = found.text[found.start + len(value) : found.start + len(value) + 1]
    if before.endswith(("/", "$", "%")) or (following in {"(", "/"} and "://" not in before[-4:] and "." not in value):
        return None
    is_word = judge.is_word(value)
    if is_word and "." not in value and _SETTING_BEFORE.search(before):
        return None
    if is_word and _COLON_BEFORE.search(before) and _COMPOUND_BEFORE.search(before):
        return None  # `password_server: unable to open`
    if CAMEL.search(value) or (is_word and _COLON_BEFORE.search(before) and _TITLE.fullmatch(value)):
        return None
    if is_word and "." in value and not _NAME_BEFORE.search(before):
        return None
    return judge.host(found)


def _named_option(judge: HostJudge, found: Found) -> Change | None:
    value, before = found.value, found.before
    is_word = judge.is_word(value)
    if (is_word and "." not in value and _VAGUE_OPTION.search(before)) or _HEADER_AFTER.match(found.after):
        return None  # `curl -H 'X-Api-Key: ...'`
    if not _SHORT_OPTION.search(before):
        return _host_value(judge, found)
    if "." in value:
        return judge.site(found)
    return None if is_word or value.isdigit() or _OPTION_D.search(before) else judge.host(found)


def _argument(judge: HostJudge, found: Found) -> Change | None:
    value = found.value
    is_word = judge.is_word(value)
    if is_word and "." not in value and _COMMAND_BEFORE.search(found.before):
        return None
    if is_word or ("." not in value and _HOST_COMMAND_BEFORE.search(found.before)):
        return judge.peer(found)
    return judge.host(found)


def _kernel_host(judge: HostJudge, found: Found) -> Change | None:
    """What `uname -a` prints after the system: `Linux Mint 21` and `Linux kernel 6.1` name no machine."""
    value = found.value
    return None if judge.is_word(value) and (value[0].isupper() or value in _KERNEL_NOUNS) else judge.host(found)


def _addressed(judge: HostJudge, found: Found) -> Change | None:
    """What an address in brackets follows: `nas (<ipv4>)`, but `Connection refused (<ipv4>)`."""
    if not found.after.startswith(" ") or _ADDRESSED_BEFORE.search(found.before) or MACHINE_NAME.search(found.value):
        return judge.host(found)
    return judge.peer(found)


def _stated(judge: HostJudge, found: Found) -> Change | None:
    """After a noun such as peer and in front of what happened to it: `peer media is down`, but `peer authentication failed`."""
    value = found.value
    return None if _ACTION.search(value) and judge.is_word(value) else judge.host(found)


def _joined(judge: HostJudge, found: Found) -> Change | None:
    """Behind `-h` without a space."""
    value = found.value
    return None if judge.is_word(f"h{value}") or plain(value) in judge.public or plain(value) in NOT_HOSTS else hide(found)


def _dns_name(judge: HostJudge, found: Found) -> Change | None:
    value = plain(found.value)
    return None if value in MESSAGE_NOUNS or SYMBOL.fullmatch(value) or EXCEPTION.search(found.value) else judge.host(found)


def _node(judge: HostJudge, found: Found) -> Change | None:
    value = found.value
    if value in NODE_FOLDERS or (_NODE_BEFORE.search(found.before) and judge.is_word(value)):
        return None
    return judge.host(found)


def _quoted_peer(judge: HostJudge, found: Found) -> Change | None:
    return None if len(found.value) < 2 or _HEX_RUN.fullmatch(found.value) else judge.peer(found)


_PLACES: dict[str, Callable[[HostJudge, Found], Change | None]] = {
    "host": HostJudge.host,
    "peer": HostJudge.peer,
    "noun": _noun,
    "named": _named,
    "target": _target,
    "at": _at,
    "share": _share,
    "hostport": _host_port,
    "hostlist": _host_list,
    "hostvalue": _host_value,
    "opthost": _named_option,
    "arg": _argument,
    "fqdn": HostJudge.fqdn,
    "fq": HostJudge.site,
    "site": HostJudge.site,
    "dnsname": _dns_name,
    "addressed": _addressed,
    "stated": _stated,
    "joined": _joined,
    "kernelhost": _kernel_host,
    "dcpart": lambda judge, found: None if found.value.lower() in LDAP_PARTS else hide(found),
    "node": _node,
    "mx": HostJudge.peer,
    "quotedpeer": _quoted_peer,
    "realm": HostJudge.host,
    "port": lambda judge, found: None,
    **host_shapes.SHAPES,
}


def host_kinds(public: Container[str], knows: Callable[[str], bool]) -> dict[str, Kind]:
    """The kinds of hosts, with the allow-list of hosts and the vocabulary bound."""
    judge = HostJudge(public, knows)
    return {name: partial(kind, judge) for name, kind in _PLACES.items()}
