"""An organization's settings: what is fit, what is not, and what counts where nothing is chosen."""

from datetime import time, timedelta
from typing import Any

import pytest

from enrollment.organization_settings import OrganizationSettings, SettingsInvalid
from enrollment.working_time import QuietHours

NOTHING = OrganizationSettings()


def test_what_counts_where_nothing_is_chosen() -> None:
    assert (NOTHING.time_zone, NOTHING.working_time, NOTHING.poll_interval) == ("UTC", None, None)
    assert (NOTHING.self_approval_allowed, NOTHING.decided_on_our_page) == (False, True)
    assert NOTHING.embedding_origins == ()


def test_what_is_chosen() -> None:
    chosen = NOTHING.changed(
        {"time_zone": "Europe/Berlin", "quiet_hours": {"begins": "18:00", "ends": "08:00"}, "poll_interval_minutes": 15}
    )
    assert chosen.working_time is not None
    assert chosen.working_time.quiet_hours == QuietHours(begins=time(18), ends=time(8))
    assert len(chosen.working_time.days) == 7
    assert (chosen.time_zone, chosen.poll_interval) == ("Europe/Berlin", timedelta(minutes=15))
    assert OrganizationSettings.of(chosen.model_dump(mode="json") | {"person_fields": {}}) == chosen
    assert chosen.changed({"quiet_hours": None, "time_zone": None}).working_time is None
    assert chosen.changed({"time_zone": None}).time_zone == "UTC"
    origins = ["https://app.cscx.example", "https://xn--bcher-kva.example:8443", "http://localhost:3000"]
    assert list(chosen.changed({"embedding_origins": [*origins, origins[0]]}).embedding_origins) == origins
    weekdays = chosen.changed({"working_days": ["monday", "friday"]}).working_time
    assert weekdays is not None
    assert weekdays.days == ("monday", "friday")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Berlin"}, "time_zone: 'Berlin' is no name"),
        ({"time_zone": "../etc/passwd"}, "time_zone: "),
        ({"time_zone": 1}, "time_zone: "),
        ({"quiet_hours": {"begins": "18:00", "ends": "18:00"}}, "quiet_hours: quiet hours that end where they begin"),
        ({"quiet_hours": {"begins": "18:00"}}, "quiet_hours.ends: "),
        ({"working_days": []}, "working_days: "),
        ({"working_days": ["someday"]}, "working_days.0: "),
        ({"poll_interval_minutes": 4}, "poll_interval_minutes: "),
        ({"poll_interval_minutes": 24 * 60 + 1}, "poll_interval_minutes: "),
        ({"self_approval_allowed": "perhaps"}, "self_approval_allowed: "),
        ({"blackouts": [{"first": "2026-12-24", "last": "2026-12-20"}]}, "blackouts.0: a blackout ends"),
        ({"embedding_origins": ["https://app.cscx.example/"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["https://*.cscx.example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["https://App.cscx.example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["https://app..example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["https://me@app.cscx.example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["http://app.cscx.example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["http://localhost.example"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["https://app.cscx.example\n"]}, "embedding_origins.0: "),
        ({"embedding_origins": ["null"]}, "embedding_origins.0: "),
        (
            {"embedding_origins": ["https://app.cscx.example:443"]},
            "embedding_origins: 'https://app.cscx.example:443' is no",
        ),
        ({"embedding_origins": ["http://localhost:65536"]}, "embedding_origins: 'http://localhost:65536' is no origin"),
        ({"embedding_origins": [f"https://{n}.example" for n in range(21)]}, "embedding_origins: "),
        ({"quite_hours": None}, "there is no setting quite_hours; there are time_zone, quiet_hours"),
    ],
)
def test_what_is_not_fit_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        NOTHING.changed(changes)
    assert str(refused.value).startswith(said)


def test_what_was_stored_and_is_not_fit_any_more_counts_as_not_chosen() -> None:
    found = OrganizationSettings.of({"time_zone": "Mars/Olympus", "poll_interval_minutes": 15})
    assert (found.time_zone, found.poll_interval_minutes) == ("UTC", 15)
