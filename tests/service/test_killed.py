"""Killed at random moments: what was acknowledged is there, and counts once."""

import logging
import os
import random
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from campaign import Campaign
from stored_data import StoredData

from running_service import Service

log = logging.getLogger(__name__)
NewService = Callable[..., Service]
SOAK_ROUNDS = int(os.environ.get("SOAK_ROUNDS", "50"))
EVENTS = (1, 500)  # acknowledged before each strike
Strike = Callable[[Service, random.Random], None]


def kill_everything(service: Service, dice: random.Random) -> None:
    service.kill(worker_first=dice.random() < 0.5)


def kill_web(service: Service, dice: random.Random) -> None:
    service.kill(worker=False)


def kill_worker(service: Service, dice: random.Random) -> None:
    killed = service.worker_pid
    service.kill(web=False)
    assert service.worker_pid != killed


STRIKES = (kill_everything, kill_web, kill_worker)


def run(service: Service, strikes: Iterable[Strike]) -> None:
    """One round for every strike, in this order."""
    dice = random.Random(random.getrandbits(64))
    campaign, stored = Campaign(dice), StoredData(service.data)
    for number, strike in enumerate(strikes, start=1):
        log.info("round %d, %s: %d events acknowledged so far", number, strike.__name__, campaign.acknowledged)
        service.start()
        campaign.load_during(service, dice.randint(*EVENTS), partial(strike, service, dice))
        if not service.ended:
            assert service.stop() == 0
    service.start()
    campaign.load_during(service, 50, lambda: None)
    campaign.check(stored)
    assert service.recount() == []
    assert service.stop() == 0
    campaign.check(stored)
    log.info("%d events acknowledged, %d installations", campaign.acknowledged, len(stored.installations()))


def test_killed_under_load(new_service: NewService) -> None:
    run(new_service(), random.sample(STRIKES, len(STRIKES)))


@pytest.mark.soak
@pytest.mark.parametrize("strike", STRIKES)
def test_killed_under_load_again_and_again(new_service: NewService, strike: Strike) -> None:
    run(new_service(), [strike] * SOAK_ROUNDS)
