"""Sessions end, are bounded, and guesses are throttled without locking out others."""

from telemetry_service.web import sessions as module
from telemetry_service.web.answers import Headers
from telemetry_service.web.sessions import (
    ALL_GUESSES_AT_ONCE,
    FORM_COOKIE,
    GUESSES_AT_ONCE,
    IDLE_SECONDS,
    MAX_SESSIONS,
    SESSION_COOKIE,
    SESSION_SECONDS,
    Guesses,
    Sessions,
    cookie,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def sent(secret: str) -> Headers:
    return [(b"cookie", f"a=b; {SESSION_COOKIE}={secret}; c=d".encode())]


def test_a_session_is_found_by_its_secret_alone() -> None:
    sessions = Sessions(Clock())
    secret, other = sessions.open(7), sessions.open(8)
    found, another = sessions.find(sent(secret)), sessions.find(sent(other))
    assert found is not None
    assert another is not None
    assert (found.token_id, another.token_id) == (7, 8)
    assert found.csrf != another.csrf
    for wrong in ("", "x", secret[:-1], secret + "x", found.csrf):
        assert sessions.find(sent(wrong)) is None
    assert sessions.find([]) is None
    assert secret not in str(vars(sessions))


def test_a_session_ends_when_it_is_not_used() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    secret = sessions.open(1)
    clock.now += IDLE_SECONDS - 1
    assert sessions.find(sent(secret))
    clock.now += IDLE_SECONDS
    assert sessions.find(sent(secret)) is None


def test_a_session_ends_also_when_it_is_used() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    secret = sessions.open(1)
    for _ in range(int(SESSION_SECONDS / 600) - 1):
        clock.now += 600
        assert sessions.find(sent(secret))
    clock.now += 600
    assert sessions.find(sent(secret)) is None


def test_logging_out_and_room() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    first, second = sessions.open(1), sessions.open(2)
    sessions.close(sent(first))
    sessions.close(sent(first))
    assert sessions.find(sent(first)) is None
    for number in range(MAX_SESSIONS * 2):
        last = sessions.open(number)
    assert len(sessions) == MAX_SESSIONS
    assert sessions.find(sent(second)) is None
    assert sessions.find(sent(last))
    clock.now += SESSION_SECONDS
    sessions.open(1)
    assert len(sessions) == 1


def test_a_form_belongs_to_its_cookie_and_service() -> None:
    sessions = Sessions()
    assert sessions.form_token("a") == sessions.form_token("a") != sessions.form_token("b")
    assert Sessions().form_token("a") != sessions.form_token("a")


def test_cookies_are_read_by_their_whole_name() -> None:
    headers = [(b"cookie", f"x{FORM_COOKIE}=1; {FORM_COOKIE}x=2;{FORM_COOKIE}=3".encode())]
    assert cookie(headers, FORM_COOKIE) == "3"
    assert cookie([(b"cookie", b"\xff\xfe;;=;")], FORM_COOKIE) == ""


def test_guesses_of_one_network() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    for _ in range(GUESSES_AT_ONCE):
        assert guesses.take(b"guesser") == 0
    wait = guesses.take(b"guesser")
    assert 0 < wait <= 60
    assert guesses.take(b"other") == 0
    clock.now += wait + 1e-6
    assert guesses.take(b"guesser") == 0
    assert guesses.take(b"guesser") > 0


def test_who_is_right_has_not_guessed() -> None:
    guesses = Guesses(Clock())
    for _ in range(ALL_GUESSES_AT_ONCE * 2):
        assert guesses.take(b"operator") == 0
        guesses.right(b"operator")
    crowd = [str(number).encode() for number in range(ALL_GUESSES_AT_ONCE)]
    assert {guesses.take(network) for network in crowd} == {0}
    assert min(guesses.take(network) for network in crowd) > 0


def test_guesses_in_all_lock_out_nobody_else() -> None:
    guesses = Guesses(Clock())
    crowd = [str(number).encode() for number in range(ALL_GUESSES_AT_ONCE)]
    for network in crowd:
        assert guesses.take(network) == 0
    assert all(guesses.take(network) > 0 for network in crowd)  # one wrong guess each, and no second one now
    assert guesses.take(b"has never guessed") == 0


def test_what_is_kept_of_guesses_names_nobody() -> None:
    guesses = Guesses(Clock())
    guesses.take(b"192.0.2.77")
    assert "192.0.2.77" not in str([vars(part) for part in vars(guesses).values() if hasattr(part, "__dict__")])
    assert module.GUESSES_PER_MINUTE < module.ALL_GUESSES_PER_MINUTE
