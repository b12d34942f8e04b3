"""From a stakeholder's name to the two names that Salesloft has.

`nameparser` does the splitting: it knows particles (van der, de la, bin, and the Arabic بن), suffixes and titles, both
orders around a comma, and scripts whose names begin with the family's. What is ours is what to do where it has no
answer that Salesloft could use.
"""

import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from schemas.directory import StakeholderSnapshot

if TYPE_CHECKING:
    from nameparser import Parser

__all__ = ["split_name"]


def split_name(stakeholder: StakeholderSnapshot) -> tuple[str | None, str | None]:
    """First and last name: the given and the family name where they are known, else a split of the whole.

    Titles and suffixes are left out, for a greeting has neither; a middle name goes with the first. A single word is a
    first name, for a greeting needs one, unless a title before it says that it is the family's. An address in the
    name's place is no name.
    """
    given, family = _told(stakeholder.given_name), _told(stakeholder.family_name)
    whole = _told(stakeholder.name)
    if given is not None or family is not None or whole is None:
        return given, family
    return _split(whole)


@lru_cache(maxsize=4096)
def _split(whole: str) -> tuple[str | None, str | None]:
    if "@" in whole:
        return None, None
    name = _parser(is_cyrillic=_is_cyrillic(whole)).parse(whole)
    first, last = " ".join(filter(None, (name.given, name.middle))), name.family
    if not first and not last:
        # A word that can be a title alone ("Prince") is somebody's name here.
        return whole, None
    if not first and not name.title:
        # Written together ("李娜"): where it divides, only its bearer knows.
        return last, None
    return first or None, last or None


@cache
def _parser(*, is_cyrillic: bool) -> "Parser":
    # With its vocabularies it takes a twentieth of a start, and most names come in two parts already.
    from nameparser import Parser, PatronymicRule, Policy  # noqa: PLC0415 - see above

    if not is_cyrillic:
        return Parser()
    # "Иванов Иван Иванович" begins with the family name, which the patronymic at its end tells. Only where the name is
    # written so: in Latin letters the same ending is many a family's name.
    return Parser(policy=Policy(patronymic_rules=frozenset({PatronymicRule.EAST_SLAVIC})))


def _is_cyrillic(text: str) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    return bool(letters) and all(unicodedata.name(letter, "").startswith("CYRILLIC") for letter in letters)


def _told(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text is not None else None
