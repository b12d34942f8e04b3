"""Hinted records where Salesloft does not narrow its list: the one thing that the simulator never does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from producers.streams.hinted import Hinted
from producers.streams.readers import readers
from salesloft_client import Batch, CursorPosition, Person
from storage.sync import SyncStream
from storage.webhooks import Hint
from workflows.activity_people import AddressDigests

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
READERS = readers(AddressDigests(b"a key of the tests"))


class Client:
    """Answers with these people, whichever were asked for, and counts the pages that it was asked for."""

    def __init__(self, *ids: int) -> None:
        self._ids = ids
        self.pages = 0
        self.asked: Any = None

    async def changes(self, _stream: Any, _since: Any, *, where: Any, **_: Any) -> AsyncIterator[Batch[Person]]:
        self.asked = where["ids[]"]
        for person_id in self._ids:
            self.pages += 1
            row = Person.model_validate({"id": person_id, "updated_at": NOW.isoformat()})
            yield Batch(rows=(row,), position=CursorPosition(updated_at=NOW))


async def fetched(client: Client, *ids: int) -> list[int]:
    nothing: Any = None
    hinted = Hinted(
        lease=nothing,
        client=client,  # type: ignore[arg-type]  # all of it that is used
        database=nothing,
        pages=nothing,
        readers=READERS,
        clock=nothing,
        backoff=nothing,
    )
    hints = [Hint(stream=SyncStream.PEOPLE, record_id=one, told=1, deleted=False, attempts=0) for one in ids]
    batches = await hinted._fetched(SyncStream.PEOPLE, READERS[SyncStream.PEOPLE], hints)
    return [row.id for batch in batches for row in batch.rows]


async def test_the_records_that_were_told_of_are_asked_for() -> None:
    client = Client(7, 8)
    assert await fetched(client, 8, 7, 9) == [7, 8]
    assert client.asked == [7, 8, 9]


async def test_a_list_that_is_not_narrowed_is_not_read_to_its_end() -> None:
    """It would be all that the team has, for the sake of one record, which the cursor brings as well."""
    client = Client(7, *range(100, 200))
    assert await fetched(client, 7) == []
    assert client.pages == 2
