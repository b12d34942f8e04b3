"""Bugs of taking records in and putting messages out."""

from tests.mutants.mutant import Mutant

__all__ = ["ON_THE_BUS"]

_LOOP = "tests/consumers/test_loop.py"
_RELAY = "tests/producers/test_outbox_relay.py"

ON_THE_BUS = (
    Mutant(
        name="commit-before-the-transaction",
        bug="offsets are committed to Kafka before the transaction that holds their records' effect",
        path="consumers/membership.py",
        old="""\
                settled = await asyncio.gather(*map(settler.settle, parts), return_exceptions=True)
                self._settled(batch, _all_of(settled))
                await self._commit()
""",
        new="""\
                self._settled(batch, Settlement())
                await self._commit()
                _all_of(await asyncio.gather(*map(settler.settle, parts), return_exceptions=True))
""",
        tests=(_LOOP,),
    ),
    Mutant(
        name="commit-what-was-fetched",
        bug="what came out of the client is committed, whether it was processed or not",
        path="consumers/positions.py",
        old="""\
            partition: state.applied
            for partition, state in self._partitions.items()
            if state.applied is not None and state.applied != state.committed
""",
        new="""\
            partition: state.taken
            for partition, state in self._partitions.items()
            if state.taken is not None and state.taken != state.committed
""",
        tests=("tests/consumers/test_positions.py", _LOOP),
    ),
    Mutant(
        name="a-lost-assignment-still-commits",
        bug="what was taken in an earlier assignment counts in the next one",
        path="consumers/positions.py",
        old="""\
        if epoch != self._epoch:
            return
        for partition, next_offset in next_offsets.items():
            state = self._partitions[partition]
""",
        new="""\
        for partition, next_offset in next_offsets.items():
            state = self._partitions.setdefault(partition, _Partition())
""",
        tests=("tests/consumers/test_positions.py",),
    ),
    Mutant(
        name="skip-the-inbox",
        bug="messages that were taken before are applied again",
        path="consumers/settling.py",
        old="fresh = [sound for sound in fresh if sound.mark.key not in marked]",
        new="fresh = [sound for sound in fresh if sound.mark.key]",
        tests=(_LOOP,),
    ),
    Mutant(
        name="a-dead-letter-leaves-a-mark",
        bug="the mark of a refused record stays, so that its replay is skipped",
        path="consumers/settling.py",
        old="await inbox.unmark(connection, self._group, keys)",
        new="await inbox.unmark(connection, self._group, keys[:0])",
        tests=(_LOOP,),
    ),
    Mutant(
        name="give-up-on-an-absent-database",
        bug="records that meet an absent database are put aside like broken ones",
        path="consumers/settling.py",
        old="""\
            except StorageUnavailable as error:
                outages += 1
                await self._wait_out(error, outages)
                continue
""",
        new="""\
            except StorageUnavailable:
                outages += 1
                waiting.pop()
                continue
""",
        tests=(_LOOP,),
    ),
    Mutant(
        name="a-hung-consumer-is-excused",
        bug="a consumer that can measure nothing any more is waited for for ever",
        path="consumers/watching.py",
        old="monotonic() - seen_at > self._options.lost_after:",
        new="monotonic() - seen_at > self._options.lost_after * 1000:",
        tests=("tests/consumers/test_lost_consumer.py",),
    ),
    Mutant(
        name="marked-sent-before-the-send",
        bug="outbox rows are marked as sent before Kafka has acknowledged them",
        path="producers/outbox_relay.py",
        old="""\
        report = await self._publish(rows, seconds)
        await self._mark()
""",
        new="""\
        async with bounded_transaction(self._database, options.statement) as connection:
            await relay.mark_sent(connection, rows)
        report = await self._publish(rows, seconds)
        self._acknowledged.clear()
""",
        tests=("tests/producers/test_outbox_relay_outages.py", _RELAY),
    ),
    Mutant(
        name="the-relay-ignores-lanes",
        bug="a relay publishes what another one holds the lease of",
        path="producers/outbox_relay.py",
        old="rows = await self._read(lanes, rows_per_lane)",
        new="rows = await self._read(frozenset(range(16)), rows_per_lane)",
        tests=(_RELAY,),
    ),
    Mutant(
        name="the-outbox-outside-the-transaction",
        bug="messages are stored before the rows that they tell about, in a transaction of their own",
        path="workflows/request.py",
        old="""\
        await enrollments.add(connection, writing.enrollments, now)
        await outbox.add(connection, writing.messages)
""",
        new="""\
        await outbox.add(connection, writing.messages)
        await connection.execute("COMMIT")
        await connection.execute("BEGIN")
        await enrollments.add(connection, writing.enrollments, now)
""",
        tests=("tests/workflows/test_request.py",),
    ),
    Mutant(
        name="a-silent-partition-silences-others",
        bug="where a whole round failed the same rows are read again, and those behind them never",
        path="producers/outbox_relay.py",
        old="                self._standstill.set_aside(failure.topic, partition, failure.keys)\n",
        new="                pass\n",
        tests=(_RELAY,),
    ),
    Mutant(
        name="a-part-ends-in-silence",
        bug="a part that is cancelled by nobody's wish ends the service as if it had been asked to stop",
        path="service/supervisor.py",
        old="        if unasked:\n",
        new="        if unasked and heart is None:\n",
        tests=("tests/service/test_supervisor.py",),
    ),
    Mutant(
        name="a-client-that-cancels-itself-takes-us-along",
        bug="what Kafka's client cancels of its own while it is closed passes for a wish to end the consumer",
        path="consumers/membership.py",
        old="            _, late = await asyncio.wait({closing}, timeout=self._options.drain_seconds)\n",
        new="            _, late = await closing, set()\n",
        tests=("tests/consumers/test_lost_consumer.py",),
    ),
)
