"""The newest published version of each event type's schema. Written by `python -m schemas.publish`."""

from typing import Final

__all__ = ["PUBLISHED_VERSIONS"]

PUBLISHED_VERSIONS: Final[dict[str, int]] = {}
