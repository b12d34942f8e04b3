"""Whom and what a slot means among those who are handed in: one, several to choose from, or nobody and who is nearest.

Asked in this order, and the first that anybody answers to counts: the e-mail address, the whole name, a part of it (the
given name alone, "Ann L."), a name by which such a person is called ("Liz"), the initials, the title or the role, and
last a name written almost so. An umlaut may be spelt out ("Mueller"). Every word of a
slot must be found in a name: "Ann Smith" is never Ann Lee, nor is "Ann not". Where several answer, those of the account
that was said, or is being spoken of, go first, and one of them alone is it.

An index is made once of what an organization has (seconds for 50,000 people) and asked often (milliseconds).
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Generic, Protocol, TypeVar

from nicknames import NickNamer
from rapidfuzz import process
from rapidfuzz.distance import OSA

__all__ = ["Cadence", "Customer", "Found", "Index", "Resolution", "Stakeholder", "User", "folded", "purpose_of"]

MOST_CHOICES: Final = 6
_FOLDS: Final = str.maketrans(
    {"\u00df": "ss", "\u00f8": "o", "\u0142": "l", "\u0111": "d", "\u00e6": "ae", "\u0153": "oe", "\u00fe": "th"}
    | {"\u00f0": "d", "\u0131": "i", "'": "", "\u2019": "", ".": " "}
)
"""Letters that have no accent to be taken off, and signs within names."""
_LEGAL: Final = frozenset({
    "inc", "corp", "corporation", "co", "company", "llc", "ltd", "limited", "gmbh", "ag", "sa", "sas", "plc", "bv",
    "nv", "ab", "oy", "spa", "srl", "kg", "group", "holding", "holdings", "the",
})  # fmt: skip
_TITLES: Final = frozenset({"dr", "mr", "mrs", "ms", "miss", "mx", "prof", "professor", "sir", "herr", "frau"})
_FEWEST_LETTERS: Final = 4
_SPELT_OUT: Final = 5
_ALMOST: Final = 0.75


class Entity(Protocol):
    """Whatever can be looked for by name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakeholder:
    """A stakeholder as the chat looks for one; `role` is the platform's, such as `champion`."""

    id: str
    name: str
    customer_id: str
    email: str | None = None
    title: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An account of the organization."""

    id: str
    name: str
    domain: str | None = None
    segment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """A cadence of the connected team, with the purposes that published mappings give it: (purpose, segment or any)."""

    id: int
    name: str
    purposes: tuple[tuple[str, str | None], ...] = ()
    steps: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of Salesloft who may send."""

    id: int
    name: str
    email: str | None = None


Found = TypeVar("Found", bound=Entity)


@dataclass(frozen=True, slots=True)
class Resolution(Generic[Found]):
    """Exactly one in `found`: it is that. Several: one of them. None: nobody, and `near` may have been meant.

    `how` it was found: `email`, `name`, `part`, `called`, `initials`, `title` or `almost`; `more` is how many
    others there are.
    """

    found: tuple[Found, ...]
    how: str = ""
    near: tuple[Found, ...] = ()
    more: int = 0

    @property
    def one(self) -> Found | None:
        """The one that is meant, None where somebody has to be asked: also where only one is similar."""
        is_sure = len(self.found) == 1 and not self.more and self.how not in {"initials", "almost"}
        return self.found[0] if is_sure else None


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """What is compared of a name: no case, no accents, no signs, single spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", plain).casefold().translate(_FOLDS)
    kept = "".join(
        character if character.isalnum() else " " for character in plain if not unicodedata.combining(character)
    )
    return " ".join(kept.split()) or " ".join(text.casefold().split())


def _short(word: str) -> str:
    """With the umlauts of a folded word written as one letter: Mueller is as good as Müller."""
    return re.sub(r"(?<=.)([aou])e(?=.)", r"\1", word) if len(word) >= _SPELT_OUT else word


@lru_cache(maxsize=4096)
def _also_called(word: str) -> frozenset[str]:
    names = _nicknames()
    return frozenset(map(folded, names.canonicals_of(word) | names.nicknames_of(word)))


@cache
def _nicknames() -> NickNamer:
    return NickNamer()


class Index(Generic[Found]):
    """Those who can be meant, ready to be asked for. Answers are the same whatever the order in which they came."""

    def __init__(
        self,
        entities: Iterable[Found],
        *,
        emails: Callable[[Found], str | None] | None = None,
        titles: Callable[[Found], Iterable[str | None]] | None = None,
        key: Callable[[Found], str | int],
        legal: bool = False,
    ) -> None:
        self._all = sorted(entities, key=key)
        self._leave_out = _LEGAL if legal else frozenset()
        self._by_email: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_word: dict[str, set[int]] = defaultdict(set)
        self._by_title: dict[str, set[int]] = defaultdict(set)
        self._words: list[tuple[str, ...]] = []
        for position, entity in enumerate(self._all):
            words = tuple(folded(entity.name).split())
            self._words.append(words)
            for name in {" ".join(words), " ".join(sorted(self._bare(words)))}:
                self._by_name[name].append(position)
            for word in words:
                self._by_word[word].add(position)
                self._by_word[_short(word)].add(position)
            email = None if emails is None else emails(entity)
            if email:
                self._by_email[email.casefold()].append(position)
            for title in () if titles is None else titles(entity):
                for word in folded(title or "").split():
                    self._by_title[word].add(position)
        self._by_initial: dict[str, list[str]] = defaultdict(list)
        for word in sorted(self._by_word):
            self._by_initial[word[0]].append(word)

    def has_word(self, word: str) -> bool:
        """Whether a word is a part of anybody's name."""
        return folded(word) in self._by_word

    def resolve(
        self, text: str, first: Callable[[Found], bool] | None = None, *, only: bool = False
    ) -> Resolution[Found]:
        """Who is meant. Of several those go first for whom `first` holds; with `only` nobody else is meant at all."""
        asked = " ".join(text.split())
        words = tuple(folded(asked).split())
        if len(words) > 1 and words[0] in _TITLES and words[0] not in self._by_word:
            words = words[1:]
        ways: tuple[tuple[str, Callable[[], Iterable[int]]], ...] = (
            ("email", lambda: self._by_email.get(asked.casefold(), ())),
            ("name", lambda: self._named(asked, words)),
            ("part", lambda: self._partly(words)),
            ("called", lambda: self._called(words)),
            ("initials", lambda: self._initials("".join(words)) if self._is_letters(words) else ()),
            ("title", lambda: self._titled(words)),
            ("almost", lambda: self._almost(words)),
        )
        for how, find in ways:
            found = [self._all[position] for position in sorted(set(find()))]
            preferred = found if first is None else [one for one in found if first(one)]
            if only and first is not None:
                found = preferred
            if found:
                chosen = preferred or found
                return Resolution(tuple(chosen[:MOST_CHOICES]), how, more=max(len(chosen) - MOST_CHOICES, 0))
        return Resolution((), near=self._near(words, first if only else None))

    def _bare(self, words: Sequence[str]) -> list[str]:
        return [word for word in words if word not in self._leave_out] or list(words)

    def _named(self, asked: str, words: tuple[str, ...]) -> Iterable[int]:
        """The whole name, in either order of its parts. Of several those who are written just so."""
        found = self._by_name.get(" ".join(words), ()) or self._by_name.get(" ".join(sorted(self._bare(words))), ())
        if len(words) == 1 and not self._leave_out:
            # "Ann" may be all that there is of one name, and the given name of others.
            found = sorted({*found, *self._by_word.get(words[0], ())})
            return found if any(len(self._words[position]) == 1 for position in found) else ()
        exact = [position for position in found if self._all[position].name.casefold() == asked.casefold()]
        return exact or found

    def _partly(self, words: tuple[str, ...]) -> Iterable[int]:
        """Every word is a word of the name, or the initial of another one; letters alone are the name's initials."""
        words = tuple(self._bare(words))
        whole = [word for word in words if len(word) > 1 or word not in self._by_initial or word in self._by_word]
        if not whole:
            return ()
        found = set.intersection(*(self._worded(word) for word in whole))
        initials = [word for word in words if word not in whole]
        return [position for position in found if self._fits(position, whole, initials)]

    def _worded(self, word: str) -> set[int]:
        """Who has a word in their name, also where one of the two spells an umlaut out."""
        return self._by_word.get(word, set()) | self._by_word.get(_short(word), set())

    def _called(self, words: tuple[str, ...]) -> Iterable[int]:
        """Every word is one of the name, or what people are called whose name has such a word: Liz is an Elizabeth."""
        found = [self._worded(word).union(*map(self._worded, _also_called(word))) for word in words]
        return set.intersection(*found) if found else ()

    def _is_letters(self, words: Sequence[str]) -> bool:
        return all(len(word) == 1 for word in words) or (len(words) == 1 and 2 <= len(words[0]) <= 3)

    def _fits(self, position: int, whole: Sequence[str], initials: Sequence[str]) -> bool:
        left = list(self._words[position])
        for word in whole:
            match = next((other for other in left if word in {other, _short(other)} or _short(word) == other), None)
            if match is None:
                return False
            left.remove(match)
        for initial in initials:
            match = next((word for word in left if word.startswith(initial)), None)
            if match is None:
                return False
            left.remove(match)
        return True

    def _initials(self, letters: str) -> Iterable[int]:
        starting = (position for word in self._by_initial.get(letters[:1], ()) for position in self._by_word[word])
        return [
            one
            for one in set(starting)
            if "".join(word[0] for word in self._words[one]) == letters and len(letters) > 1
        ]

    def _titled(self, words: tuple[str, ...]) -> Iterable[int]:
        said = [word for word in words if word not in {"the", "our", "their", "of", "an", "a"}]
        if not said or not self._by_title:
            return ()
        return set.intersection(*(self._by_title.get(word, set()) for word in said))

    def _almost(self, words: tuple[str, ...]) -> Iterable[int]:
        """Those near by slips, as far as every word is a word of theirs, or almost so; not more than two in all."""
        words = tuple(self._bare(words))
        found: dict[int, int] | None = None
        for word in words:
            near = {
                position: slips
                for slips, other in sorted(self._like(word), reverse=True)
                for position in self._by_word[other]
            }
            found = near if found is None else {one: found[one] + near[one] for one in found.keys() & near.keys()}
        if not found:
            return ()
        # Somebody is asked in any case, so whoever is only a slip further away is shown, too.
        most = min(min(found.values()) + 1, 2)
        return [position for position, slips in found.items() if slips <= most]

    def _like(self, word: str) -> Iterable[tuple[int, str]]:
        if word in self._by_word:
            return [(0, word)]
        if len(word) < _FEWEST_LETTERS or word.isdigit():
            return ()
        most = 1 if len(word) < 6 else 2
        near = process.extract(word, self._alike(word), scorer=OSA.distance, score_cutoff=most, limit=50)
        return [(int(slips), other) for other, slips, _ in near]

    def _alike(self, word: str) -> Sequence[str]:
        # A first letter is seldom wrong, and names that differ in it alone (Lena, Rena) are two.
        return self._by_initial.get(word[:1], ())

    def _near(self, words: tuple[str, ...], among: Callable[[Found], bool] | None) -> tuple[Found, ...]:
        """Who may have been meant, the likeliest first: by words that are in the name, or resemble one of it."""
        scores: dict[int, float] = defaultdict(float)
        for word in words[:6]:
            if len(word) < 3:
                continue
            like = process.extract(
                word, self._alike(word), scorer=OSA.normalized_similarity, score_cutoff=_ALMOST, limit=10
            )
            for other, score, _ in like:
                for position in self._by_word[other]:
                    scores[position] += score
        ranked = sorted(scores, key=lambda position: (-scores[position], position))
        return tuple(one for one in (self._all[position] for position in ranked) if among is None or among(one))[:3]


PURPOSE_WORDS: Final = {
    "renewal": "renewal", "renewals": "renewal", "renew": "renewal", "welcome": "welcome", "onboarding": "welcome",
    "onboard": "welcome", "new customer": "welcome", "save": "save", "saves": "save", "at risk": "save",
    "rescue": "save",
    "retention": "save", "churn": "save", "win back": "save", "upsell": "upsell", "up sell": "upsell",
    "expansion": "upsell", "cross sell": "upsell", "expand": "upsell",
}  # fmt: skip


def purpose_of(text: str) -> str | None:
    """The purpose that a cadence is called by: "the renewal cadence", "at-risk"."""
    return PURPOSE_WORDS.get(re.sub(r"^(?:the|our) ", "", folded(text)))
