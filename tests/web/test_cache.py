"""Public answers are computed once, kept for a moment, and bounded."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from telemetry_service.web.cache import (
    KEPT_ANYWAY_SECONDS,
    KEPT_SECONDS,
    MAX_ANSWERS,
    MAX_BYTES,
    READ_BURST,
    PublicAnswers,
    TooManyReads,
)


class World:
    """A clock, a fold and a counter of what was computed."""

    def __init__(self, per_minute: int = 0) -> None:
        self.now = 1000.0
        self.folded = 0
        self.made = 0
        self.answers = PublicAnswers(per_minute, lambda: self.folded, lambda: self.now)

    def maker(self, body: bytes = b"") -> Callable[[], Awaitable[bytes]]:
        async def make() -> bytes:
            self.made += 1
            await asyncio.sleep(0)
            return body or str(self.made).encode()

        return make

    async def get(self, key: object = "key", network: bytes = b"n", body: bytes = b"") -> bytes:
        return (await self.answers.get(key, network, self.maker(body))).body


def test_who_asks_the_same_at_once_gets_the_same() -> None:
    async def run() -> None:
        world = World()
        assert set(await asyncio.gather(*(world.get() for _ in range(100)))) == {b"1"}
        assert await world.get("other") == b"2"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("folded", "later", "made"),
    [
        (0, 0.0, 1),
        (0, KEPT_SECONDS - 0.1, 1),
        (0, KEPT_SECONDS + 0.1, 2),
        (1, KEPT_ANYWAY_SECONDS - 0.1, 1),
        (1, KEPT_ANYWAY_SECONDS + 0.1, 2),
    ],
)
def test_an_answer_is_as_fresh_as_it_has_to_be(folded: int, later: float, made: int) -> None:
    async def run() -> None:
        world = World()
        await world.get()
        world.folded += folded
        world.now += later
        await world.get()
        assert world.made == made

    asyncio.run(run())


def test_what_is_kept_is_bounded() -> None:
    async def run() -> None:
        world = World()
        for number in range(MAX_ANSWERS * 3):
            await world.get(number)
        assert len(world.answers) == MAX_ANSWERS
        for number in range(100):
            await world.get(("large", number), body=b"x" * (MAX_BYTES // 10))
        assert len(world.answers) <= 10

    asyncio.run(run())


def test_one_network_cannot_have_everything_computed() -> None:
    async def run() -> None:
        world = World(per_minute=60)
        for number in range(READ_BURST):
            await world.get(number)
        with pytest.raises(TooManyReads) as refused:
            await world.get("one more")
        assert refused.value.seconds == pytest.approx(1.0)
        assert await world.get(READ_BURST - 1)  # what is here is for everybody
        assert await world.get("one more", b"another network")

    asyncio.run(run())


def test_what_fails_is_not_kept() -> None:
    async def run() -> None:
        world = World()

        async def fail() -> bytes:
            await asyncio.sleep(0)
            raise LookupError

        for _ in range(2):
            results = await asyncio.gather(*(world.answers.get("key", b"n", fail) for _ in range(3)), return_exceptions=True)
            assert [type(result) for result in results] == [LookupError] * 3
        assert await world.get() == b"1"

    asyncio.run(run())


def test_equal_bytes_have_equal_tags() -> None:
    async def run() -> None:
        world = World()
        tags = [(await world.answers.get(key, b"n", world.maker(body))).etag for key, body in ((1, b"a"), (2, b"a"), (3, b"b"))]
        assert tags[0] == tags[1] != tags[2]

    asyncio.run(run())
