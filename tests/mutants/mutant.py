"""What a planted bug is."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DoesNotApply", "Mutant"]


class DoesNotApply(Exception):
    """The piece to replace is not in the file exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`bug` says what is wrong with the code then; `tests` are pytest's names of what must fail."""

    name: str
    bug: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]

    def plant(self, tree: Path) -> None:
        """Put the bug into a copy of the tree. Raises DoesNotApply."""
        file = tree / self.path
        file.write_text(self.mutated(file.read_text()))

    def mutated(self, source: str) -> str:
        """The file's text with the bug in it. Raises DoesNotApply."""
        found = source.count(self.old)
        if found != 1:
            raise DoesNotApply(f"{self.name}: its piece of {self.path} is there {found} times")
        return source.replace(self.old, self.new)
