"""Rows as dataclasses: by their columns' names, whatever the order, and with ids of the standard library's own kind."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from asyncpg.pgproto import pgproto

from storage.rows import rows_as


@dataclass(slots=True)
class Stay:
    id: UUID
    cadence_id: int
    enrollment_id: UUID | None


def test_columns_find_their_fields_by_name() -> None:
    id_, enrollment_id = uuid4(), uuid4()
    rows = [
        {"enrollment_id": pgproto.UUID(str(enrollment_id)), "id": pgproto.UUID(str(id_)), "cadence_id": 7, "beside": 1},
        {"enrollment_id": None, "id": pgproto.UUID(str(id_)), "cadence_id": 8},
    ]
    made = rows_as(Stay, rows)
    assert made == [Stay(id_, 7, enrollment_id), Stay(id_, 8, None)]
    # orjson takes no subclass of it.
    assert {type(made[0].id), type(made[0].enrollment_id)} == {UUID}
