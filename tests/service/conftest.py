"""Services to test: one of your own, or one that is shared by tests that only send."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pocketbase_server import new_pocketbase, pocketbase, prepared
from running_service import UNLIMITED, Client, Service

__all__ = ["client", "new_pocketbase", "new_service", "pocketbase", "prepared", "service", "shared"]
NewService = Callable[..., Service]


@pytest.fixture
def new_service(tmp_path: Path) -> Iterator[NewService]:
    """Makes services, not started yet, without a rate limit unless told otherwise."""
    services: list[Service] = []

    def make(**settings: str) -> Service:
        services.append(Service(tmp_path / f"service{len(services)}", **(UNLIMITED | settings)))
        return services[-1]

    yield make
    for service in services:
        service.end()


@pytest.fixture
def service(new_service: NewService) -> Service:
    """A running service of your own."""
    return new_service().start()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service for tests that only send; it outlives them all."""
    service = Service(tmp_path_factory.mktemp("shared"), **UNLIMITED).start()
    yield service
    assert not service.ended, service.log
    assert service.stop() == 0
    service.end()


@pytest.fixture
def client(shared: Service) -> Iterator[Client]:
    """A connection to the shared service."""
    client = Client(shared.address)
    yield client
    client.close()
