"""The four lifecycle events that may start a cadence: one shape, four kinds of trigger."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from schemas.directory import CustomerSnapshot, StakeholderSnapshot
from schemas.fields import Consumed, Id, Instant, Money, Text

__all__ = [
    "AtRisk",
    "AtRiskTrigger",
    "ExpansionSignal",
    "ExpansionSignalTrigger",
    "LifecycleEvent",
    "LifecycleTrigger",
    "NewCustomer",
    "NewCustomerTrigger",
    "RenewalWindow",
    "RenewalWindowTrigger",
]


def _each_once(stakeholders: list[StakeholderSnapshot]) -> list[StakeholderSnapshot]:
    if len({stakeholder.id for stakeholder in stakeholders}) != len(stakeholders):
        raise ValueError("a stakeholder is listed twice")
    return stakeholders


def _examples(trigger: dict[str, Any]) -> dict[str, Any]:
    return {
        "examples": [
            {
                "organization_id": "org-1",
                "customer": CustomerSnapshot.model_config["json_schema_extra"]["examples"][0],  # type: ignore[index]  # ours is a dict, never a callable
                "stakeholders": StakeholderSnapshot.model_config["json_schema_extra"]["examples"],  # type: ignore[index]  # as above
                "trigger": trigger,
            }
        ]
    }


class NewCustomerTrigger(Consumed):
    signed_at: Instant

    def business_key(self, customer_id: str) -> str:
        """A customer is new once."""
        return customer_id


class RenewalWindowTrigger(Consumed):
    contract_id: Id
    term_end: date
    days_to_renewal: Annotated[int, Field(ge=-36500, le=36500)] = Field(description="Days; negative when overdue.")

    def business_key(self, customer_id: str) -> str:  # noqa: ARG002  # the four triggers are asked alike
        """One run for each term of a contract."""
        return f"{self.contract_id}/{self.term_end.isoformat()}"


class AtRiskTrigger(Consumed):
    episode_id: Id
    severity: Text
    reasons: list[Text]

    def business_key(self, customer_id: str) -> str:  # noqa: ARG002  # the four triggers are asked alike
        """One run for each episode of risk."""
        return self.episode_id


class ExpansionSignalTrigger(Consumed):
    signal_id: Id
    kind: Text
    potential_arr: Money

    def business_key(self, customer_id: str) -> str:  # noqa: ARG002  # the four triggers are asked alike
        """One run for each signal."""
        return self.signal_id


LifecycleTrigger = NewCustomerTrigger | RenewalWindowTrigger | AtRiskTrigger | ExpansionSignalTrigger


class LifecycleEvent(Consumed):
    """What the four have in common. Without `stakeholders` the directory's are used."""

    organization_id: Id
    customer: CustomerSnapshot
    stakeholders: Annotated[list[StakeholderSnapshot], AfterValidator(_each_once)] | None = None
    trigger: LifecycleTrigger

    @property
    def business_key(self) -> str:
        """What makes this trigger's run unique within the organization."""
        return self.trigger.business_key(self.customer.id)


class NewCustomer(LifecycleEvent):
    """`ai.cscx.lifecycle.new-customer.v1`."""

    model_config = ConfigDict(json_schema_extra=_examples({"signed_at": "2026-11-20T15:04:05.000000Z"}))

    trigger: NewCustomerTrigger


class RenewalWindow(LifecycleEvent):
    """`ai.cscx.lifecycle.renewal-window.v1`."""

    model_config = ConfigDict(
        json_schema_extra=_examples({"contract_id": "con-5", "term_end": "2027-03-31", "days_to_renewal": 90})
    )

    trigger: RenewalWindowTrigger


class AtRisk(LifecycleEvent):
    """`ai.cscx.lifecycle.at-risk.v1`."""

    model_config = ConfigDict(
        json_schema_extra=_examples({"episode_id": "epi-2", "severity": "high", "reasons": ["usage fell by half"]})
    )

    trigger: AtRiskTrigger


class ExpansionSignal(LifecycleEvent):
    """`ai.cscx.lifecycle.expansion-signal.v1`."""

    model_config = ConfigDict(
        json_schema_extra=_examples({"signal_id": "sig-4", "kind": "seats_nearly_used", "potential_arr": "30000.00"})
    )

    trigger: ExpansionSignalTrigger
