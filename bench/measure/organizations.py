"""Organizations as they are after somebody connected them and published their mappings, without a Salesloft."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from bench.measure.load import OWNER_EMAIL
from enrollment.criteria import parse_criteria
from enrollment.mappings import CustomersOwner, Mapping, Policy
from schemas.vocabulary import PURPOSE_OF_TRIGGER, TriggerType
from storage import organizations
from storage.organizations import CadenceRecord, UserRecord
from storage.pool import Connection, Database, DatabaseOptions

__all__ = ["MAPPINGS_EACH", "prepare_organizations"]

_USER = 12
_CADENCES = {trigger: number for number, trigger in enumerate(TriggerType, 1)}
# For every trigger one for all segments and one for a segment of its own: the second is found for half the events.
_SEGMENTS = (None, "mid-market")
MAPPINGS_EACH = len(TriggerType) * len(_SEGMENTS)

# There is no Salesloft behind these organizations, so their connections are written as connecting would leave them.
_CONNECT = """
    INSERT INTO salesloft_connections (organization_id, team_id, status, status_since, credential_kind, connected_at)
    VALUES ($1, $2, 'connected', $3, 'api_key', $3)
"""


async def prepare_organizations(dsn: str, organization_ids: Sequence[str]) -> None:
    """Connected, each with four cadences, a sender and eight published mappings."""
    now = datetime.now(UTC)
    async with (
        Database.connected(DatabaseOptions(dsn=dsn)) as database,
        database.transaction() as connection,
    ):
        await organizations.ensure(connection, organization_ids, now)
        for team_id, organization_id in enumerate(organization_ids, 1):
            await connection.execute(_CONNECT, organization_id, team_id, now)
            await _keep_team(connection, organization_id, now)
            for trigger in TriggerType:
                for segment in _SEGMENTS:
                    await organizations.publish_mapping(
                        connection,
                        organization_id,
                        _mapping(trigger, segment),
                        cadence_name=trigger.value,
                        by="usr-1",
                        now=now,
                    )
            await organizations.advance_decision_version(connection, organization_id, now)


async def _keep_team(connection: Connection, organization_id: str, now: datetime) -> None:
    user = UserRecord(user_id=_USER, guid="guid-12", email=OWNER_EMAIL, name="Kim", active=True)
    await organizations.keep_users(connection, organization_id, [user], now)
    step = {"id": 77, "name": "First e-mail", "day": 1, "step_number": 1, "type": "email", "disabled": False}
    cadences = [
        CadenceRecord(
            cadence_id=number,
            name=f"Cadence {trigger.value}",
            people_addable=True,
            team_cadence=True,
            current_state="active",
            owner_user_id=_USER,
            steps=[step],
            record=b"{}",
        )
        for trigger, number in _CADENCES.items()
    ]
    await organizations.keep_cadences(connection, organization_id, cadences, now)


def _mapping(trigger: TriggerType, segment: str | None) -> Mapping:
    return Mapping(
        id=uuid4(),
        version=0,
        trigger_type=trigger,
        segment=segment,
        purpose=PURPOSE_OF_TRIGGER[trigger],
        cadence_id=_CADENCES[trigger],
        start_step_id=None,
        sender=CustomersOwner(),
        stakeholder_criteria=parse_criteria('{"field": "stakeholder.is_champion", "op": "equals", "value": true}'),
        customer_criteria=parse_criteria('{"field": "customer.health_score", "op": "lt", "value": 60}'),
        policy=Policy(),
        priority=100,
        exclusivity_group="default",
        enabled=True,
    )
