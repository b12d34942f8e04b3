"""Bugs of deciding, of approving and of what limits both."""

from tests.mutants.mutant import Mutant

__all__ = ["IN_DECIDING"]

_RUNS = "tests/workflows/test_mapping_runs.py"

IN_DECIDING = (
    Mutant(
        name="approve-another-question",
        bug="an approval counts for whatever the enrollment has become since",
        path="enrollment/approval.py",
        old="if request_digest != question.request_digest:",
        new="if not request_digest:",
        tests=("tests/enrollment/test_approval.py",),
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
        old="        if refusal is not None:\n            return refusal\n        fresh_since",
        new="        if refusal is Reason.OPTED_OUT:\n            return refusal\n        fresh_since",
        tests=("tests/fulfillment/test_limits.py",),
    ),
    Mutant(
        name="consent-of-one-stakeholder-alone",
        bug="who has said no as one stakeholder is written to as another with the same address or person",
        path="fulfillment/gates.py",
        old="        return Reason.OPTED_OUT\n    return None\n",
        new="        return None\n    return None\n",
        tests=("tests/fulfillment/test_consent.py",),
    ),
    Mutant(
        name="erased-while-salesloft-is-asked",
        bug="what Salesloft answers of somebody who was erased meanwhile is written down",
        path="fulfillment/enroll.py",
        old="        if consent is not Reason.ERASED:\n",
        new="        if consent is not None:\n",
        tests=("tests/fulfillment/test_consent.py",),
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
        name="upsell-by-hand-beside-risk",
        bug="whom a person adds for upsell goes on beside an open episode of risk",
        path="workflows/adding.py",
        old="is_upsell=is_for_upsell(wanted.addition.cadence_id, organization.mappings)",
        new="is_upsell=False",
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
        name="tell-again-and-again",
        bug="people are told of the same expiring request at every look",
        path="workflows/attention.py",
        old="        await attention.add(connection, matters, now)\n",
        new="",
        tests=("tests/fulfillment/test_attention.py",),
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
    Mutant(
        name="whoever-comes-from-another-customer-had-no-run",
        bug="who has moved is asked for a second time about the same run",
        path="workflows/situations.py",
        old="""\
        for one in candidates
    }
    runs = """,
        new="""\
        for one in candidates
        if one.row is None or one.row.customer_id == trigger.customer[1]
    }
    runs = """,
        tests=("tests/workflows/test_request.py",),
    ),
    Mutant(
        name="asked-for-twice-in-the-group-that-it-comes-to",
        bug="a renewed question moves to another group, in which the stakeholder has had this run already",
        path="workflows/renewal.py",
        old="if group != stale.exclusivity_group and await enrollments.is_run_used(connection, stale, group):",
        new="if not group:",
        tests=("tests/fulfillment/test_bound_facts.py",),
    ),
    Mutant(
        name="upsell-beside-save-that-may-be-back",
        bug="upsell goes on while a call is open that may have added save back, which is to leave",
        path="sql/queries/holds.sql",
        old="OR ((e.state = 'enrolled' OR (e.state = 'paused' AND e.intended_at IS NOT NULL)) AND EXISTS (",
        new="OR (e.state = 'enrolled' AND EXISTS (",
        tests=("tests/fulfillment/test_arbitration.py",),
    ),
    Mutant(
        name="added-back-without-what-was-approved",
        bug="whoever is added back after a pause gets the organization's fields instead of those that were approved",
        path="fulfillment/resuming.py",
        old='custom_fields=orjson.loads(enrollment.request)["action"]["custom_fields"],',
        new="custom_fields={},",
        tests=("tests/fulfillment/test_adding.py",),
    ),
    Mutant(
        name="left-one-left-all",
        bug="who has left one customer and is somebody at another is taken for gone there, too",
        path="sql/migrations/20261128001000_left_whom.sql",
        old=" AND (s.left_customer_id <> s.customer_id) IS NOT TRUE",
        new="",
        tests=("tests/workflows/test_outcomes.py",),
    ),
    Mutant(
        name="erased-where-they-are-alone",
        bug="who has moved stays on the former customer's cadence when they are erased",
        path="storage/enrollments.py",
        old='return {(row["organization_id"], row["customer_id"]) for row in rows}',
        new="return {row for row in rows if not row}",
        tests=("tests/workflows/test_snapshots.py",),
    ),
    Mutant(
        name="an-older-event-brings-the-erased-back",
        bug="an event from before an erasure, consumed after it, stores the name and the address again",
        path="workflows/situations.py",
        old="        _forget_erased(trigger, candidates)\n",
        new="        del trigger, candidates\n",
        tests=("tests/workflows/test_snapshots.py",),
    ),
    Mutant(
        name="an-erasure-looks-at-the-last-customer-alone",
        bug="what other customers' events say of somebody is still stored once they are erased",
        path="workflows/situations.py",
        old="    if elsewhere:\n",
        new="    if not elsewhere:\n",
        tests=("tests/workflows/test_snapshots.py",),
    ),
    Mutant(
        name="a-sync-brings-the-erased-back",
        bug="the address of somebody who was erased while a bulk job ran is written down again",
        path="fulfillment/people_sync.py",
        old="(await directory.read_stakeholders(connection, keys)).items() if row.data]",
        new="(await directory.read_stakeholders(connection, keys)).items()]",
        tests=("tests/fulfillment/test_people_sync.py",),
    ),
)
