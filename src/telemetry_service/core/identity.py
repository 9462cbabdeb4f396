"""Ids: what a client sent, turned into what may be stored.

All hashes are keyed with a secret of this server and carry their use (`person` of BLAKE2b, RFC 7693), so that nobody who
reads the database can tell which client id lies behind one.
"""

import re
from hashlib import blake2b

KEY_BYTES = 32
_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
# Clients without a source of UUIDs send `tool-<seconds>`: the same on every machine that started in that second.
_COLLIDING = re.compile(r"(tool|addon)-\d+", re.ASCII)


def parse_uuid(text: str) -> bytes | None:
    """The 16 bytes of a UUID in its usual spellings, or None."""
    return bytes.fromhex(text.replace("-", "")) if _UUID.fullmatch(text) else None


class Identities:
    """Derives stored ids from client ids with the key of one server."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key must have {KEY_BYTES} bytes")
        self._key = key
        self._execution = blake2b(digest_size=8, key=key, person=b"execution")
        self._person = blake2b(digest_size=6, key=key, person=b"person")

    def uuid(self, text: str, app: str, type_: str) -> bytes:
        """The 16 bytes of a UUID, or those of one derived from any other id (version 8 of RFC 9562)."""
        uuid = parse_uuid(text)
        if uuid is not None:
            return uuid
        seed = f"{text}\0{app}\0{type_}" if _COLLIDING.fullmatch(text) else text
        digest = bytearray(self._hash(seed.encode("utf-8", "replace"), b"derived-uuid", 16))
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return bytes(digest)

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
        return self._hash(execution.to_bytes(8, "big", signed=True), b"handle", 6).hex()

    def erased(self, random_id: bytes) -> int:
        """The 64-bit signed integer that is kept of a random id that was erased; it leads back to no id."""
        return int.from_bytes(self._hash(random_id, b"erased", 8), "big", signed=True)

    def token(self, secret: str) -> bytes:
        """What is stored of an access token."""
        return self._hash(secret.encode("utf-8", "replace"), b"token", 32)

    def _hash(self, data: bytes, person: bytes, size: int) -> bytes:
        return blake2b(data, digest_size=size, key=self._key, person=person).digest()
