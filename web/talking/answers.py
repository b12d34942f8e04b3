"""Telling what is asked in the chat, out of what the API tells: in words, and with how fresh it is."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from enrollment.decide import OrganizationFacts
from enrollment.explain import ExplainedDecision
from enrollment.states import FINAL
from schemas.vocabulary import PURPOSE_OF_TRIGGER, EnrollmentState
from storage import cadences, looking, looking_approvals, naming
from storage.looking import EnrollmentRow, Filters, MembershipLook, UnitFilters
from storage.pool import Connection
from storage.stored_evaluations import About
from web.chat.book import Directory
from web.chat.intents import Topic
from web.chat.plans import ReadPlan
from web.chat.wording import fresh, listed, short_moment, spoken_day, spoken_moment
from web.talking.reasons import asked_by_hand, decided
from workflows.explaining import Explained, explain_evaluations

__all__ = ["HELP", "MEMBERSHIPS", "Answering", "read_until"]

HELP: Final = """\
You can ask, for example:
- Add Ann Lee to the renewal cadence
- Pause Ann until next Monday; resume her; skip her next step; remove her
- What cadence is Ann in?  Who is in the save cadence?
- Show Salesloft activity for Acme
- Why is Ann not in the save cadence?
- What waits for approval?
Whatever changes something is shown first, and done once you say yes."""
_MOST: Final = 20
_MOST_STAYS: Final = 200
MEMBERSHIPS: Final = ("memberships",)
_STREAMS: Final = {
    Topic.MEMBERSHIP: MEMBERSHIPS,
    Topic.MEMBERS: MEMBERSHIPS,
    Topic.EXPLAIN: MEMBERSHIPS,
    Topic.ACTIVITY: ("emails", "calls", "histories"),
}
"""What of Salesloft each answer rests on."""
_ON: Final = frozenset({"enrolled", "paused"})
_NOT_OVER: Final = [state.value for state in EnrollmentState if state not in FINAL]


class Answering:
    """Answers one organization's questions, within a transaction that changes nothing."""

    def __init__(
        self, connection: Connection, facts: OrganizationFacts, directory: Directory, now: datetime, zone: ZoneInfo
    ) -> None:
        self._connection = connection
        self._organization_id = facts.organization_id
        self._facts = facts
        self._directory = directory
        self._now = now
        self._zone = zone

    async def answer(self, plan: ReadPlan) -> tuple[str, ReadPlan]:
        """What is to be told, in some lines, and the plan with how fresh that is."""
        telling: dict[Topic, Callable[[ReadPlan], Awaitable[list[str]]]] = {
            Topic.MEMBERSHIP: self._membership,
            Topic.MEMBERS: self._members,
            Topic.ACTIVITY: self._activity,
            Topic.EXPLAIN: self._explained,
            Topic.APPROVALS: self._approvals,
            Topic.CADENCES: self._cadences,
        }
        tell = telling.get(plan.topic)
        if tell is None:
            return HELP, plan
        lines = await tell(plan)
        if plan.topic is Topic.CADENCES:
            catalogue = await cadences.catalogue_state(self._connection, self._organization_id)
            as_of = catalogue.read_at if catalogue is not None else None
        elif plan.topic in _STREAMS:
            as_of = await read_until(self._connection, self._organization_id, _STREAMS[plan.topic])
        else:
            return "\n".join(lines), plan
        return "\n".join([*lines, f"({fresh(as_of, self._now)})"]), plan.model_copy(update={"as_of": as_of})

    def _name(self, stakeholder_id: str) -> str:
        known = self._directory.stakeholder_by_id.get(stakeholder_id)
        return known.name if known is not None else stakeholder_id

    def _people(self, plan: ReadPlan) -> list[str]:
        of_accounts = [one.id for each in plan.customer_ids for one in self._directory.of_customer.get(each, ())]
        return list(dict.fromkeys([*plan.stakeholder_ids, *of_accounts]))

    async def _enrollments(self, stakeholder_id: str | None, cadence_id: int | None) -> list[EnrollmentRow]:
        filters = Filters(stakeholder_id=stakeholder_id, cadence_id=cadence_id, states=_NOT_OVER)
        question = looking.enrollments(self._organization_id, filters, limit=_MOST + 1, now=self._now)
        return await question.asked_of(self._connection)

    async def _stays(self, stakeholder_id: str | None, cadence_id: int | None) -> list[MembershipLook]:
        """Stays that somebody has made in Salesloft, which belong to no enrollment."""
        stays = looking.memberships(
            self._organization_id,
            stakeholder_id=stakeholder_id,
            cadence_id=cadence_id,
            on_cadence=True,
            limit=_MOST_STAYS,
        )
        return [one for one in await stays.asked_of(self._connection) if one.enrollment_id is None]

    async def _by_hand(self, stakeholder_id: str, cadence_ids: Sequence[int]) -> list[str]:
        stays = await self._stays(stakeholder_id, None)
        wanted = [one for one in stays if not cadence_ids or one.cadence_id in cadence_ids]
        return [f"{one.cadence_name or one.cadence_id} ({_stay(one)})" for one in wanted]

    async def _membership(self, plan: ReadPlan) -> list[str]:
        lines = []
        for stakeholder_id in self._people(plan)[:_MOST]:
            rows = await self._enrollments(stakeholder_id, None)
            wanted = [row for row in rows if not plan.cadence_ids or row.cadence_id in plan.cadence_ids]
            told = [f"{row.cadence_name or row.cadence_id} ({_standing(row, self._zone)})" for row in wanted]
            told += await self._by_hand(stakeholder_id, plan.cadence_ids)
            lines.append(f"{self._name(stakeholder_id)}: {listed(told) or 'in no cadence'}")
        return lines or ["Nobody is known there."]

    async def _members(self, plan: ReadPlan) -> list[str]:
        lines = []
        for cadence_id in plan.cadence_ids:
            rows = await self._enrollments(None, cadence_id)
            told = [f"{self._name(row.stakeholder_id)} ({_standing(row, self._zone)})" for row in rows[:_MOST]]
            stays = [one for one in await self._stays(None, cadence_id) if one.stakeholder_id is not None]
            told += [f"{self._name(str(one.stakeholder_id))} ({_stay(one)})" for one in stays[:_MOST]]
            more = " and more" if max(len(rows), len(stays)) > _MOST else ""
            lines.append(f"{self._cadence(cadence_id)}: {listed(told) or 'nobody'}{more}")
        return lines or ["Say in which cadence."]

    async def _activity(self, plan: ReadPlan) -> list[str]:
        people = self._people(plan)
        since = datetime.combine(plan.since, time(), self._zone) if plan.since is not None else None
        cadence_id = plan.cadence_ids[0] if len(plan.cadence_ids) == 1 else None
        question = looking.activity(
            self._organization_id, people, UnitFilters(cadence_id=cadence_id, since=since), limit=500
        )
        units = await question.asked_of(self._connection)
        if not units:
            return ["No activity is known."]
        counted = Counter(unit.metric.replace("-", " ") for unit in units)
        lines = [", ".join(f"{many} x {what}" for what, many in counted.most_common())]
        lines += [
            f"{short_moment(unit.occurred_to.astimezone(self._zone))} {self._name(unit.stakeholder_id)}:"
            f" {unit.metric.replace('-', ' ')}{' (maybe a machine)' if unit.confidence == 'low' else ''}"
            for unit in units[:_MOST]
        ]
        return lines

    async def _explained(self, plan: ReadPlan) -> list[str]:
        lines = []
        for stakeholder_id in self._people(plan)[:5]:
            about = About(stakeholder_id=stakeholder_id)
            found = await explain_evaluations(self._connection, self._organization_id, about, limit=10)
            name = self._name(stakeholder_id)
            told = [
                self._decided(one, decision, name)
                for one in found
                if one.explanation is not None
                for decision in one.explanation.decisions
                if decision.decision.stakeholder_id == stakeholder_id
                and (
                    not plan.purpose
                    or plan.purpose
                    == (
                        decision.decision.mapping.purpose
                        if decision.decision.mapping is not None
                        else PURPOSE_OF_TRIGGER[one.stored.trigger_type]
                    )
                )
            ]
            standing = await self._enrollments(stakeholder_id, None)
            coming = [row for row in standing if row.state not in _ON]
            on = [
                f"{row.cadence_name or row.cadence_id} ({_standing(row, self._zone)})"
                for row in standing
                if row.state in _ON
            ]
            now_on = listed(on + await self._by_hand(stakeholder_id, ()))
            if now_on or not coming:
                lines.append(f"{name} is {'in ' + now_on if now_on else 'in no cadence'}.")
            lines += [_coming(row, name, self._zone) for row in coming]
            by_hand = await self._asked_by_hand(standing, name)
            lines += by_hand + told[:5]
            if not by_hand and not told:
                which = f" for {plan.purpose}" if plan.purpose else ""
                kind = " of that kind" if plan.purpose else ""
                lines.append(
                    f"No decision about them is on record{which}: no trigger{kind} has come for their account."
                )
        return lines or ["Say about whom."]

    def _decided(self, one: Explained, explained: ExplainedDecision, name: str) -> str:
        customer = self._directory.customer_by_id.get(one.stored.customer_id)
        mapping = explained.decision.mapping
        return decided(
            explained,
            one.stored.trigger_type,
            one.stored.evaluated_at.astimezone(self._zone),
            name=name,
            customer=customer.name if customer is not None else one.stored.customer_id,
            cadence=self._cadence(mapping.cadence_id) if mapping is not None else "a cadence",
        )

    async def _asked_by_hand(self, standing: Sequence[EnrollmentRow], name: str) -> list[str]:
        rows = [row for row in standing if row.trigger_type is None]
        users = await naming.users(self._connection, self._organization_id, (row.requested_by_user for row in rows))
        return [
            asked_by_hand(
                row.requested_at.astimezone(self._zone),
                by=users.get(row.requested_by_user or "") or row.requested_by_user or "Somebody",
                name=name,
                cadence=str(row.cadence_name or row.cadence_id),
            )
            for row in rows
        ]

    async def _approvals(self, plan: ReadPlan) -> list[str]:
        customer_id = plan.customer_ids[0] if len(plan.customer_ids) == 1 else None
        rows = await looking_approvals.waiting(
            self._connection, self._organization_id, customer_id=customer_id, limit=_MOST
        )
        wanted = [row for row in rows if not plan.stakeholder_ids or row.stakeholder_id in plan.stakeholder_ids]
        return [
            f"{self._name(row.stakeholder_id)}, until {spoken_moment(row.expires_at.astimezone(self._zone))}"
            for row in wanted
        ] or ["Nothing waits for approval."]

    async def _cadences(self, plan: ReadPlan) -> list[str]:
        known = sorted(self._directory.cadence_by_id.values(), key=lambda one: one.name)
        wanted = [one for one in known if plan.purpose is None or plan.purpose in {each for each, _ in one.purposes}]
        return [f"{one.name} ({len(one.steps)} steps)" for one in wanted[:_MOST]] or ["The team has no such cadence."]

    def _cadence(self, cadence_id: int) -> str:
        known = self._directory.cadence_by_id.get(cadence_id)
        return known.name if known is not None else str(cadence_id)


async def read_until(connection: Connection, organization_id: str, streams: Sequence[str]) -> datetime | None:
    """Until when all of these were read of Salesloft; None where one never was to its end."""
    ends = await cadences.stream_ends(connection, organization_id)
    known = [at for stream in streams if (at := ends.get(stream)) is not None]
    return min(known) if len(known) == len(streams) else None


def _stay(stay: MembershipLook) -> str:
    at = f", step {stay.current_step} of {stay.steps}" if stay.current_step is not None and stay.steps else ""
    return f"put on it in Salesloft{at}"


def _standing(row: EnrollmentRow, zone: ZoneInfo) -> str:
    at = f", step {row.current_step} of {row.steps}" if row.current_step is not None and row.steps else ""
    ends = row.paused_until if row.state == "paused" else None
    until = f" until {spoken_moment(ends.astimezone(zone))}" if ends is not None else ""
    return f"{row.state}{until}{at}"


def _coming(row: EnrollmentRow, name: str, zone: ZoneInfo) -> str:
    """Where somebody stands for whom it was asked, and who is on the cadence no more than anybody else."""
    match row.state:
        case "requested":
            stands = f"waits for approval until {spoken_moment(row.expires_at.astimezone(zone))}"
        case "stale":
            stands = "to be approved again"
        case "failed":
            stands = "adding them failed"
        case "enrolling" | "unknown":
            stands = "being added"
        case _:
            stands = f"approved, to begin on {spoken_day(row.start_on)}"
    return f"{name} is not in {row.cadence_name or row.cadence_id} yet: {stands}."
