"""User names, people and e-mail addresses.

Kinds: `user` stands where only an account can stand and stays only if it is a system account; `login` may also be a word of
the message, so the public vocabulary decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import partial

from telemetry_service.core.scrub.rule import Change, Found, Kind
from telemetry_service.core.scrub.user_rules import SYSTEM_USERS, Q

EXTENSION = r"\.(?:service|socket|timer|target|mount|conf|cfg|ini|env|py|js|mjs|cjs|ts|tsx|jsx|vue|json|ya?ml|toml|xml|html?|css|sh|bash|pl|pm|rb|php|go|rs|java|kt|jar|war|c|h|cc|cpp|so|a|o|exe|dll|deb|rpm|apk|tar|gz|xz|zip|zst|bz2|img|iso|qcow2|raw|log|txt|md|csv|sql|db|sqlite|lock|list|pid|sock|key|pem|crt|bak|old|tmp|example|sample|dist|in|am|ac|po|mo|table|column|name|id|com|net|org|de|io|local|lan)$"


_TITLES = frozenset({"Dr", "Prof", "Mr", "Mrs", "Ms", "Herr", "Frau", "Ing"})
# Archives of packages for Ubuntu that installation instructions name.
_PUBLIC_OWNERS = frozenset(
    {"ondrej", "deadsnakes", "ubuntu-toolchain-r", "git-core", "mozillateam", "longsleep", "savoury1", "jonathonf", "obsproject"}
)
# After a first name; `created by Docker Desktop` has two public words and is none.
_SURNAME = re.compile(r"(?: (?:van|von|de|der|la|di|[A-Z]\.))* ([A-Z][a-zà-ÿ'’]+(?:-[A-Z][a-zà-ÿ]+)?)(?![\w.])")


_FILE = re.compile(EXTENSION)
_FILE_OR_CODE = re.compile(rf"{EXTENSION}|^[A-Z_]{{3,}}$|[a-z][A-Z]")
_QUOTE_BEFORE = re.compile(rf"{Q}$")
_COLON_BEFORE = re.compile(r":\s$")
_CAMEL_OR_DOT = re.compile(r"[a-z][A-Z]|\.")
_VAGUE_SETTING_BEFORE = re.compile(
    r"(?i)(?:owner|account|name|chown|author|contact|holder|client_name|customer|login)[\"'\]]?\s?[:=]\s?[\"'‘]?$"
)
_VAGUE_OPTION_BEFORE = re.compile(r"(?:^|\s)(?:-[ulgGo]|--name|--group|--gid|--as|--account|--admin|--uid|--login)[= ]\s?[\"']?$")
_VERSION_OR_TAG = re.compile(
    r"v?\d+(?:\.|$)|(?:latest|next|beta|alpha|canary|stable|main|master|npm|rc|dev|workspace|file|link|sha\d+)\b"
)
_QUAD = re.compile(r"\d+\.\d+\.\d+\.\d+$")
_UNIT = re.compile(r"\.(?:service|socket|timer|target|mount|device|slice|scope|path|conf|log)(?:$|\b)")
_NO_HOST = re.compile(r"[A-Z_]|[()]")
_CODE_FILE = re.compile(r"\.(?:js|ts|py|so|json|tgz|tar|html|vue|mjs)$")
_NAME_GAP = re.compile(r"[ -]")
_TITLE_BEFORE = re.compile(
    r"(?i)(?:\b(?:dr|prof|mrs?|ms|herr|frau|ing)\.?|author|committer|full ?name|real ?name|-by|gecos)[^\w]*$"
)
_VERSION = re.compile(r"v?\d")
# A module of Go is published with its owner: the proxies and the index of modules show both.
_MODULE_AFTER = re.compile(r"/[\w.-]+(?:/[\w.-]+)?@v\d")
_MODULE_BEFORE = re.compile(r"\b(?:module|package|downloading|finding) (?:github|gitlab)\.com/$")
_NAME_JOINT = re.compile(r"[-_.]|(?<=[a-z])(?=[A-Z])")
_LIST_GAP = re.compile(r"[ ,]+")


def _clean(value: str) -> str:
    return value.rstrip(".-$")


def _is_system(value: str) -> bool:
    return value.lower() in SYSTEM_USERS or value.isdigit() or value.startswith(("debian-", "systemd-", "_"))


class UserJudge:
    """The allow-list of hosts and the vocabulary, and what they say to an account."""

    def __init__(self, public: Container[str], is_word: Callable[[str], bool]) -> None:
        self.public = public
        self.is_word = is_word

    def hide(self, found: Found, value: str) -> Change:
        end = found.start + len(value)
        surname = _SURNAME.match(found.text, end) if value.istitle() else None
        if surname and not self.is_word(surname[1]):
            end = surname.end()
        return Change(found.start, end, "<user>", value)

    def user(self, found: Found) -> Change | None:
        value = _clean(found.value)
        if found.start and found.text[found.start - 1].isalnum():
            return None
        if (
            not value
            or value in _TITLES
            or _is_system(value)
            or (found.text[found.start + len(value) :][:1] in {"(", "="} and self.is_word(value))
        ):
            return None
        if _FILE.search(value):
            return None
        return self.hide(found, value)

    def login(self, found: Found) -> Change | None:
        """An account unless the vocabulary knows the word, or it looks like code, a file or a path."""
        value = _clean(found.value)
        after = found.text[found.start + len(value) :][:4]
        if (
            self.is_word(value)
            or (after.startswith(("(", "::", "=", "/", "@")) and not after.startswith("(uid"))
            or found.before.endswith(("/", "-", "$", "%", "."))
        ):
            return None
        if _FILE_OR_CODE.search(value) and not _QUOTE_BEFORE.search(found.before):
            return None
        return self.user(found)


def _at_user(judge: UserJudge, found: Found) -> Change | None:
    """What stands before an @ and a host, except accounts of software."""
    return (
        None
        if found.value.lower() in {"git", "root", "admin", "user"} or _is_system(found.value)
        else judge.hide(found, found.value)
    )


def _user_value(judge: UserJudge, found: Found) -> Change | None:
    value = _clean(found.value)
    before = found.before
    if _is_system(value) or before.endswith(("$", "{")) or value.lower() in {"true", "false", "null", "none", "yes"}:
        return None
    if _COLON_BEFORE.search(before) and (judge.is_word(value) or _CAMEL_OR_DOT.search(value)):
        return None
    after = found.text[found.start + len(value) :][:2]
    if after.startswith(("(", "/", "::", ".")) or (_FILE.search(value) and "@" not in value):
        return None
    if _VAGUE_SETTING_BEFORE.search(before) and judge.is_word(value):
        return None
    return judge.user(found)


def _option_user(judge: UserJudge, found: Found) -> Change | None:
    value = _clean(found.value)
    if found.after.startswith("=") or found.before[-3:].strip() in {"-L", "-O"}:
        return None
    if (_VAGUE_OPTION_BEFORE.search(found.before) and judge.is_word(value)) or _FILE.search(value):
        return None
    return judge.user(found)


def _home(judge: UserJudge, found: Found) -> Change | None:
    value = _clean(found.value)
    if (
        value.lower() in SYSTEM_USERS - {"user", "test", "me", "admin", "guest"}
        or value in {"user", "linuxbrew", "container"}
        or value.startswith(".")
    ):
        return None
    return judge.hide(found, value)


def _email(judge: UserJudge, found: Found) -> Change | None:
    """An address, or a Git remote's `git@`; npm's `name@1.2` and units' `name@instance.service` are none."""
    value = found.value
    local, _, domain = value.rpartition("@")
    text = found.text
    if _VERSION_OR_TAG.match(domain) and not _QUAD.match(domain):
        return None
    if _UNIT.search(domain) or (text[found.start - 1 : found.start] in {"/", "@"} and judge.is_word(local)):
        return None
    if local.lower() in {"git", "root"} and "." not in domain.strip("."):
        return None
    if domain.lower() in judge.public:
        if local.lower() in {"git", "<secret>", "noreply", "no-reply", "security", "support", "info", "root"}:
            return None
        return Change(found.start, found.end, "<email>")
    if local.lower() == "git":
        return Change(found.start + 4, found.end, "<host>", domain)
    if "." not in domain and not _is_account_of_host(judge, found, local, domain):
        return None
    if _CODE_FILE.search(domain):
        return None
    return Change(found.start, found.end, "<email>")


def _is_account_of_host(judge: UserJudge, found: Found, local: str, domain: str) -> bool:
    """Whether `name@word` is an account and its machine: not code, a realm, or two words."""
    if _NO_HOST.search(domain) or domain in {"pam", "pve", "pbs", "eaDir"} or _is_system(local):
        return False
    if found.after.startswith(("(", "/", "=")) or local.startswith(("-", "=")):
        return False
    return not (judge.is_word(local) and judge.is_word(domain)) or local.lower() in SYSTEM_USERS


def _mail(found: Found) -> Change | None:
    return None if "<" in found.value else Change(found.start, found.end, "<email>")


def _person(judge: UserJudge, found: Found) -> Change | None:
    words = found.value.split()
    lead = 0
    while words and judge.is_word(words[0]) and len(words) > 1:
        lead += len(words[0]) + 1
        words = words[1:]
    if all(judge.is_word(word.strip(".")) for word in words):
        return None
    return Change(found.start + lead, found.end, "<user>")


def _full_name(judge: UserJudge, found: Found) -> Change | None:
    words = _NAME_GAP.split(found.value)
    if sum(judge.is_word(word.strip(".")) for word in words) * 2 >= len(words) and not _TITLE_BEFORE.search(found.before):
        return None
    return Change(found.start, found.end, "<user>")


def _owner(judge: UserJudge, found: Found) -> Change | None:
    value = found.value
    if (
        judge.is_word(value)
        or _MODULE_AFTER.match(found.after)
        or _MODULE_BEFORE.search(found.before)
        or value.lower() in _PUBLIC_OWNERS
        or judge.is_word(value.lower().replace("_", "-"))
        or value.lower() in {"library", "repos", "api", "v2", "orgs", "users", "search", "login", "settings", "features"}
        or value.endswith(".git")
        or _VERSION.match(value)
    ):
        return None
    pieces = [piece for piece in _NAME_JOINT.split(value) if piece]
    return None if all(judge.is_word(piece) for piece in pieces) else judge.hide(found, value)


def _git_name(found: Found) -> Change | None:
    return None if "<" in found.value or "$" in found.value else Change(found.start, found.end, "<user>")


def _gecos(judge: UserJudge, found: Found) -> Change | None:
    value = found.value.strip(",")
    return (
        None
        if not value or all(judge.is_word(word) or _is_system(word) for word in _LIST_GAP.split(value))
        else Change(found.start, found.end, "<user>")
    )


def _user_list(judge: UserJudge, found: Found) -> Change | None:
    names = _LIST_GAP.split(found.value)
    return (
        None
        if all(_is_system(name) or judge.is_word(name) for name in names)
        else Change(found.start, found.end, "<user>", max(names, key=len))
    )


def _dn_user(found: Found) -> Change | None:
    value = found.value.strip()
    return (
        None
        if value.isdigit()
        or value.lower()
        in {
            "admin",
            "manager",
            "users",
            "config",
            "schema",
            "subschema",
            "monitor",
            "people",
            "groups",
            "builtin",
            "computers",
        }
        or "<" in value
        else Change(found.start, found.start + len(value), "<user>", value)
    )


def _domain(judge: UserJudge, found: Found) -> Change | None:
    return (
        None
        if found.value in {"NT", "BUILTIN", "AUTHORITY", "HKEY", "HKLM", "HKCU", "C", "D"}
        or (judge.is_word(found.value) and len(found.value) < 3)
        else Change(found.start, found.end, "<host>")
    )


_JUDGED: dict[str, Callable[[UserJudge, Found], Change | None]] = {
    "user": UserJudge.user,
    "login": UserJudge.login,
    "uservalue": _user_value,
    "optuser": _option_user,
    "home": _home,
    "email": _email,
    "person": _person,
    "fullname": _full_name,
    "owner": _owner,
    "gecos": _gecos,
    "userlist": _user_list,
    "domain": _domain,
    "pairuser": UserJudge.login,
    "atuser": _at_user,
}

_UNJUDGED: dict[str, Kind] = {
    "mail": _mail,
    "gitname": _git_name,
    "dnuser": _dn_user,
    "keep": lambda found: None,
    "uidn": lambda found: None if found.value == "1000" else Change(found.start, found.end, "<id>"),  # everybody's first account
}


def user_kinds(public: Container[str], is_word: Callable[[str], bool]) -> dict[str, Kind]:
    """The kinds of this file, with the allow-list of hosts and the vocabulary bound."""
    judge = UserJudge(public, is_word)
    return _UNJUDGED | {name: partial(kind, judge) for name, kind in _JUDGED.items()}
