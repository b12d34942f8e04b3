"""How much is understood of what was written down before there was a grammar, and that none of it is done wrongly."""

from tests.web.chat.samples import NOW, slots_of, table
from web.chat.grammar import understand
from web.chat.intents import Change, Either, Intent, NotUnderstood, Read

HELD_OUT = list(table("held_out.txt"))


def told(intent: Intent) -> dict[str, str]:
    """An intent as the table writes it, which knows no names of choices or refusals."""
    if isinstance(intent, Either):
        return {"intent": "either"}
    return {"intent": "nothing"} if isinstance(intent, NotUnderstood) else slots_of(intent)


def plain(slots: dict[str, str]) -> dict[str, str]:
    """Without a reason, in lower case; of what is read, people and accounts are told apart by their names alone."""
    slots = {slot: value.casefold() for slot, value in slots.items() if slot != "note"}
    if slots["intent"] in {"add", "pause", "resume", "skip", "remove", "restart", "sender"}:
        return slots
    about = {part for slot in ("who", "at") for part in slots.pop(slot, "").split(", ")} - {"", "everyone"}
    return slots | {"about": ", ".join(sorted(about))}


def missed() -> list[tuple[str, dict[str, str], dict[str, str], Intent]]:
    found = []
    for slots, said in HELD_OUT:
        intent = understand(said, NOW)
        wanted, got = plain(slots), plain(told(intent))
        if wanted != got:
            found.append((said, wanted, got, intent))
    return found


def test_nearly_all_is_understood() -> None:
    assert len(HELD_OUT) >= 150
    assert 1 - len(missed()) / len(HELD_OUT) >= 0.95


def test_nothing_is_changed_that_was_not_said() -> None:
    for said, wanted, got, intent in missed():
        # Where it is taken for a change at all, it is the change that was meant, with a slot that nobody has or that is
        # asked for: never another action, and never other people.
        assert not isinstance(intent, Change) or wanted["intent"] == got["intent"], said
        assert isinstance(intent, Change | Read | Either | NotUnderstood)
