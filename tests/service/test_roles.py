"""What the settings make of the parts."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from service import roles
from service.settings import Settings
from workflows.clock import SystemClock
from workflows.memory import OrganizationMemory


@pytest.mark.parametrize("seconds", [5.0, 30.0, 300.0])
def test_leases_last_as_long_as_is_set_and_leave_time_for_what_is_under_way(seconds: float) -> None:
    """The parts refuse a lease that does not outlive a send, a call or a page."""
    settings = Settings(
        kafka_bootstrap_servers="unused",
        database_url="postgresql://unused",
        encryption_keys=f"k:{Fernet.generate_key().decode()}",
        address_key="unused",
        lease_seconds=seconds,
        poll_interval_seconds=600,
    )
    nothing: Any = None
    relay: Any = roles._relay(settings, nothing)
    worker: Any = roles.command_worker(settings, nothing, nothing, OrganizationMemory(), SystemClock())
    poller: Any = roles._poller(settings, nothing, nothing, SystemClock())
    assert relay._options.lease == seconds
    assert worker._claim.lease_s == 2 * seconds
    assert poller._options.lease_s == 3 * seconds
    assert worker._bench.options.fresh_for == timedelta(minutes=10)
