"""Bugs of what is done and read at Salesloft."""

from tests.mutants.mutant import Mutant

__all__ = ["AT_SALESLOFT"]

_ENROLL = "tests/fulfillment/test_enroll.py"
_WORKER = "tests/fulfillment/test_worker.py"
_STEERING = "tests/fulfillment/test_steering.py"

AT_SALESLOFT = (
    Mutant(
        name="enroll-the-rejected",
        bug="a rejection is taken for an approval",
        path="consumers/decisions.py",
        old='"approved" if envelope.type == ENROLLMENT_APPROVED.name else "rejected"',
        new='"approved" if envelope.type else "rejected"',
        tests=("tests/integration/test_journey.py",),
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
        name="save-does-not-wait-for-removals",
        bug="the save cadence begins while somebody of the customer is still on the upsell cadence",
        path="fulfillment/holding.py",
        old="waits = risk is not None and risk > now and await holds.is_upsell_on_cadence(connection, customer)",
        new="waits = risk is not None and risk > now and customer is None",
        tests=("tests/fulfillment/test_arbitration.py",),
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
        path="sql/migrations/20261128000800_upsell_by_hand.sql",
        old="""\
p.asked_by IS NOT NULL AND (p.asked_until IS NULL OR p.asked_until > at))
    THEN 'requested_by_person'
  END
$$;

-- migrate:down
""",
        new="""\
p.asked_by IS NOT NULL AND p.asked_until > at + interval '1 day')
    THEN 'requested_by_person'
  END
$$;

-- migrate:down
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
        name="added-back-within-the-second",
        bug="whoever is added back at once cannot be told from the stay before, where the call is not answered",
        path="fulfillment/resuming.py",
        old="if left is not None and since < left.added_at + _TOLD_BY:",
        new="if left is not None and since < left.added_at - timedelta(days=1):",
        tests=("tests/fulfillment/test_steering_faults.py",),
    ),
    Mutant(
        name="a-page-not-found-is-a-membership-gone",
        bug="an HTML page for a path that is not there is taken for the end of a membership",
        path="salesloft_client/refusals.py",
        old="        kind = UnknownRoute if body is None else NotFound\n",
        new="        kind = NotFound\n",
        tests=("tests/fulfillment/test_steering_faults.py",),
    ),
    Mutant(
        name="done-in-another-team",
        bug="what was approved for one team is done in another one, whose ids happen to be the same",
        path="workflows/renewal.py",
        old="    if organization.connected and not enrollment.is_of(organization.team_id):\n",
        new="    if organization.connected and not enrollment.is_of(enrollment.team_id):\n",
        tests=("tests/fulfillment/test_teams.py",),
    ),
    Mutant(
        name="taken-off-in-another-team",
        bug="a team that does not know a membership seems to say that the person is off it",
        path="fulfillment/carrying.py",
        old="        if not enrollment.is_of(session.team_id):\n",
        new="        if not enrollment.is_of(enrollment.team_id):\n",
        tests=("tests/fulfillment/test_teams.py",),
    ),
    Mutant(
        name="read-back-in-another-team",
        bug="what a call did in one team is looked for in another, and not found",
        path="fulfillment/enroll.py",
        old="        if not enrollment.is_of(session.team_id):\n",
        new="        if not enrollment.is_of(enrollment.team_id):\n",
        tests=("tests/fulfillment/test_teams.py",),
    ),
    Mutant(
        name="tokens-of-another-team",
        bug="what is under way in one team goes on in another with that one's tokens",
        path="workflows/tokens.py",
        old="        if stored.team_id != self._team_id:\n",
        new="        if stored.team_name is None:\n",
        tests=("tests/fulfillment/test_teams.py",),
    ),
    Mutant(
        name="cadences-of-another-team",
        bug="cadences that were read of one team are kept as those of the one that was connected meanwhile",
        path="fulfillment/cadences.py",
        old="            await bench.hold_team(connection, session)\n",
        new="",
        tests=("tests/fulfillment/test_teams.py",),
    ),
    Mutant(
        name="changed-while-salesloft-is-asked",
        bug="what an approval is bound to is looked at before Salesloft is asked of the person, and not after",
        path="fulfillment/enroll.py",
        old="        if held is None and await has_changed(connection, enrollment, self._bench, now):\n",
        new="        if held is None and enrollment.execute_by < now:\n",
        tests=("tests/fulfillment/test_bound_facts.py",),
    ),
    Mutant(
        name="added-back-for-another-customer",
        bug="who comes to another customer while Salesloft is asked of them is added back",
        path="fulfillment/resuming.py",
        old="""\
            return Reason.STAKEHOLDER_LEFT
        stakeholder = StakeholderSnapshot.model_validate_json(row.data)
        refusal = await refused_elsewhere""",
        new="""\
            return None
        stakeholder = StakeholderSnapshot.model_validate_json(row.data)
        refusal = await refused_elsewhere""",
        tests=("tests/fulfillment/test_steering.py",),
    ),
    Mutant(
        name="erased-under-a-sync",
        bug="an erasure does not wait for what is being written down of somebody, and finds nothing to delete",
        path="sql/queries/directory.sql",
        old="data IS NOT NULL\nORDER BY stakeholder_id\nFOR SHARE\n",
        new="data IS NOT NULL\nORDER BY stakeholder_id\n",
        tests=("tests/fulfillment/test_people_sync.py",),
    ),
    Mutant(
        name="erased-under-a-poll",
        bug="the address of somebody who is erased while people are read is written down again",
        path="storage/activity_links.py",
        old="    rows = await queries.lock_linked_stakeholders(",
        new="    rows = await queries.linked_stakeholders(",
        tests=("tests/producers/test_activity_poller_people.py",),
    ),
)
