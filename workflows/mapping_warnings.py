"""What is likely a slip in a mapping and does not keep it from being published: a segment that no customer is of."""

from enrollment.drafts import Finding, MappingDocument
from storage.pool import Connection
from storage.segments import has_segment, list_segments

__all__ = ["warnings_of"]

_NAMED = 5


async def warnings_of(connection: Connection, organization_id: str, document: MappingDocument) -> tuple[Finding, ...]:
    """Everything that whoever writes or publishes a mapping should look at again."""
    segment = document.segment
    if segment is None or await has_segment(connection, organization_id, segment):
        return ()
    known = await list_segments(connection, organization_id)
    meant = [one for one in known if one.strip().casefold() == segment.strip().casefold()]
    told = f"no customer has the segment {segment!r}, so it takes nobody: "
    if meant:
        told += f"did you mean {meant[0]!r}? It has to be written just so"
    elif known:
        named = ", ".join(map(repr, known[:_NAMED])) + (" and others" if len(known) > _NAMED else "")
        told += f"there are {named}"
    else:
        told += "no customer has a segment yet"
    return (Finding("segment", told),)
