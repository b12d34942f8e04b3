"""Bugs of the HTTP API and the chat."""

from tests.mutants.mutant import Mutant

__all__ = ["IN_SERVING"]

IN_SERVING = (
    Mutant(
        name="a-tools-confirmation-sent-again-is-another-one",
        bug="what an assistant confirms twice is done twice",
        path="web/tools/protocol.py",
        old='self._caller.user_id, said.conversation or ""))',
        new="self._caller.user_id, self._correlation_id))",
        tests=("tests/web/test_tools.py",),
    ),
    Mutant(
        name="health-waits-for-the-routes",
        bug="nobody hears of a start's health before the API's routes are made",
        path="web/behind_health.py",
        old='        if scope.get("path") in pages:\n',
        new='        if opened.done() and scope.get("path") in pages:\n',
        tests=("tests/web/test_behind_health.py",),
    ),
    Mutant(
        name="another-site-may-change",
        bug="whatever another site makes a browser send is taken for its user's wish",
        path="web/browser.py",
        old="        if request.method in _SAFE:\n            return\n",
        new="        if request.method:\n            return\n",
        tests=("tests/web/test_session.py",),
    ),
    Mutant(
        name="a-callback-in-any-browser",
        bug="an authorization that somebody else began connects the reader's organization",
        path="web/connection.py",
        old="        if redeemed.browser is not None and",
        new="        if redeemed.browser is None and",
        tests=("tests/web/test_session.py",),
    ),
    Mutant(
        name="a-csm-decides-for-everybody",
        bug="a csm approves what concerns other csms' customers",
        path="workflows/answering.py",
        old="            elif approver.own_customers_only and",
        new="            elif not approver.own_customers_only and",
        tests=("tests/web/test_approvals.py",),
    ),
    Mutant(
        name="what-would-not-count-is-published",
        bug="a decision about other terms is answered as if it counted",
        path="workflows/answering.py",
        old="                refusal = ignored.because if ignored is not None else None\n",
        new="                refusal = ignored.because if ignored is None else None\n",
        tests=("tests/web/test_approvals.py",),
    ),
    Mutant(
        name="mappings-are-overwritten-unseen",
        bug="of two admins who change mappings at once the second overwrites what the first has done",
        path="workflows/mapping_sets.py",
        old="    if expected is not None and state_of(versions) != expected:\n",
        new="    if expected is not None and not state_of(versions):\n",
        tests=("tests/web/test_mapping_sets.py",),
    ),
    Mutant(
        name="a-conversation-of-anybody",
        bug="what was shown to one caller is confirmed by another",
        path="web/talking/talk.py",
        old="            if (kind, organization_id, user_id) == (_KIND, caller.organization_id, caller.user_id):\n",
        new="            if (kind, bool(organization_id), bool(user_id)) == (_KIND, True, True):\n",
        tests=("tests/web/test_talking.py",),
    ),
    Mutant(
        name="a-chat-that-does-not-ask",
        bug="a command of the chat is done without being shown",
        path="web/talking/talk.py",
        old="            case ChangePlan() as plan:\n                return",
        new="""\
            case ChangePlan() as plan:
                said = Turn(outcome=Confirmed(plan=plan), conversation=turn.conversation)
                return await self._outcome(said, caller, operation, correlation_id, zone, now)
                return""",
        tests=("tests/web/test_talking.py",),
    ),
    Mutant(
        name="people-cannot-be-taken-off-in-silence",
        bug="nobody hears of who should be off a cadence and is not",
        path="sql/queries/attention.sql",
        old="c.kind = 'remove' AND c.created_at <= :asked_before",
        new="c.kind = 'removed' AND c.created_at <= :asked_before",
        tests=("tests/fulfillment/test_attention.py",),
    ),
    Mutant(
        name="read-in-the-order-of-instants",
        bug="a back-test takes the order of two batches that met for that of their instants",
        path="enrollment/backtest.py",
        old="        return is_settled and last < evaluation_id\n",
        new="        return is_settled\n",
        tests=("tests/workflows/test_trying.py",),
    ),
    Mutant(
        name="anybody-stops-an-organization",
        bug="a csm or a viewer stops what others do",
        path="web/stops.py",
        old="    may_stop = having_role(callers, CallerRole.MANAGER, CallerRole.ADMIN)\n",
        new="    may_stop = having_role(callers, *CallerRole)\n",
        tests=("tests/web/test_stops.py",),
    ),
    Mutant(
        name="a-draft-is-overwritten-unseen",
        bug="of two admins who change one draft the second overwrites what the first has written",
        path="web/mapping_drafts.py",
        old="                await check_state(connection, caller.organization_id, mapping_id, expected)\n",
        new="                await check_state(connection, caller.organization_id, mapping_id, expected and None)\n",
        tests=("tests/web/test_mapping_drafts.py",),
    ),
    Mutant(
        name="a-trial-of-anybody",
        bug="what was tried for one caller is told to another one who has its id",
        path="web/jobs.py",
        old="        return found if found is not None and found.owner == owner else None\n",
        new="        return found\n",
        tests=("tests/web/test_mapping_trials.py",),
    ),
    Mutant(
        name="a-retry-that-asks-nothing",
        bug="somebody whom others have put on the cadence since is put through it twice",
        path="workflows/steering.py",
        old="    if await memberships.has_been_on_cadence(connection, enrollment):\n",
        new="    if enrollment.membership_id and await memberships.has_been_on_cadence(connection, enrollment):\n",
        tests=("tests/web/test_retrying.py",),
    ),
    Mutant(
        name="settings-are-overwritten-unseen",
        bug="of two admins who change settings at once the second overwrites what the first has done",
        path="workflows/organization_settings.py",
        old="    if expected is not None and expected != before.version:\n",
        new="    if expected is not None and expected > before.version:\n",
        tests=("tests/web/test_organization_settings.py",),
    ),
    Mutant(
        name="one-more-than-at-once",
        bug="a caller gets more than their rate",
        path="web/rate_limits.py",
        old="        if over > interval * 1e-6:\n",
        new="        if over > interval * 1.01:\n",
        tests=("tests/web/test_rate_limits.py",),
    ),
)
