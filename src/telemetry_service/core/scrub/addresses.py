"""IPv4, IPv6 and MAC addresses: candidates by pattern, decided in code.

Order matters: IPv6 before MAC (six pairs are no IPv6 address, eight are), MAC before IPv4. Loopback and unspecified
addresses identify nobody and stay. A version number may look like an IPv4 address: `is_version` tells them apart.
"""


# fmt: off

from __future__ import annotations

import ipaddress
import re

from telemetry_service.core.scrub.rule import Change, Found, Rule

_H = "[0-9A-Fa-f]"
_DOT = r"(?:\.|\\\.|\[\.\]|\(\.\))"

# First halves of what hypervisors give guests, and of small machines at home (IEEE's register).
_MAKERS = ("bc2411", "525400", "00163e", "0242ac", "001c42", "080027", "005056", "000c29", "00155d", "b827eb", "dca632", "e45f01", "d83add", "001132")

# What stands in front of a hardware address in whatever form.
_MAC_WORD = r"(?:mac(?:[-_ ]?(?:addr(?:ess)?|id))?|hw[-_ ]?addr(?:ess)?|lladdr|ether(?:net)?(?: address)?|bssid|(?:hardware|physical) address|station|etherwake|wakeonlan|wol(?: to)?)"

RULES: tuple[Rule, ...] = (
    Rule("ipv6-arpa", r"(?i)\b(?P<arpa>(?:[0-9a-f]\.){4,32})ip6\.(?:arpa|int)"),
    Rule(
        "ipv6",
        rf"(?:^|[^0-9A-Za-z:_])(?P<ipv>(?:{_H}{{0,4}}:){{2,7}}\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:/\d{{1,3}})?|(?:{_H}{{0,4}}(?::{_H}{{0,4}}){{6,8}}|(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{0,6}})?::(?:{_H}{{1,4}}(?::{_H}{{1,4}}){{0,7}})?)(?:%(?:25)?[\w.-]*\w)?(?:/\d{{1,3}})?)",
    ),
    Rule("ipv6-dashed", rf"(?:^|[^0-9A-Za-z-])(?P<ipvd>{_H}{{1,4}}(?:-{_H}{{0,4}}){{3,7}})"),
    Rule("ipv6-masked", r"(?i)(?:^|[^0-9a-z:])(?P<maskv>[0-9a-f]{2,4}(?::[0-9a-f]{1,4}){0,6}:[0-9a-f]{0,3}[x*][0-9a-fx*]{0,3}(?::[0-9a-fx*]{1,4}){0,6})"),
    Rule("mac", rf"(?:^|[^0-9A-Fa-f:])(?P<mac>{_H}{{2}}(?:(?::{_H}{{2}}){{5,19}}|(?:-{_H}{{2}}){{5,19}}|(?:_{_H}{{2}}){{5,7}}|(?: {_H}{{2}}){{5}}))"),
    Rule("mac-dotted", rf"(?:^|[^0-9A-Za-z.])(?P<macdots>{_H}{{2}}(?:\.{_H}{{2}}){{5}}|{_H}{{4}}(?:\.{_H}{{4}}){{2}})"),
    Rule("mac-escaped", r"(?P<mac>[0-9A-Fa-f]{2}(?:(?:\\{1,2}:[0-9A-Fa-f]{2}){5}|(?:%3[aA][0-9A-Fa-f]{2}){5}))"),
    Rule("mac-unpadded", r"(?:^|[^0-9A-Za-z:.])(?P<macthin>[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5})(?:$|[^0-9A-Za-z:.])"),
    Rule("mac-grouped", rf"(?:^|[^0-9A-Za-z.-])(?P<macgroup>{_H}{{4}}(?:-{_H}{{4}}-{_H}{{4}}|:{_H}{{4}}:{_H}{{4}})|{_H}{{6}}[-:]{_H}{{6}})"),
    Rule("mac-in-name", rf"(?i)\b(?:en|wl|ww|sl|ib|usb|eth|mac|macvtap|br|bond|veth)[-_]?x?(?P<macbare>{_H}{{12}})\b"),
    Rule("mac-named", rf"(?i)(?:\b|_){_MAC_WORD}[\"'\]]?\s?[=:(\[]?\s?[\"']?(?P<macnamed>{_H}{{2}}(?:[:._ -]?{_H}{{2}}){{5}})\b"),
    Rule("mac-short", rf"(?i)\b(?:mac|hwaddr|lladdr|ether|bssid|macaddr|mac[-_ ]?addr(?:ess)?)\s*[=:]?\s*['\"]?(?P<maccut>{_H}{{1,2}}(?::(?:{_H}{{1,2}}|[xX*]{{2}})){{2,7}})"),
    Rule("mac-hex", rf"(?i)\b(?:eui-?64|ieee(?:[ _-]?addr\w*)?|zigbee|duid|device|node|bulb|sensor|endpoint|interview\w*|announce\w*)[^\w\n]{{1,3}}(?:0x)?(?P<machex>{_H}{{16}}|{_H}{{20}}|{_H}{{28}})\b"),
    Rule("mac-upper", r"(?:^|[^0-9A-Za-z.+/-])(?P<macgroup>[0-9A-F]{12}|[0-9A-Fa-f]{6}\.[0-9A-Fa-f]{6})(?:$|[^0-9A-Za-z.+/-])"),
    Rule("mac-eui64", rf"(?i)(?:^|[^0-9a-z]|0x)(?P<machex>{_H}{{6}}fffe{_H}{{6}})\b"),
    Rule("mac-maker", rf"(?i)(?:^|[^0-9a-z]|0x)(?P<machex>(?:{'|'.join(_MAKERS)}){_H}{{6}})\b"),
    Rule("ipv4-arpa", r"(?i)(?P<quadarpa>(?:\d{1,3}(?:-\d{1,3})?\.){1,4})in-addr\.arpa"),
    Rule("ipv4", rf"(?P<quad>\d{{1,3}}{_DOT}\d{{1,3}}{_DOT}\d{{1,3}}{_DOT}\d{{1,3}}(?:/\d{{1,3}}(?:\.\d{{1,3}}){{3}}|/\d{{1,2}}\b)?)"),
    Rule("ipv4-dashed", r"(?P<quaddash>\d{1,3}(?:-\d{1,3}-\d{1,3}-|_\d{1,3}_\d{1,3}_)\d{1,3})"),
    Rule("ipv4-masked", r"(?P<quadmask>(?:\d{1,3}|[xX*#]{1,3})(?:\.(?:\d{1,3}|[xX*#]{1,3})){3}(?:/\d{1,2})?)"),
    Rule("ipv4-network", r"(?:^|[^\w.])(?P<net>(?:192\.168|10\.\d{1,3}|172\.(?:1[6-9]|2\d|3[01]))\.(?:\d{1,3}\.(?:\*|[xX]|0/\d+|/)|\*)|192\.168\.\d{1,3})"),
)

_OCTETS = re.compile(r"\d+")
# Loopback and unspecified as every machine has them, systemd-resolved's, and the metadata service of every cloud.
_EVERYBODYS = frozenset({"169.254.169.254", "0.0.0.0", "127.0.0.0", "127.0.0.1", "127.0.1.1", "127.0.0.11", "127.0.0.53", "127.0.0.54"})  # noqa: S104 - nothing binds to it
# What stands in front of a version: a sign, or the last word before it.
_VERSION_SIGN = re.compile(
    r"(?:(?<![A-Za-z])[vV]|[<>=~!^]=|[~^]|\b[A-Z][A-Za-z]{1,15}/|[\d+~-](?:ubuntu|mint|deb|bpo|el|fc|build|rev|pve)\d{0,2}\+?)\Z"
)
_VERSION_WORD = re.compile(
    r"<<|>>|[<>=~!^]=|[<>~^]|lib[a-z][\w+.-]*"
    r"|(?i:(?:(?:assembly|file)?versions?|releases?|kernel|chrome|chromium|chromedriver|firmware|driver|revision|build|sdk|runtime|v|ver))"
)
_VERSION_SIGNS = frozenset({"<=", ">=", "==", "~=", "!=", "^="})
_COORDINATES = re.compile(r"[a-z][\w-]*(?:\.[a-z][\w-]*)+:[a-z][\w.-]*:\Z")  # group:artifact:version
_VERSION_FILLERS = frozenset({"is", "of", "number", "string"})
_VERSIONS = re.compile(r"\bversions: [\w.,+~ -]{0,40}\Z")
# A product's name in front of four small numbers is followed by its version, unless the word speaks of a network.
_PRODUCT = re.compile(r"[('\"]?([A-Za-z][\w+]*[A-Za-z](?:\.[A-Za-z]\w+)*)")
_VERSION_BEFORE = re.compile(r"(?i)\b(?:versions?|releases?|upgrad\w+|downgrad\w+|updat\w+)(?: from)?(?: version)? v?\d[\w.+~:-]* (?:to|and|or|with|->|=>) (?:version )?\Z")
_NETWORK_WORDS = re.compile(
    r"(?i)(?:\w*(?:host|addr\w*|server|gateway|dns|peer|dev|src|dst|ips?|inet|ping|route|node|network|subnet|mask|client|target|remote|proxy|relay|master|slave|nas|connect\w*|bind\w*|listen\w*|resolv\w*)"
    r"|to|from|at|on|for|via|with|by|of|and|or|is|was|the|in|not|as|be|arp|lease|reach|ssh|curl|get|query|received|error|failed|timeout|refused|x|a|set|add|del|using|got|has)"
)
_SMALL = 32  # numbers of a version are rarely larger, octets of an address often
_PACKAGE_BEFORE = re.compile(r"(?:^|[\s/'\"])[a-z][a-z0-9+.]+(?:-[a-z0-9+.]+)*[-_=]$")
_REVISION_AFTER = re.compile(r"[-+~][0-9a-z]*[0-9][\w.+~]*|(?:rc|a|b|beta|alpha|dev|post)\d|\+|~")
_RANGE_AFTER = re.compile(r"-\d{1,3}\.\d{1,3}\.|-\d{1,3}(?:$|[\s,;)])")
_PACKAGE_LINE = re.compile(r"(?:Setting up|Unpacking|Preparing to unpack|Selecting|Depends:|Breaks:|Conflicts:|Recommends:|Requires:)[^\n]{0,40}\($")
_FILE_AFTER = re.compile(r"\.(?:tar|tgz|zip|deb|rpm|whl|jar|gem|apk|so|dll|txz|xz|gz|exe|msi|dmg|AppImage|nupkg)\b|[_-](?:amd64|arm64|all|x86_64|linux|i386)\b")


_NUMBER_AFTER = re.compile(r"-\d{1,3}\b(?![.~+])")
_PORT_AFTER = re.compile(r"\.\d{1,5}(?: >|: |,|$)")
_TCPDUMP_BEFORE = re.compile(r"(?:\bIP |> )$")
_DASHED_PREFIX = re.compile(r"(?i)(?:2[0-9a-f]{3}|3[0-9a-f]{3}|f[cde][0-9a-f]{2}|64-ff9b)-")
_MASKED_MAC = re.compile(r"(?i)[0-9a-f]{2}(?::[0-9a-fx*]{2}){5}")
_GROUP_AFTER = re.compile(r"\.[0-9a-fA-F]{2,4}(?![0-9A-Za-z])")
_HEX_LETTER = re.compile("[a-fA-F]")
_DIGIT = re.compile(r"\d")


def _is_local_use(octets: list[int]) -> bool:
    first, second = octets[0], octets[1]
    return (first == 192 and second == 168) or (first == 172 and 16 <= second <= 31) or (first == 169 and second == 254)


def _follows_version_word(before: str) -> bool:
    if before[-1:] not in {" ", "\t", '"', "'", ":", "(", "="} or before[-2:] in _VERSION_SIGNS:
        return _VERSION_SIGN.search(before[-18:]) is not None
    if before.endswith(":") and _COORDINATES.search(before):
        return True
    words = before.split()
    while words and words[-1].strip(":=\"'(") in _VERSION_FILLERS:
        words.pop()
    word = words[-1].strip(":\"'(=") or words[-1] if words else ""
    if word in {"to", "and", "or", "with", "->", "=>"} and _VERSION_BEFORE.search(before):
        return True
    if _VERSION_WORD.fullmatch(word) or ("versions:" in before and _VERSIONS.search(before)):
        return True
    return before.endswith("(") and _PACKAGE_LINE.search(before) is not None


def _follows_product(before: str) -> bool:
    if not before.endswith((" (", " ")):
        return False
    words = before.removesuffix("(").split()
    product = _PRODUCT.fullmatch(words[-1]) if words else None
    return product is not None and not _NETWORK_WORDS.fullmatch(product[1])


def is_version(found: Found, octets: list[int]) -> bool:
    """Whether a dotted quad is a version, by what stands around it. Private networks except 10/8 never are."""
    if _is_local_use(octets):
        return False
    before, after = found.before, found.after
    if _RANGE_AFTER.match(after) and not (after[:1] == "-" and octets[0] < 64 and octets[0] != 10 and "." not in after[:5]):
        return False
    if _follows_version_word(before):
        return True
    if max(octets) < _SMALL and octets[0] != 10 and not after.startswith((":", "/", ".")) and _follows_product(before):
        return True
    if _FILE_AFTER.match(after) and _PACKAGE_BEFORE.search(before):
        return True
    return octets[0] < 64 and _REVISION_AFTER.match(after) is not None and (octets[0] != 10 or not _NUMBER_AFTER.match(after))


def ipv4(found: Found) -> Change | None:
    text, start, end = found
    if start and (text[start - 1].isdigit() or (text[start - 1] == "." and text[start - 2 : start - 1].isdigit())):
        return None
    octets = [int(part) for part in _OCTETS.findall(found.value)[:4]]
    if max(octets) > 255 or (octets[0] in {0, 127, 169} and text[start:end].partition("/")[0] in _EVERYBODYS):
        return None
    if text[end : end + 1] == "." and _PORT_AFTER.match(text[end : end + 12]) and _TCPDUMP_BEFORE.search(found.before):
        return Change(start, end, "<ipv4>")
    follows_number = text[end : end + 1] == "." and text[end + 1 : end + 2].isdigit()
    if text[end : end + 1].isdigit() or (follows_number and not (_is_local_use(octets) or octets[0] == 10)):
        return None
    if is_version(found, octets):
        return None
    return Change(start, end, "<ipv4>")


def quad_dashed(found: Found) -> Change | None:
    text, start, end = found
    left, right = text[start - 1 : start], text[end : end + 1]
    if left.isdigit() or right.isdigit() or (left in {"-", "_"} and text[start - 2 : start - 1].isdigit()) or (right in {"-", "_"} and text[end + 1 : end + 2].isdigit()):
        return None
    octets = [int(part) for part in _OCTETS.findall(found.value)]
    if max(octets) > 255 or ((octets[0] < 10 and not text[:start].endswith(("ip-", "ip_"))) and text[end : end + 1] != "."):
        return None
    return Change(start, end, "<ipv4>")


def quad_masked(found: Found) -> Change | None:
    parts = found.value.split("/")[0].split(".")
    numbers = [part for part in parts if part.isdigit()]
    text, start, end = found
    if not 0 < len(numbers) < 4 or text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
        return None
    return Change(start, end, "<ipv4>") if all(int(number) < 256 for number in numbers) else None


def quad_arpa(found: Found) -> Change:
    return Change(found.start, found.end, "<ipv4>.")


def nibble_arpa(found: Found) -> Change:
    return Change(found.start, found.end, "<ipv6>.")


def network(found: Found) -> Change | None:
    after = found.text[found.end : found.end + 2]
    if found.value.startswith("192.168.") or not after[:1].isdigit():
        return None if after[:1].isdigit() or (after[:1] == "." and after[1:].isdigit()) else Change(found.start, found.end, "<ipv4>")
    return None


def ipv6(found: Found) -> Change | None:
    """Check a run of hex groups; a colon that ends a clause is not part of it."""
    text, start, end = found
    value = found.value
    tail = text[end : end + 1]
    if tail.isdigit() and not text[end + 1 : end + 2].isalnum():
        return _ipv6_with_port(found)  # of five digits, one more than a group has
    if tail.isalnum() or tail == "_" or ("::" not in value and value.count(":") < 6):
        return None
    stripped = value.rstrip(":") if not value.endswith("::") else value
    if value.endswith("::") and text[end : end + 1] == ":":
        stripped = value
    for candidate in (value, stripped):
        address = candidate.split("/")[0].split("%")[0]
        if address in {"::", "::1"}:
            return None
        try:
            mapped = ipaddress.IPv6Address(address).ipv4_mapped
        except ValueError:
            continue
        if mapped is not None and str(mapped) in _EVERYBODYS:
            return None
        return Change(start, start + len(candidate), "<ipv6>")
    return _ipv6_with_port(found)


def _ipv6_with_port(found: Found) -> Change | None:
    """`2001:db8::1:51413` written without brackets may have one group too many."""
    head, _, last = found.value.rpartition(":")
    try:
        ipaddress.IPv6Address(head)
    except ValueError:
        return None
    return Change(found.start, found.start + len(head), "<ipv6>") if last.isdigit() and head not in {"::", "::1"} else None


def ipv6_dashed(found: Found) -> Change | None:
    """`2001-db8--1` as used in host names and UNC paths: needs a hex letter, `--` or eight groups, and to be valid."""
    value = found.value
    tail = found.text[found.end : found.end + 1]
    if tail.isalnum() or tail == "_" or ("--" not in value and value.count("-") != 7) or value.startswith("-"):
        return None
    if not _DASHED_PREFIX.match(value):
        return None
    try:
        ipaddress.IPv6Address(value.replace("-", ":"))
    except ValueError:
        return None
    return Change(found.start, found.end, "<ipv6>")


def ipv6_masked(found: Found) -> Change | None:
    value = found.value
    if value.count(":") < 2 or found.text[found.end : found.end + 1].isalnum():
        return None
    return Change(found.start, found.end, "<mac>" if _MASKED_MAC.fullmatch(value) else "<ipv6>")


_NOBODYS_MAC = re.compile(r"(?i)(?:ff[:-]){5}ff|(?:00[:-]){5}00")  # broadcast, unset


def mac(found: Found) -> Change | None:
    text, start, end = found
    tail = text[end : end + 1]
    if tail.isalnum() or (" " in found.value and found.value.isdigit()) or _NOBODYS_MAC.fullmatch(found.value):
        return None
    if text[start - 1 : start].isdigit():
        return None
    if " " in found.value and not (_HEX_LETTER.search(found.value) and _DIGIT.search(found.value)):
        return None
    return Change(start, end, "<mac>")


def mac_grouped(found: Found) -> Change | None:
    value = found.value
    if found.after[:1].isalnum() or (found.after[:1] in {"-", "."} and found.after[1:2].isalnum()):
        return None
    has_letter, has_digit = _HEX_LETTER.search(value), _DIGIT.search(value)
    return Change(found.start, found.end, "<mac>") if has_digit and has_letter else None


def mac_dotted(found: Found) -> Change | None:
    """Three groups of four or six of two; six groups without a letter may be a version, four groups anything."""
    value, after = found.value, found.after
    if after[:1].isalnum() or _GROUP_AFTER.match(after) or not _DIGIT.search(value):
        return None
    if not _HEX_LETTER.search(value) and (value.count(".") > 2 or found.before[-1:] in {"-", "_", "/"}):
        return None
    return Change(found.start, found.end, "<mac>")


def mac_named(found: Found) -> Change | None:
    """After a word for it; six numbers between spaces are none."""
    value = found.value
    return Change(found.start, found.end, "<mac>") if _DIGIT.search(value) and (" " not in value or _HEX_LETTER.search(value)) else None


def mac_unpadded(found: Found) -> Change | None:
    """As arp prints them: `0:1c:42:0:0:8`. Numbers alone may be anything."""
    return mac(found) if _HEX_LETTER.search(found.value) else None


def mac_bare(found: Found) -> Change | None:
    return Change(found.start, found.end, "<mac>") if _DIGIT.search(found.value) else None


KINDS = {
    "ipv": ipv6, "ipvd": ipv6_dashed, "maskv": ipv6_masked, "arpa": nibble_arpa,
    "mac": mac, "macthin": mac_unpadded, "macdots": mac_dotted, "macnamed": mac_named, "machex": mac_bare, "macgroup": mac_grouped, "macbare": mac_bare, "maccut": mac,
    "quad": ipv4, "quaddash": quad_dashed, "quadmask": quad_masked, "quadarpa": quad_arpa, "net": network,
}
