"""The loop against a real broker and a real database."""

from tests.consumers.conftest import Bus, Recorder, RunLoop, eventually, record_of


async def test_records_reach_the_handler_once_and_are_committed_afterwards(
    bus: Bus, run_loop: RunLoop, effects
) -> None:
    topic = await bus.topic(partitions=2)
    await bus.send(topic, *[record_of(f"a{n}") for n in range(50)], partition=0)
    await bus.send(topic, *[record_of(f"b{n}") for n in range(30)], partition=1)
    handler = Recorder((topic,))
    async with run_loop(handler) as running:

        async def committed() -> bool:
            return await bus.committed(running.group, topic) == {0: 50, 1: 30}

        await eventually(committed)
    rows = await effects()
    assert [row["event_id"] for row in rows if row["partition"] == 0] == [f"a{n}" for n in range(50)]
    assert [row["event_id"] for row in rows if row["partition"] == 1] == [f"b{n}" for n in range(30)]
