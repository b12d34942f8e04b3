"""Bugs that could be made here, each with the tests that have to notice it.

A mutant is one replacement of an exact piece of a file. Where that piece is gone the mutant no longer applies, which
`test_planted.py` says at once: a planted bug must not rot into one that is planted nowhere.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MUTANTS", "DoesNotApply", "Mutant"]


class DoesNotApply(Exception):
    """The piece to replace is not in the file exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`bug` says what is wrong with the code then; `tests` are pytest's names of what must fail."""

    name: str
    bug: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]

    def plant(self, tree: Path) -> None:
        """Put the bug into a copy of the tree. Raises DoesNotApply."""
        file = tree / self.path
        file.write_text(self.mutated(file.read_text()))

    def mutated(self, source: str) -> str:
        """The file's text with the bug in it. Raises DoesNotApply."""
        found = source.count(self.old)
        if found != 1:
            raise DoesNotApply(f"{self.name}: its piece of {self.path} is there {found} times")
        return source.replace(self.old, self.new)


_LOOP = "tests/consumers/test_loop.py"
_RELAY = "tests/producers/test_outbox_relay.py"
_ENROLL = "tests/fulfillment/test_enroll.py"
_WORKER = "tests/fulfillment/test_worker.py"
_STEERING = "tests/fulfillment/test_steering.py"
_RUNS = "tests/workflows/test_mapping_runs.py"

MUTANTS = (
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
        name="enroll-the-rejected",
        bug="a rejection is taken for an approval",
        path="consumers/decisions.py",
        old='"approved" if envelope.type == ENROLLMENT_APPROVED.name else "rejected"',
        new='"approved" if envelope.type else "rejected"',
        tests=("tests/integration/test_journey.py",),
    ),
    Mutant(
        name="approve-another-question",
        bug="an approval counts for whatever the enrollment has become since",
        path="enrollment/approval.py",
        old="if request_digest != question.request_digest:",
        new="if not request_digest:",
        tests=("tests/enrollment/test_approval.py",),
    ),
    Mutant(
        name="a-blind-retry-after-a-time-out",
        bug="a membership whose call was never answered is simply asked for again",
        path="fulfillment/enroll.py",
        old="            return await self._doubted(command, session, client)\n",
        new="            return await self._call(command, session, client, enrollment, present)\n",
        tests=(_ENROLL,),
    ),
    Mutant(
        name="a-blind-retry-after-a-death",
        bug="who takes over a dead worker's command calls again instead of reading back",
        path="fulfillment/enroll.py",
        old="case EnrollmentState.ENROLLING if enrollment.intended_at is not None:",
        new="case EnrollmentState.ENROLLING if enrollment.intended_at is not None and enrollment.id.int == 0:",
        tests=(_WORKER,),
    ),
    Mutant(
        name="no-consent-gate-after-the-upsert",
        bug="the record that the upsert brought back is not asked for consent",
        path="fulfillment/enroll.py",
        old="consent = await self._consent(connection, admitted, present)",
        new="consent: Consent | Reason = Consent.GRANTED",
        tests=("tests/fulfillment/test_consent.py",),
    ),
    Mutant(
        name="adopt-any-membership",
        bug="whatever membership the person has on the cadence is taken for the call's own",
        path="fulfillment/recording.py",
        old="return Ours(on_it) if _made_by(enrollment, on_it, intended_at) else Another(on_it.id)",
        new="return Ours(on_it)",
        tests=(_ENROLL,),
    ),
    Mutant(
        name="a-lease-that-fences-nothing",
        bug="a worker whose lease ran out still records what it did",
        path="storage/commands.py",
        old="    if position is None:\n        raise LeaseLost(",
        new="    if position == -1:\n        raise LeaseLost(",
        tests=(_WORKER,),
    ),
    Mutant(
        name="refresh-without-the-lock",
        bug="racing refreshes do not wait for each other, and do not see each other's tokens",
        path="sql/queries/connections.sql",
        old="""\
FROM salesloft_connections WHERE organization_id = :organization_id
FOR UPDATE
""",
        new="""\
FROM salesloft_connections WHERE organization_id = :organization_id
""",
        tests=("tests/workflows/test_session.py",),
    ),
    Mutant(
        name="a-state-is-good-twice",
        bug="a callback that comes again is taken again",
        path="sql/queries/authorizations.sql",
        old=" AND used_at IS NULL AND expires_at > :now",
        new=" AND expires_at > :now",
        tests=("tests/web/test_connection.py",),
    ),
    Mutant(
        name="a-forged-delivery-is-taken",
        bug="whoever knows a receiver's address may hint at records",
        path="web/webhooks.py",
        old="if receiver is None or not _is_salesloft(",
        new="if receiver is None or None is _is_salesloft(",
        tests=("tests/web/test_webhooks.py",),
    ),
    Mutant(
        name="another-teams-mapping-counts",
        bug="a mapping is taken for the connected team's, whichever team it was made for",
        path="storage/organizations.py",
        old='        parked=row["parked"],\n    )\n',
        new="        parked=False,\n    )\n",
        tests=("tests/workflows/test_connection.py",),
    ),
    Mutant(
        name="the-cursor-reads-gt",
        bug="changes are read from after the last timestamp seen, which loses the rest of those that share it",
        path="salesloft_client/cursor.py",
        old='("updated_at[gte]", timestamp(self.updated_from)),',
        new='("updated_at[gt]", timestamp(self.updated_from)),',
        tests=("tests/salesloft_client/test_cursor.py", "tests/producers/test_activity_poller.py"),
    ),
    Mutant(
        name="an-older-reading-counts",
        bug="a record that is not newer than the stored one is taken for news",
        path="activity/counters.py",
        old="if before is not None and record.updated_at <= before.updated_at:",
        new="if before is not None and record.updated_at == before.updated_at:",
        tests=("tests/activity/test_counters.py", "tests/workflows/test_activity.py"),
    ),
    Mutant(
        name="count-without-the-lock",
        bug="two workers at once each see room below a cap, and both take it",
        path="fulfillment/limits.py",
        old="        await policies.lock(connection, enrollment.organization_id, subjects, now)\n",
        new="        del subjects, now\n",
        tests=("tests/fulfillment/test_limits.py",),
    ),
    Mutant(
        name="quiet-hours-through-a-change-of-the-clock",
        bug="the hour at which quiet hours end is reckoned with the offset from before summer time",
        path="enrollment/working_time.py",
        old="        if changes is None:\n",
        new="        if changes is None or changes > at:\n",
        tests=("tests/enrollment/test_working_time.py",),
    ),
    Mutant(
        name="the-list-is-looked-at-once",
        bug="who is put on the list while Salesloft is asked about the person is enrolled all the same",
        path="fulfillment/enroll.py",
        old="        if await is_suppressed(connection, key[0], stakeholder):\n",
        new="        if row.data is None and await is_suppressed(connection, key[0], stakeholder):\n",
        tests=("tests/fulfillment/test_limits.py",),
    ),
    Mutant(
        name="publish-what-does-not-fit",
        bug="a draft is published although its examination speaks against it",
        path="workflows/mapping_versions.py",
        old="    if findings or document.cadence_id is None:\n",
        new="    if document.cadence_id is None:\n",
        tests=("tests/workflows/test_mapping_versions.py",),
    ),
    Mutant(
        name="a-plan-of-yesterday",
        bug="a plan is applied although what decides has moved since it was made",
        path="workflows/mapping_plans.py",
        old="        facts.organization_id,\n        facts.decision_version,\n",
        new="        facts.organization_id,\n",
        tests=("tests/workflows/test_mapping_plans.py",),
    ),
    Mutant(
        name="engagement-is-not-kept",
        bug="what was seen of somebody decides and is not stored with the evaluation",
        path="workflows/situations.py",
        old="    engagement = {one.stakeholder.id: one.engagement for one in situation.candidates"
        " if one.engagement is not None}\n",
        new="    engagement: dict[str, object] = {}\n",
        tests=("tests/workflows/test_engagement.py", "tests/workflows/test_explaining.py"),
    ),
    Mutant(
        name="erasure-leaves-engagement",
        bug="who is erased keeps the record of what was opened and answered",
        path="storage/erasure.py",
        old="    rows = await queries.drop_engagements(connection, **keys)\n",
        new="    rows: list[dict[str, str]] = []\n",
        tests=("tests/workflows/test_engagement.py", "tests/workflows/test_snapshots.py"),
    ),
    Mutant(
        name="no-working-time-at-the-claim",
        bug="an enrollment that was due in working time begins at night when it comes late",
        path="fulfillment/limits.py",
        old="    if rules is not None and reason is not None:\n",
        new="    if rules is not None and reason is not None and enrollment.expected_at is None:\n",
        tests=("tests/fulfillment/test_limits.py",),
    ),
    Mutant(
        name="nobody-counts-as-claimed",
        bug="when an enrollment was begun is not noted, so no cap is ever reached",
        path="sql/queries/enrollments.sql",
        old="CASE WHEN e.state = 'scheduled' AND m.state = 'enrolling' THEN :now ELSE e.claimed_at END",
        new="e.claimed_at",
        tests=("tests/fulfillment/test_limits.py",),
    ),
    Mutant(
        name="upsell-beside-risk",
        bug="an open episode of risk does not hold expansion back when it is decided",
        path="enrollment/decide.py",
        old="Reason.PREEMPTED if situation.held and situation.trigger_type",
        new="Reason.PREEMPTED if situation.held and situation.ended and situation.trigger_type",
        tests=("tests/fulfillment/test_arbitration.py",),
    ),
    Mutant(
        name="unknown-is-false",
        bug="`not` of a missing fact holds, so that people are asked for on what nobody knows",
        path="enrollment/criteria.py",
        old="            return lambda facts: None if (answer := inner(facts)) is None else not answer\n",
        new="            return lambda facts: not inner(facts)\n",
        tests=("tests/chaos/test_deciding.py",),
    ),
    Mutant(
        name="a-later-mapping-wins",
        bug="any-segment mappings are asked before those of the customer's own segment",
        path="enrollment/mappings.py",
        old="key=lambda m: (m.segment is None, m.priority, m.id)",
        new="key=lambda m: (m.segment is not None, m.priority, m.id)",
        tests=("tests/chaos/test_deciding.py",),
    ),
    Mutant(
        name="approved-is-good-whatever-changed",
        bug="an enrollment is carried out although what the approver saw is not so any more",
        path="fulfillment/gates.py",
        old="    if isinstance(found, Reason) or found.differences or now > enrollment.execute_by:\n",
        new="    if isinstance(found, Reason) or now > enrollment.execute_by:\n",
        tests=("tests/fulfillment/test_bound_facts.py",),
    ),
    Mutant(
        name="save-does-not-wait-for-removals",
        bug="the save cadence begins while somebody of the customer is still on the upsell cadence",
        path="fulfillment/holding.py",
        old="waits = risk is not None and risk > now and await holds.is_upsell_on_cadence(connection, customer)",
        new="waits = risk is not None and risk > now and customer is None",
        tests=("tests/fulfillment/test_arbitration.py",),
    ),
    Mutant(
        name="tell-again-and-again",
        bug="people are told of the same expiring request at every look",
        path="workflows/attention.py",
        old="        await attention.add(connection, matters, now)\n",
        new="",
        tests=("tests/fulfillment/test_attention.py",),
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
        name="a-run-asks-for-everybody",
        bug="a mapping that is run asks for everybody whom it fits, whatever it was told to ask for at most",
        path="enrollment/evaluate.py",
        old="            left -= 1\n            found.append(decision)\n",
        new="            found.append(decision)\n",
        tests=(_RUNS,),
    ),
    Mutant(
        name="a-run-takes-what-is-another-mapping-s",
        bug="where a mapping is run, what another mapping would ask for is asked for, too",
        path="enrollment/evaluate.py",
        old="        if decision.mapping is not None and decision.mapping.id != only.mapping_id:\n",
        new="        if decision.outcome is None:\n",
        tests=(_RUNS,),
    ),
    Mutant(
        name="a-run-begins-again-after-each-page",
        bug="a run does not keep how far it came, and looks at its first customers for ever",
        path="workflows/mapping_runs.py",
        old="            after_customer=customers[looked_at - 1],\n",
        new="            after_customer=run.after_customer,\n",
        tests=(_RUNS,),
    ),
    Mutant(
        name="a-move-is-not-carried-out",
        bug="nobody is taken off to go on elsewhere, because nothing holds them",
        path="fulfillment/pausing.py",
        old="(has_begun or pause.moved_by is not None)",
        new="has_begun",
        tests=(_STEERING,),
    ),
    Mutant(
        name="a-pause-by-hand-holds-nobody",
        bug="whoever somebody has paused is added back at the next look",
        path="sql/migrations/20261126000700_steering.sql",
        old="""\
      WHERE p.enrollment_id = e.id AND p.asked_by IS NOT NULL AND (p.asked_until IS NULL OR p.asked_until > at))
""",
        new="""\
      WHERE p.enrollment_id = e.id AND p.asked_by IS NOT NULL AND p.asked_until > at + interval '1 day')
""",
        tests=(_STEERING,),
    ),
    Mutant(
        name="asked-twice-done-twice",
        bug="what somebody asks again under the same id is done again",
        path="workflows/steering.py",
        old="        return await holds.held(connection, enrollment.id, now)\n    if not asked.note",
        new="    if not asked.note",
        tests=(_STEERING,),
    ),
    Mutant(
        name="a-run-reads-before-it-locks",
        bug="what a run reads is erased before it is decided on, and so is written down once more",
        path="workflows/mapping_runs.py",
        old="""\
    await directory.lock_customers(connection, [(run.organization_id, one) for one in customers])
    events = await _events(connection, run.organization_id, mapping, run.since, customers)
""",
        new="""\
    events = await _events(connection, run.organization_id, mapping, run.since, customers)
    await directory.lock_customers(connection, [(run.organization_id, one) for one in customers])
""",
        tests=(_RUNS,),
    ),
    Mutant(
        name="a-run-comes-back-as-if-an-event-had-come",
        bug="what a risk withdrew of a run is decided again for every mapping, without the run's limit",
        path="sql/queries/holds.sql",
        old="WHERE v.cause <> 'run' AND v.facts",
        new="WHERE v.facts",
        tests=(_RUNS,),
    ),
)
