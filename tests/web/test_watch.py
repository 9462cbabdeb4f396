"""Who makes room when there are too many connections."""

from telemetry_service.web.watch import MAX_HELD_BYTES, ROOM_SHARE, Watch, connections_allowed


class One:
    """A connection that only knows whether it was ended."""

    def __init__(self, crowd: "set[One]", host: str, since: float, *, waiting: bool = True, held_bytes: int = 0) -> None:
        self.client = (host, 1)
        self.since = since
        self.waiting = waiting
        self.held_bytes = held_bytes
        self.deadline = since + 10
        self.ended = ""
        self._crowd = crowd
        crowd.add(self)

    def overdue(self) -> None:
        self.ended = "overdue"

    def give_way(self) -> None:
        self.ended = "gave way"
        self._crowd.discard(self)


def test_the_network_with_most_waiting_connections_makes_room() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=ROOM_SHARE * 2, max_body_bytes=1)
    lonely = One(crowd, "192.0.2.1", since=0)
    busy = One(crowd, "192.0.2.2", since=0, waiting=False)
    many = [One(crowd, "192.0.2.2", since=number) for number in range(1, ROOM_SHARE * 2)]
    newcomer = One(crowd, "192.0.2.3", since=99)
    watch.admit(newcomer)
    assert [one.ended for one in (lonely, busy, newcomer)] == [""] * 3
    assert [one.since for one in many if one.ended] == [1, 2]
    assert watch.closed_for_room == 2


def test_addresses_of_one_ipv6_network_are_one_network() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=10, max_body_bytes=1)
    lonely = One(crowd, "2001:db8:1::1", since=0)
    many = [One(crowd, f"2001:db8:2::{number:x}", since=number) for number in range(1, 12)]
    watch.admit(One(crowd, "2001:db8:3::1", since=99))
    assert not lonely.ended
    assert [one.since for one in many if one.ended] == [1]


def test_when_everybody_is_being_answered_the_newcomer_goes() -> None:
    for hosts, host in ((["192.0.2.1"] * 5 + ["192.0.2.2"] * 5, "192.0.2.3"), (["192.0.2.1"] * 10, "192.0.2.1")):
        crowd: set[One] = set()
        watch = Watch(crowd, max_connections=10, max_body_bytes=1)
        answered = [One(crowd, one, since=0, waiting=False) for one in hosts]
        newcomer = One(crowd, host, since=1)
        watch.admit(newcomer)
        assert newcomer.ended
        assert not any(one.ended for one in answered)


def test_when_one_network_has_itself_answered_everywhere_it_makes_room() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=ROOM_SHARE * 2, max_body_bytes=1)
    answered = [One(crowd, "192.0.2.1", since=number, waiting=False) for number in range(ROOM_SHARE * 2 - 1)]
    other = One(crowd, "192.0.2.2", since=-1, waiting=False)
    newcomer = One(crowd, "192.0.2.3", since=99)
    watch.admit(newcomer)
    assert not newcomer.ended
    assert not other.ended
    assert [one.since for one in answered if one.ended] == [0]


def test_there_is_room_up_to_the_bound() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=10, max_body_bytes=1)
    for number in range(10):
        watch.admit(One(crowd, "192.0.2.1", since=number))
    assert not any(one.ended for one in crowd)
    assert len(crowd) == 10


def test_unfinished_bodies_make_room() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=100, max_body_bytes=1)
    idle = One(crowd, "192.0.2.1", since=0)
    sending = [One(crowd, "192.0.2.1", since=number, held_bytes=MAX_HELD_BYTES // 10) for number in range(10)]
    for one in sending:
        watch.hold(one.held_bytes)
    assert not any(one.ended for one in sending)
    watch.hold(100)
    assert [one.since for one in sending if one.ended] == list(range(6))
    assert not idle.ended


def test_the_sweep_ends_what_is_late() -> None:
    crowd: set[One] = set()
    watch = Watch(crowd, max_connections=10, max_body_bytes=1)
    late, in_time = One(crowd, "192.0.2.1", since=0), One(crowd, "192.0.2.1", since=1)
    watch.sweep(10.5)
    assert (late.ended, in_time.ended) == ("overdue", "")


def test_files_for_connections() -> None:
    assert connections_allowed(10) == 10
    assert 1 <= connections_allowed(10**9) < 10**9
