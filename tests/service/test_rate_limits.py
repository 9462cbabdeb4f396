"""The rate limit over the wire: per network, refilled, and told apart behind proxies from the right."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from running_service import Client, Service, report, wait_until

NewService = Callable[..., Service]
BURST = 5
PROXY, OTHER_PROXY = "127.0.0.10", "127.0.0.11"
SLOWLY = {"RATE_LIMIT_RPM": "1", "RATE_BURST": str(BURST)}


def forwarded(value: str) -> dict[str, str]:
    return {"X-Forwarded-For": value}


def exhaust(client: Client, headers: dict[str, str] | None = None) -> None:
    """Take the whole burst, and be refused after it."""
    assert [client.post(report(), headers).status for _ in range(BURST + 1)] == [202] * BURST + [429]


@pytest.fixture
def limited(new_service: NewService) -> Service:
    return new_service(**SLOWLY).start()


@pytest.fixture
def behind_proxies(new_service: NewService) -> Iterator[Service]:
    return new_service(TRUSTED_PROXIES_CIDR=f"{PROXY}/31", **SLOWLY).start()


def test_a_burst_and_then_the_rate(new_service: NewService) -> None:
    client = new_service(RATE_LIMIT_RPM="30", RATE_BURST=str(BURST)).start().client()
    answers = [client.post(report()) for _ in range(BURST)]
    assert all(answer.status == 202 for answer in answers)
    refused = wait_until(lambda: (answer := client.post(report())).status == 429 and answer, "an empty bucket")
    assert refused
    assert refused.headers["retry-after"] in ("1", "2", "3")
    assert refused.headers["content-type"].startswith("text/plain")
    assert refused.text.startswith("rate: ")
    wait_until(lambda: client.post(report()).status == 202, "a new token")


def test_retry_after_is_how_long_it_takes(limited: Service) -> None:
    client = limited.client()
    exhaust(client)
    answer = client.post(report(), {"Accept": "application/json"})
    assert 50 <= int(answer.headers["retry-after"]) <= 61
    assert answer.headers["content-type"] == "application/json"


def test_another_address_is_not_affected(limited: Service) -> None:
    exhaust(limited.client("127.0.0.1"))
    exhaust(limited.client("127.0.0.2"))
    assert limited.client("127.0.0.1").post(report()).status == 429


def test_refused_and_broken_reports_count_too(limited: Service) -> None:
    client = limited.client()
    assert [client.post(b"nonsense").status for _ in range(BURST + 1)] == [400] * BURST + [429]


def test_other_paths_and_methods_are_not_limited(limited: Service) -> None:
    client = limited.client()
    exhaust(client)
    assert client.send("GET", "/healthz").status == 200
    assert client.send("GET", "/telemetry").status == 405


def test_forwarded_addresses_from_anyone_are_not_believed(limited: Service, behind_proxies: Service) -> None:
    for service in (limited, behind_proxies):
        client = service.client("127.0.0.20")
        answers = [client.post(report(), forwarded(f"203.0.113.{number}")).status for number in range(BURST + 1)]
        assert answers == [202] * BURST + [429]


def test_forwarded_addresses_are_counted_from_the_right(behind_proxies: Service) -> None:
    client = behind_proxies.client(PROXY)
    exhaust(client, forwarded("198.51.100.7"))
    assert client.post(report(), forwarded("203.0.113.1, 198.51.100.7")).status == 429  # what the client wrote is nothing
    assert client.post(report(), forwarded("198.51.100.7, 203.0.113.1")).status == 202
    assert client.post(report(), forwarded(f"198.51.100.7, {OTHER_PROXY}")).status == 429  # through two proxies of ours
    assert behind_proxies.client(OTHER_PROXY).post(report(), forwarded("198.51.100.7")).status == 429
    assert client.post(report(), forwarded(f"198.51.100.7,, {OTHER_PROXY} ,")).status == 429


def test_a_forwarded_address_that_is_none_is_the_proxys(behind_proxies: Service) -> None:
    client = behind_proxies.client(PROXY)
    exhaust(client)
    assert client.post(report(), forwarded("198.51.100.9, unknown")).status == 429
    assert client.post(report(), forwarded("198.51.100.9")).status == 202


def test_forwarded_networks_of_ipv6(behind_proxies: Service) -> None:
    client = behind_proxies.client(PROXY)
    exhaust(client, forwarded("2001:db8:1:2::1"))
    assert client.post(report(), forwarded("2001:0DB8:1:2:ffff::9")).status == 429
    assert client.post(report(), forwarded("2001:db8:1:3::1")).status == 202
    exhaust(client, forwarded("::ffff:192.0.2.1"))
    assert client.post(report(), forwarded("192.0.2.1")).status == 429
    assert client.post(report(), forwarded("::ffff:192.0.2.2")).status == 202


def test_several_forwarded_headers_are_one_list(behind_proxies: Service) -> None:
    exhaust(behind_proxies.client(PROXY), forwarded("198.51.100.7"))
    assert post_with_two(behind_proxies.client(PROXY), "X-Forwarded-For", ("203.0.113.1", "198.51.100.7")) == 429


def post_with_two(client: Client, header: str, values: tuple[str, str]) -> int:
    """The status of a report that has a header twice."""
    body = msgspec.json.encode(report())
    connection = client._connection
    connection.putrequest("POST", "/telemetry")
    for value in values:
        connection.putheader(header, value)
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    return response.status


def test_a_header_of_a_trusted_proxy_as_key(new_service: NewService) -> None:
    settings = SLOWLY | {"RATE_KEY_MODE": "header", "RATE_KEY_HEADER": "X-Client", "TRUSTED_PROXIES_CIDR": PROXY}
    service = new_service(**settings).start()
    client = service.client(PROXY)
    exhaust(client, {"X-Client": "one"})
    assert client.post(report(), {"X-Client": "two"}).status == 202
    other = service.client("127.0.0.1")
    answers = [other.post(report(), {"X-Client": str(number)}).status for number in range(BURST + 1)]
    assert answers == [202] * BURST + [429]


def test_what_a_proxy_adds_to_the_header_counts(new_service: NewService) -> None:
    settings = SLOWLY | {"RATE_KEY_MODE": "header", "RATE_KEY_HEADER": "X-Client", "TRUSTED_PROXIES_CIDR": PROXY}
    client = new_service(**settings).start().client(PROXY)
    answers = [post_with_two(client, "X-Client", (str(number), "one")) for number in range(BURST + 1)]
    assert answers == [202] * BURST + [429]
