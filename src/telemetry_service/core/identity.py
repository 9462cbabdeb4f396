"""Ids: what a client sent, turned into what may be stored.

All hashes are keyed with a secret of this server and carry their use (`person` of BLAKE2b, RFC 7693), so that nobody who
reads the database can tell which client id lies behind one.
"""

import re
from hashlib import blake2b
from string import ascii_lowercase, digits

KEY_BYTES = 32
_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
# Clients without a source of UUIDs send `tool-<seconds>`: the same on every machine that started in that second.
_64_BITS, _TAG_BITS = (1 << 64) - 1, 13
MIRRORED_CHARS = 15
_BASE_36 = re.compile(r"[0-9a-z]+", re.ASCII)
_DIGITS = digits + ascii_lowercase
_COLLIDING = re.compile(r"(tool|addon)-\d+", re.ASCII)


def parse_uuid(text: str) -> bytes | None:
    """The 16 bytes of a UUID in its usual spellings, or None."""
    return bytes.fromhex(text.replace("-", "")) if _UUID.fullmatch(text) else None


def needs_app(text: str) -> bool:
    """Whether an id is one of those that machines share, which is told apart by app and type."""
    return _COLLIDING.fullmatch(text) is not None


class Identities:
    """Derives stored ids from client ids with the key of one server."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes")
        self._key = key
        self._execution = blake2b(digest_size=8, key=key, person=b"execution")
        self._person = blake2b(digest_size=6, key=key, person=b"person")
        self._text = blake2b(digest_size=16, key=key, person=b"text")

    def uuid(self, text: str, app: str, type_: str) -> bytes:
        """The 16 bytes of a UUID, or those of one derived from any other id (version 8 of RFC 9562)."""
        uuid = parse_uuid(text)
        if uuid is not None:
            return uuid
        seed = f"{text}\0{app}\0{type_}" if needs_app(text) else text
        return _version_8(self._hash(seed.encode("utf-8", "replace"), b"derived-uuid", 16))

    def execution(self, uuid: bytes) -> int:
        """The 64-bit signed integer under which an execution is stored."""
        hashed = self._execution.copy()  # once per report: takes half as long as keying anew
        hashed.update(uuid)
        return int.from_bytes(hashed.digest(), "big", signed=True)

    def person(self, random_id: bytes) -> int:
        """The 48-bit integer by which the installations of a random id are found; collisions are checked in the row."""
        hashed = self._person.copy()
        hashed.update(random_id)
        return int.from_bytes(hashed.digest(), "big") >> 1

    def handle(self, execution: int) -> str:
        """A short name of an installation for people; it leads back to no id."""
        # Without the key, which is in the hash of the execution already: an installation keeps its name where it is moved to.
        return blake2b(execution.to_bytes(8, "big", signed=True), digest_size=6, person=b"handle").hexdigest()

    def erased(self, random_id: bytes) -> int:
        """The 64-bit signed integer that is kept of a random id that was erased; it leads back to no id."""
        return int.from_bytes(self._hash(random_id, b"erased", 8), "big", signed=True)

    def text(self, data: bytes) -> bytes:
        """The 16 bytes by which a text is known again without being kept; stored nowhere."""
        hashed = self._text.copy()
        hashed.update(data)
        return hashed.digest()

    def source(self, text: bytes) -> str:
        """What is kept of where an import reads, to go on there."""
        return self._hash(text, b"import", 16).hex()

    def token(self, secret: str) -> bytes:
        """What is stored of an access token."""
        return self._hash(secret.encode("utf-8", "replace"), b"token", 32)

    def mirrored(self, execution: int) -> str:
        """The id of an installation in a mirror: 15 characters that only this key can have made.

        They hold the keyed hash of the execution id and 13 bits that prove it, so that a mirror's records are told from others.
        """
        number = (execution & _64_BITS) << _TAG_BITS | self._tag(execution)
        text = ""
        for _ in range(MIRRORED_CHARS):
            number, digit = divmod(number, 36)
            text = _DIGITS[digit] + text
        return text

    def mirrored_execution(self, text: str) -> int | None:
        """The execution that an id of a mirror stands for; None for an id that this key did not make.

        Of others' ids, one in 12,000 is taken for ours by accident.
        """
        if len(text) != MIRRORED_CHARS or not _BASE_36.fullmatch(text):
            return None
        number = int(text, 36)
        unsigned = number >> _TAG_BITS
        if unsigned > _64_BITS:
            return None
        execution = int.from_bytes(unsigned.to_bytes(8, "big"), "big", signed=True)
        return execution if self._tag(execution) == number & (1 << _TAG_BITS) - 1 else None

    def _tag(self, execution: int) -> int:
        return int.from_bytes(self._hash(execution.to_bytes(8, "big", signed=True), b"mirrored", 2), "big") >> 16 - _TAG_BITS

    def _hash(self, data: bytes, person: bytes, size: int) -> bytes:
        return blake2b(data, digest_size=size, key=self._key, person=person).digest()


def _version_8(digest: bytes) -> bytes:
    """16 bytes as a UUID that says it was made by rules of ours (RFC 9562)."""
    uuid = bytearray(digest)
    uuid[6] = uuid[6] & 0x0F | 0x80
    uuid[8] = uuid[8] & 0x3F | 0x80
    return bytes(uuid)
