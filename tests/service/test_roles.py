"""What the settings make of the parts."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from sandbox.stack import PostgresServer
from service import roles
from service.settings import Settings
from workflows.clock import SystemClock
from workflows.memory import OrganizationMemory


def set_to(**chosen: Any) -> Settings:
    """Settings that reach no Kafka, with what is chosen besides."""
    key = Fernet.generate_key().decode()
    return Settings(kafka_bootstrap_servers="unused", encryption_keys=f"k:{key}", address_key="unused", **chosen)


@pytest.mark.parametrize("seconds", [5.0, 30.0, 300.0])
def test_leases_last_as_long_as_is_set_and_leave_time_for_what_is_under_way(seconds: float) -> None:
    """The parts refuse a lease that does not outlive a send, a call or a page."""
    settings = set_to(database_url="postgresql://unused", lease_seconds=seconds, poll_interval_seconds=600)
    nothing: Any = None
    relay: Any = roles._relay(settings, nothing)
    worker: Any = roles.command_worker(settings, nothing, nothing, OrganizationMemory(), SystemClock())
    poller: Any = roles._poller(settings, nothing, nothing, SystemClock())
    assert relay._options.lease == seconds
    assert worker._claim.lease_s == 2 * seconds
    assert poller._options.lease_s == 3 * seconds
    assert worker._bench.options.fresh_for == timedelta(minutes=10)


async def test_the_api_role_serves_the_api_and_the_others_do_not(migrated: str) -> None:
    settings = set_to(database_url=migrated, http_port=0)
    served: dict[roles.Role, list[int]] = {}
    for role in (roles.Role.API, roles.Role.FULFILL):
        async with roles.running_process(settings, {role}) as process, httpx.AsyncClient() as http:
            serving = asyncio.create_task(process.http.run())
            async with asyncio.timeout(10):
                await process.http.ready.wait()
            paths = ("/health/live", "/metrics", "/api/openapi.json", "/api/integrations/salesloft/callback")
            served[role] = [(await http.get(f"{process.http.address}{path}")).status_code for path in paths]
            process.http.stop()
            await serving
    assert served == {roles.Role.API: [200, 200, 200, 400], roles.Role.FULFILL: [200, 200, 404, 404]}


async def test_the_api_is_opened_while_the_database_is_away(migrated: str, postgres_server: PostgresServer) -> None:
    """It is opened whenever somebody wants it, and an absent neighbour is nothing that a process ends for."""
    settings = set_to(database_url=migrated, http_port=0)
    async with roles.running_process(settings, {roles.Role.API}) as process, httpx.AsyncClient(timeout=30) as http:
        serving = asyncio.create_task(process.http.run())
        async with asyncio.timeout(10):
            await process.http.ready.wait()
        await postgres_server.kill()
        try:
            described = await http.get(f"{process.http.address}/api/openapi.json")
        finally:
            await postgres_server.start()
        assert described.status_code == 200
        process.http.stop()
        await serving
