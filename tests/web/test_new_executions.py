"""How many installations a network may begin per hour."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.web.limits import KEY_SECONDS, MAX_EXECUTIONS, NewExecutions


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from([b"a", b"b"]), st.integers(0, 9)), max_size=60))
def test_as_many_as_allowed_and_each_once(limit: int, reports: list[tuple[bytes, int]]) -> None:
    executions = NewExecutions(limit)
    begun: dict[bytes, set[int]] = {b"a": set(), b"b": set()}
    for network, execution in reports:
        allowed = execution in begun[network] or len(begun[network]) < limit
        assert (executions.take(network, execution, 5000.0) == 0) == allowed
        if allowed:
            begun[network].add(execution)


def test_the_next_hour_begins_anew() -> None:
    executions = NewExecutions(1)
    assert executions.take(b"a", 1, 5000.0) == 0
    wait = executions.take(b"a", 2, 5000.0 + 1000)
    assert wait == KEY_SECONDS - 1000
    assert executions.take(b"a", 2, 5000.0 + 1000 + wait) == 0


def test_zero_turns_it_off() -> None:
    executions = NewExecutions(0)
    assert not any(executions.take(b"a", number, 5000.0) for number in range(1000))
    assert len(executions) == 0


def test_a_flood_of_networks_is_forgotten_and_stays_bounded() -> None:
    executions = NewExecutions(1)
    for number in range(MAX_EXECUTIONS * 2):
        assert executions.take(number.to_bytes(4, "big"), number, 5000.0) == 0
        if number % 1000 == 0:  # whoever is still there is not forgotten
            assert executions.take(b"steady", 1, 5000.0) == 0
    assert len(executions) <= MAX_EXECUTIONS
    assert b"steady" not in str(vars(executions)).encode()
