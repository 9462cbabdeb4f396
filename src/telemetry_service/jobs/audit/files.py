"""Claims about files: what their bytes spell, who may read them, how long logs are kept and what is in them."""

import re
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import re2

from telemetry_service.core.audit.findings import Result, judged, many, passed, unclear
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.jobs.audit.looking import Found
from telemetry_service.jobs.audit.place import Place
from telemetry_service.store.directory import KEY_FILE
from telemetry_service.store.store import FILE_NAME

CHUNK_BYTES = 4 * 1024 * 1024
OVERLAP_BYTES = 256  # more than the longest value looked for
LONGEST_LOG_LINE = 4096
# What bytes spell by chance in a database must not look like it: hence a boundary on both sides, printable in databases.
_SPELLED = re2.compile(
    rb"(?P<ipv4>(?:^|[^0-9A-Za-z.])\d{1,3}(?:\.\d{1,3}){3}(?:[^0-9A-Za-z.]|$))"
    rb"|(?P<mac>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})"
    rb"|(?P<email>[A-Za-z0-9._+-]{3,64}@(?:[A-Za-z0-9-]{2,63}\.){1,4}(?:com|org|net|de|eu|io|info|local|lan|home|fr|uk|nl|ch|at|it))"
    rb"|(?P<token>tel_[A-Za-z0-9_-]{43})"
)
_NAMES = {"ipv4": "IPv4 address", "mac": "MAC address", "email": "e-mail address", "token": "access token"}
_PUBLIC = PublicHosts()  # git@github.com is no person
_DATABASE = ".sqlite"
_LOG_FILE = re.compile(r"telemetry-service-(\d{4}-\d{2}-\d{2})\.log", re.ASCII)
_REQUEST = "event='request'"
_REQUEST_KEYS = {"time", "level", "event", "method", "route", "status", "milliseconds"}
_KEY = re.compile(r"(?:^| )([a-z_]+)=")
# A line that names the operator's own address, and nobody else's.
_OWN_LINES = ("event='listening'",)


def spelled(place: Place) -> Result:
    """No byte of any file spells an address; `tokens` looks for tokens."""
    found = _found(place)
    faults = [f"{where}: {n} with {kind}" for (where, kind), n in sorted(found.items()) if kind != _NAMES["token"]]
    files = list(_files(place))
    size_mb = sum(path.stat().st_size for path in files) // 2**20
    return judged(faults, f"{many(len(files), 'file')}, {size_mb} MB")


def tokens(place: Place) -> Result:
    """Tokens are stored as hashes of 32 bytes, and no file spells one."""
    faults = [f"{where}: {n} with {kind}" for (where, kind), n in sorted(_found(place).items()) if kind == _NAMES["token"]]
    wrong = place.number("SELECT count(*) FROM token WHERE typeof(hash) <> 'blob' OR length(hash) <> 32")
    if wrong:
        faults.append(f"token.hash: {wrong} that are no hash")
    return judged(faults, many(place.number("SELECT count(*) FROM token"), "token"))


def _found(place: Place) -> Counter[tuple[str, str]]:
    """What the bytes of all files spell, by (file, kind); read once for all who ask."""
    if place.spelled is None:
        own = _own_texts(place)
        counts: Counter[tuple[str, str]] = Counter()
        for path in _files(place):
            for kind in _kinds_in(path, own):
                counts[_shown(place, path), kind] += 1
        place.spelled = counts
    return place.spelled


def _kinds_in(path: Path, own: bytes) -> Iterator[str]:
    is_database = _DATABASE in path.name
    try:
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(CHUNK_BYTES):
                data = before + chunk
                # A value that reaches into the overlap is left to the next chunk.
                end = len(data) - OVERLAP_BYTES if len(chunk) == CHUNK_BYTES else len(data)
                for match in _SPELLED.finditer(data):
                    kind = match.lastgroup.decode()  # re2 names groups of bytes in bytes
                    if match.start() < end and _counts(match.group(), kind, own, is_database=is_database):
                        yield _NAMES[kind]
                before = data[end:]
    except FileNotFoundError:
        return  # gone since it was listed


def _counts(value: bytes, kind: str, own: bytes, *, is_database: bool) -> bool:
    """Whether what was found is what it looks like, and not the operator's own."""
    if kind == "ipv4":
        if is_database and not all(0x20 <= byte < 0x7F for byte in value):
            return False  # a version with numbers of the database behind it
        value = value.strip(b"".join(bytes([byte]) for byte in set(value) if not (0x30 <= byte <= 0x39 or byte == 0x2E)))
        try:
            address = IPv4Address(value.decode())
        except (AddressValueError, UnicodeDecodeError):
            return False
        if address.is_loopback or address.is_unspecified:
            return False
    if kind == "email" and value.rpartition(b"@")[2].decode() in _PUBLIC:
        return False
    return value not in own


def _own_texts(place: Place) -> bytes:
    """What the operator wrote about himself and his machines."""
    rows = place.rows("SELECT in_force || text FROM record_revision UNION ALL SELECT coalesce(target, '') FROM mirror")
    return "\n".join([*(str(text) for (text,) in rows), place.settings.listen_addr[0]]).encode()


def _files(place: Place) -> Iterator[Path]:
    for folder in _folders(place):
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _folders(place: Place) -> list[Path]:
    folders = [place.directory]
    for folder in (place.settings.log_dir, place.backups):
        if folder is not None and folder.is_dir() and not folder.resolve().is_relative_to(place.directory.resolve()):
            folders.append(folder)
    return folders


def _shown(place: Place, path: Path) -> str:
    """The name of a file as evidence shows it: its kind, if it is not one that the program names."""
    if path.parent == place.directory:
        known = (FILE_NAME, "inbox.sqlite", KEY_FILE, "lock")
        return next((path.name for name in known if path.name.startswith(name)), f"another file ({path.suffix or 'no ending'})")
    if _LOG_FILE.fullmatch(path.name):
        return path.name
    return f"a file of {'the data directory' if path.is_relative_to(place.directory) else 'LOG_DIR'}"


def modes(place: Place) -> Result:
    """Nobody but their owner can read key and data."""
    faults: Counter[str] = Counter()
    number = 0
    for path in _files(place):
        number += 1
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            faults[f"{_shown(place, path)} can be read or written by others"] += 1
    key = place.directory / KEY_FILE
    if not key.exists():
        faults[f"{KEY_FILE} is missing"] += 1
    return judged([f"{text} ({n})" for text, n in sorted(faults.items())], many(number, "file"))


def log_ages(place: Place) -> Result:
    """No log file is older than it may be."""
    folder = place.settings.log_dir
    if folder is None:
        return unclear("lines go to standard error; how long they are kept, whatever collects them decides")
    today = datetime.fromtimestamp(place.now / 1_000_000, UTC).date()
    # The files of a day are deleted on the next, with the first line or the next look.
    first_kept = (today - timedelta(days=place.settings.log_retention_days)).isoformat()
    named = [found[1] for path in _log_files(place) if (found := _LOG_FILE.fullmatch(path.name))]
    old = sum(day < first_kept for day in named)
    return judged(
        [f"{old} log files of days before the last {place.settings.log_retention_days}"] if old else [], f"{len(named)} log files"
    )


def log_lines(place: Place) -> Result:
    """No log line holds an identifier."""
    if place.settings.log_dir is None:
        return unclear("lines go to standard error, which cannot be looked at from here")
    number = 0

    def texts() -> Iterator[Found]:
        nonlocal number
        for path in _log_files(place):
            for line in _lines(path):
                number += 1
                if not any(own in line for own in _OWN_LINES):
                    yield path.name, _without_time(line), "name"

    faults = place.looking.faults(texts())
    return judged(faults, many(number, "line"))


def requests(place: Place) -> Result:
    """Requests are not logged; where they are, a line holds nothing but what the record says."""
    logging = place.settings.enable_request_logging
    if place.settings.log_dir is None:
        return passed(f"ENABLE_REQUEST_LOGGING is {'on' if logging else 'off'}; there are no log files to look into")
    off_since = _off_since(place)
    unwanted = foreign = number = 0
    for path in _log_files(place):
        for line in _lines(path):
            number += 1
            if _REQUEST in line:
                unwanted += not logging and _time(line) >= off_since
                foreign += bool(set(_KEY.findall(line)) - _REQUEST_KEYS)
    faults = [f"{unwanted} lines of requests"] if unwanted else []
    faults += [f"{foreign} lines of requests that hold more than route, status and time"] if foreign else []
    return judged(faults, many(number, "line"))


def _off_since(place: Place) -> str:
    """Since when the record says that requests are not logged: lines of before may be there until they are deleted."""
    since = place.number(
        "SELECT min(recorded_at) FROM record_revision WHERE number >"
        " (SELECT max(number) FROM record_revision WHERE in_force ->> 'request_logging' = 1)"
    )
    return datetime.fromtimestamp(since / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _log_files(place: Place) -> list[Path]:
    folder = place.settings.log_dir
    if folder is None or not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_file()]


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LOG_LINE):
                yield line.decode("utf-8", "replace")
    except FileNotFoundError:
        return  # deleted since it was listed


def _time(line: str) -> str:
    found = re.match(r"time='([^']+)'", line)
    return found[1] if found else "9"


def _without_time(line: str) -> str:
    return re.sub(r"^time='[^']*' ", "", line)
