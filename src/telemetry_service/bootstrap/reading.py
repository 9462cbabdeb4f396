"""Rows read and passed through the intake, in a process of their own beside the one that counts: two cores share the work."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import BinaryIO

import msgspec

from telemetry_service.bootstrap.assembly import intake
from telemetry_service.bootstrap.mirroring import pocketbase
from telemetry_service.core.foreign import ROW_NAMES
from telemetry_service.core.identity import Identities
from telemetry_service.jobs.importing import Parcel, Reader
from telemetry_service.mirrors.data_file import DataFile
from telemetry_service.mirrors.json_lines import JsonLines
from telemetry_service.mirrors.records import Records
from telemetry_service.mirrors.source import Source, UnusableSource
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store.directory import identities

VARIABLE = "TELEMETRY_IMPORT"  # of the child's environment: what it has to read
WAITING_PARCELS = 50  # read ahead, of a few hundred rows each: bounds memory
_LENGTH_BYTES = 4
_NO_MORE = b""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows are: a data.db, an address of PocketBase, or a file of lines (`-` for standard input)."""

    kind: str
    where: str
    collection: str = ""

    def name(self) -> bytes:
        """What the progress of an import is kept under."""
        return msgspec.json.encode(self)


class Task(msgspec.Struct, frozen=True):
    """What to read: a place, behind a position, from a UTC day on; `now` is in microseconds since 1970."""

    place: Place
    position: str
    first_day: int
    now: int


class Total(msgspec.Struct, array_like=True, tag=True):
    """About how far `done` of the parcels will come."""

    total: int | None


class End(msgspec.Struct, array_like=True, tag=True):
    """Everything was read, or why the source cannot be read."""

    failure: str = ""


Frame = Total | Parcel | End
_decode = msgspec.msgpack.Decoder(Frame).decode
_encode = msgspec.msgpack.Encoder().encode


@contextmanager
def frames(settings: Settings, task: Task) -> Iterator[Iterator[Frame]]:
    """The total, the parcels and the end of a task, from another process where there is a second core for it."""
    if len(os.sched_getaffinity(0)) < 2:
        yield _read(settings, task)
        return
    environment = os.environ | {VARIABLE: msgspec.json.encode(task).decode(), "DATA_DIR": str(settings.data_dir.absolute())}
    command = (sys.executable, "-m", "telemetry_service.reader")
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:  # noqa: S603 - this program itself
        assert process.stdout is not None
        queue: Queue[bytes] = Queue(WAITING_PARCELS)
        receiver = threading.Thread(target=_receive, args=(process.stdout, queue), daemon=True)
        receiver.start()
        try:
            yield map(_decode, iter(queue.get, _NO_MORE))
        finally:
            process.kill()
            while receiver.is_alive():  # it may be waiting for room
                with suppress(Empty):
                    queue.get(timeout=0.05)


def parcels(arriving: Iterator[Frame]) -> Iterator[Parcel]:
    """The parcels up to the end. Raises `UnusableSource`."""
    for frame in arriving:
        if isinstance(frame, End):
            if frame.failure:
                raise UnusableSource(frame.failure)
            return
        if isinstance(frame, Parcel):
            yield frame
    raise UnusableSource("reading has ended too soon; run the command again to go on")


def total(arriving: Iterator[Frame]) -> int | None:
    """The total, which comes first. Raises `UnusableSource`."""
    frame = next(arriving, None)
    if not isinstance(frame, Total):
        raise UnusableSource(frame.failure if isinstance(frame, End) else "reading has ended before it began")
    return frame.total


def run_reader() -> None:
    """The process that reads: settings are those of the command that started it, and end when that goes away."""
    task = msgspec.json.decode(os.environ[VARIABLE], type=Task)
    with suppress(BrokenPipeError, KeyboardInterrupt):
        for frame in _read(from_environ(os.environ), task):
            body = _encode(frame)
            sys.stdout.buffer.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
            sys.stdout.buffer.flush()
    os._exit(0)  # without a word about a pipe that nobody reads any more


def _receive(pipe: BinaryIO, queue: "Queue[bytes]") -> None:
    while head := pipe.read(_LENGTH_BYTES):
        queue.put(pipe.read(int.from_bytes(head, "big")))
    queue.put(_NO_MORE)


def _read(settings: Settings, task: Task) -> Iterator[Frame]:
    ids = identities(settings.data_dir)
    try:
        with closing(_opened(settings, ids, task.place)) as source:
            yield Total(source.total)
            reader = Reader(intake(settings, ids), ids, settings.known_repos, first_day=task.first_day, now=task.now)
            yield from reader.parcels(source, task.position)
            yield End()
    except UnusableSource as error:
        yield End(str(error))


def _opened(settings: Settings, ids: Identities, place: Place) -> Source:
    if place.kind == "lines":
        return JsonLines(None if place.where == "-" else Path(place.where), sys.stdin.buffer, ids.source)
    if place.kind == "data":
        return DataFile(Path(place.where), place.collection, ROW_NAMES)
    if not (settings.pocketbase_token or (settings.pocketbase_email and settings.pocketbase_password)):
        raise UnusableSource("set POCKETBASE_EMAIL and POCKETBASE_PASSWORD (or _FILE) of a superuser, or POCKETBASE_TOKEN")
    there = msgspec.structs.replace(settings, pocketbase_url=place.where)
    return Records(pocketbase(there, place.collection), place.collection, ROW_NAMES)
