"""`organizations`, as an operator types it."""

import getpass

from tests.service.operating import Operator


async def test_from_choosing_to_what_was_chosen_before(operator: Operator) -> None:
    code, told = await operator.types("organizations", "show", "org-1")
    assert (code, "version 1" in told, "UTC (nothing chosen)" in told) == (0, True, True)
    assert await operator.types("organizations", "history", "org-1") == (0, "nothing was ever chosen")
    code, told = await operator.types(
        *("organizations", "set", "org-1", "time_zone=Europe/Berlin", "quiet_hours=18:00-08:00"),
        *("working_days=monday,tuesday", "poll_interval_minutes=15", "decided_on_our_page=false"),
        "embedding_origins=https://app.cscx.example,http://localhost:3000",
    )
    assert code == 0
    for shown in (
        "version 2",
        "Europe/Berlin",
        "18:00:00-08:00:00",
        '["monday","tuesday"]',
        "15",
        "false",
        "app.cscx.example",
    ):
        assert shown in told
    code, told = await operator.types("organizations", "set", "org-1", "quiet_hours=none", "--version", "2")
    assert (code, "quiet_hours │ none (nothing chosen)" in told) == (0, True)
    code, told = await operator.types("organizations", "history", "org-1")
    assert (code, told.count(getpass.getuser())) == (0, 2)
    assert "quiet_hours = none" in told
    code, told = await operator.types("audit", "list", "org-1")
    assert (code, told.count("settings.changed"), told.count("command_line")) == (0, 2, 2)


async def test_what_cannot_be_chosen_is_one_clear_line(operator: Operator) -> None:
    for change, said in (
        ("time_zone=Berlin", "SettingsInvalid: time_zone: 'Berlin' is no name of the IANA time zone database"),
        ("zone=UTC", "SettingsInvalid: there is no setting zone; there are time_zone,"),
        ("time_zone", "SettingsInvalid: 'time_zone' is no change: write NAME=VALUE"),
    ):
        code, told = await operator.types("organizations", "set", "org-1", change)
        assert (code, told.startswith(said)) == (1, True), told
    code, told = await operator.types("organizations", "set", "org-1", "poll_interval_minutes=15", "--version", "7")
    assert (code, told) == (1, "SettingsMoved: the settings of org-1 are in version 1: look at them again")


async def test_what_the_commands_of_connections_were_called_before_still_works(operator: Operator) -> None:
    assert await operator.types("organizations", "status", "org-1") == (1, "org-1 was never connected")
    assert "rotate-keys" not in (await operator.types("organizations", "--help"))[1]
