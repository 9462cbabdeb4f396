"""Identifiers in a text, found without the scrubber: split at signs, and ask the standard library.

A second implementation on purpose: it shares no rule with the scrubber, so that what one overlooks the other may see. Only the
list of public hosts, which is policy and no rule, is the same.
"""

import re
from collections.abc import Container, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

IPV4, IPV6, MAC, EMAIL, HOST = "IPv4 address", "IPv6 address", "MAC address", "e-mail address", "host name"
KINDS = (IPV4, IPV6, MAC, EMAIL, HOST)

_SEPARATORS = re.compile(r"[^\w.:@/%+~\-]+")
_EDGES = ".:-/@%+~_"
_HEX = frozenset("0123456789abcdef")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Endings that are a domain wherever they stand.
_CERTAIN = _words(
    "com net org info biz edu gov mil arpa local localdomain lan home internal intern intranet corp private onion box xyz ddns"
    " dyndns fritz"
)
# ISO 3166, and what domains have beside it. Two letters may be a word or a file too: they count with a scheme, a user, a port or
# a third label only, and those that files end in with a scheme or a user.
_COUNTRIES = _words(
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs"
    " bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg"
    " eh er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn"
    " hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk"
    " lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf"
    " ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd"
    " se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw"
    " tz ua ug uk um us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_FILES = _words("ac am bz cc cf cl cs db go gz hs in js la md mk ml mo pl pm ps py rb rs sh so st tf ts ui vs")
_LONGEST_PORT = 5
_MAC_DASHES = 5


def identifiers(text: str, public: Container[str]) -> frozenset[str]:
    """The kinds of identifiers that a text holds; `public` are host names that may stay."""
    found: set[str] = set()
    for token in _SEPARATORS.split(text.lower().replace("%40", "@").replace("\\:", ":")):
        if "." in token or ":" in token or token.count("-") >= _MAC_DASHES:
            found.update(_kinds(token, public))
    return frozenset(found)


def _kinds(token: str, public: Container[str]) -> Iterator[str]:
    after_scheme = "://" in token and not token.startswith("file:")
    for part in token.replace("://", "/").split("/"):
        if len(part) < 3:
            continue
        user, at, rest = part.rpartition("@")
        bare = rest.partition("%")[0].strip("-_~+.")
        if _is_mac(bare):
            yield MAC
        elif _is_ipv6(bare):
            yield IPV6
        else:
            yield from _named(user, bare, part, sure=after_scheme or bool(at), public=public)


def _named(user: str, rest: str, part: str, *, sure: bool, public: Container[str]) -> Iterator[str]:
    """What a name or address is, and what follows it behind colons: a port, or what stands before it."""
    pieces = rest.split(":")
    if any(map(_is_ipv4, pieces)):
        yield IPV4
        return
    name, has_port = pieces[0], len(pieces) == 2 and pieces[1].isdigit() and len(pieces[1]) <= _LONGEST_PORT
    is_host = _is_host(name, sure=sure, has_port=has_port, hidden=part.startswith("."))
    if not is_host or name.strip(_EDGES) in public:
        return
    yield EMAIL if user.strip(_EDGES) else HOST


def _is_ipv4(text: str) -> bool:
    try:
        address = IPv4Address(text.strip(_EDGES))
    except AddressValueError:
        return False
    # Those name no machine: every machine has them.
    return not (address.is_loopback or address.is_unspecified)


def _is_ipv6(text: str) -> bool:
    if text.count(":") < 2:
        return False
    try:
        address = IPv6Address(text if text.startswith("::") or text.endswith("::") else text.strip(":"))
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _is_mac(text: str) -> bool:
    for separator, sizes, counts in ((":", (1, 2), (6, 8)), ("-", (2,), (6, 8)), (".", (4,), (3, 4))):
        groups = text.strip(_EDGES).split(separator)
        if len(groups) in counts and all(len(group) in sizes and set(group) <= _HEX for group in groups):
            return True
    return False


def _is_host(text: str, *, sure: bool, has_port: bool, hidden: bool) -> bool:
    labels = text.strip(_EDGES).split(".")
    if len(labels) < 2 or hidden or not all(map(_LABEL.fullmatch, labels)):
        return False
    ending = labels[-1]
    if ending in _CERTAIN:
        return True
    if ending in _FILES:
        return sure and ending in _COUNTRIES
    return ending in _COUNTRIES and (sure or has_port or len(labels) > 2)


def is_file_name(word: str) -> bool:
    """Whether a word is the name of a file of a program, as far as its ending tells."""
    ending = word.lower().strip(_EDGES).partition(":")[0].rpartition(".")[2]
    return "." in word and "@" not in word and "://" not in word and ending in _FILES
