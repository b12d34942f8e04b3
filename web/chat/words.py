"""An utterance as words: each with what was typed, what it is read as, and where it stood.

What is read is lower case, without contractions ("isn't" is two words), with possessives as a word of their own
(`'s`), and with the usual misspellings of the command's own words put right. What was typed stays as it was, for names
are cut from it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

__all__ = [
    "ARROW",
    "LONGEST",
    "MOST_WORDS",
    "POSSESSIVE",
    "QUOTED",
    "Word",
    "Words",
    "nearest_word",
    "normalise",
    "words_of",
]

LONGEST: Final = 400
"""Characters of an utterance that is read at all. A command with ten long names has half of them."""
MOST_WORDS: Final = 70
"""Words of an utterance that is understood: patterns take longer than in proportion to them."""
POSSESSIVE: Final = "'s"
ARROW: Final = "->"
QUOTED: Final = '"'
"""What a quoted word is read with in front, so that no pattern of a command takes it for a word of its own."""

_LIKE_ASCII: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u0060\u00b4\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | dict.fromkeys("\u2013\u2014\u2015\u2010\u2011", "-")
    | {"\u3001": ",", "\uff0c": ",", "\u3002": "."}
)
"""Quotes, dashes and stops of all kinds."""
_ABBREVIATIONS: Final = frozenset(
    re.findall(
        r"\w+", "dr mr mrs ms prof st jr sr jan feb mar apr jun jul aug sep sept oct nov dec inc corp co ltd llc"
    )
)
_PIECES: Final = re.compile(
    r"""
      "(?P<double>[^"]+)"
    | (?<![^\s(,:])'(?P<single>[^']+)'(?![^\s),.!?;:])
    | (?P<mail>[^\s,;:()<>"]+@[^\s,;:()<>"@]+\.[^\s,;:()<>"@.!?]+)
    | (?P<number>\d+(?:[./:-]\d+)+(?:am|pm)?)
    | (?P<arrow>[-=]+>|\u2192)
    | (?P<word>(?![-=]+>)[^\u2192\s,;:!?()\[\]{}<>"|=*#~^&+/…]+)
    | (?P<mark>[,;:!?()&+/])
    """,
    re.VERBOSE,
)
_READ_AS: Final[dict[str, str]] = {
    "dont": "do not", "don't": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "wasnt": "was not",
    "arent": "are not", "werent": "were not", "hasnt": "has not", "havent": "have not", "cant": "can not",
    "cannot": "can not", "can't": "can not", "wont": "will not", "won't": "will not", "shouldnt": "should not",
    "wouldnt": "would not", "couldnt": "could not", "ain't": "is not", "dnt": "do not", "donot": "do not",
    "shan't": "shall not", "mustnt": "must not", "neednt": "need not", "hadnt": "had not",
    "whats": "what is", "what's": "what is", "wat": "what", "wats": "what is", "wats's": "what is", "who's": "who is",
    "whos": "who is", "where's": "where is", "wheres": "where is", "when's": "when is", "why's": "why is",
    "how's": "how is", "hows": "how is", "that's": "that is", "there's": "there is", "it's": "it is", "she's": "she is",
    "he's": "he is", "let's": "let us", "lets": "let us", "here's": "here is", "everyone's": "everyone 's",
    "i'd": "i would", "i'll": "i will", "i'm": "i am", "i've": "i have", "we'd": "we would", "we'll": "we will",
    "we're": "we are", "we've": "we have", "they're": "they are", "they've": "they have", "you'd": "you would",
    "you're": "you are", "she'd": "she would", "he'd": "he would", "she'll": "she will", "he'll": "he will",
    "they'll": "they will", "wanna": "want to", "gonna": "going to", "gotta": "got to", "lemme": "let me",
    "pls": "please", "plz": "please", "plese": "please", "pleas": "please", "plase": "please", "pleae": "please",
    "thx": "thanks", "ty": "thanks", "tnx": "thanks", "u": "you", "w": "with", "w/": "with", "asap": "asap",
    "til": "until", "till": "until", "'til": "until", "untill": "until", "unti": "until", "unitl": "until",
    "untl": "until",
    "thru": "through", "teh": "the", "hte": "the", "ot": "to", "form": "from", "fro": "from", "tommorow": "tomorrow",
    "tomorow": "tomorrow", "tmrw": "tomorrow", "tommorrow": "tomorrow", "&": "and", "+": "and", "@": "at", "wk": "week",
    "wks": "weeks", "e-mail": "email", "e-mails": "emails", "mail": "email", "mails": "emails", "hers": "her 's",
    "everybody": "everyone", "all's": "all 's", "someones": "someone 's", "un-pause": "unpause",
    "un-enroll": "unenroll", "un-enrol": "unenroll", "unenrol": "unenroll", "enrol": "enroll", "enrole": "enroll",
    "re-start": "restart", "dis-enroll": "unenroll", "disenroll": "unenroll", "re-enroll": "reenroll", "hodl": "hold",
    "aad": "add", "addd": "add", "ad": "add", "sequence": "cadence", "sequences": "cadences",
    "contact": "stakeholder", "contacts": "stakeholders", "nd": "and", "adn": "and", "dosent": "does not",
}  # fmt: skip
_NOUNS: Final = ("cadence", "cadences", "activity", "salesloft", "approval", "approvals", "sender", "stakeholder")
# Of a pronoun, `'s` is a verb wherever no table says otherwise; of any other word it is a possessive.
_NOT_PART_OF_WORDS: Final = ".-:'"


@dataclass(frozen=True, slots=True)
class Word:
    """One word: as typed, as read, and from where to where it stood in the normalised utterance."""

    text: str
    read: str
    start: int
    end: int
    quoted: bool = False


class Words(tuple[Word, ...]):
    """Some words in their order, not necessarily neighbours."""

    __slots__ = ()

    @property
    def read(self) -> str:
        """All that is read, one space between two words; what was quoted stands as one word without spaces."""
        return " ".join(word.read for word in self)

    @property
    def typed(self) -> str:
        """What was typed: with the very spaces where the words were neighbours."""
        told, end = "", None
        for word in self:
            if word.read == POSSESSIVE and not told:
                continue
            told += word.text if end is None or word.start == end else f" {word.text}"
            end = word.end
        return told.strip(" ,")

    def cut(self, first: int, last: int) -> "Words":
        """Without the words from the first up to, and not with, the last."""
        return Words((*self[:first], *self[last:]))

    def at(self, start: int, end: int) -> tuple[int, int]:
        """Which words stand between two places of `read`: the first, and the one after the last."""
        position, first, last = 0, None, 0
        for index, word in enumerate(self):
            if first is None and position + len(word.read) > start:
                first = index
            if position < end:
                last = index + 1
            position += len(word.read) + 1
        return (len(self) if first is None else first), last

    def between(self, start: int, end: int) -> "Words":
        """The words between two places of `read`."""
        first, last = self.at(start, end)
        return Words(self[first:last])


_SIGNED: Final = re.compile(
    r"\n\s*(?:best|thanks|thank you|thx|cheers|regards|(?:best|kind|many) (?:regards|wishes|thanks)|br)[,.! ]*"
    r"\n[^\n]{0,60}\s*$",
    re.IGNORECASE,
)


def normalise(text: str) -> str:
    """One form for what looks alike: NFKC, plain quotes and dashes, single spaces, no invisible characters.

    Without the lines by which a letter is signed.
    """
    text = _SIGNED.sub("", text)
    seen = "".join(_visible(character) for character in text.translate(_LIKE_ASCII))
    seen = unicodedata.normalize("NFKC", seen).translate(_LIKE_ASCII)
    return " ".join("".join(_visible(character) for character in seen).split())


def words_of(text: str) -> Words:
    """The words of a normalised utterance. Signs without a letter or a digit (emoji) are left out."""
    return Words(_corrected(_words(text)))


def nearest_word(written: str, known: Iterable[str]) -> str | None:
    """The one known word that a misspelt one of at least four letters must be, None where none or several may be."""
    if len(written) < 4:
        return None
    most = 1 if len(written) < 9 else 2
    found: dict[str, int] = {}
    for word in known:
        distance = OSA.distance(written, word, score_cutoff=most)
        if distance <= most and len(word) >= 4:
            found[word] = distance
    best = min(found.values(), default=0)
    nearest = [word for word, distance in found.items() if distance == best]
    return nearest[0] if len(nearest) == 1 else None


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cf", "Cs", "Cn", "Co"}:
        return ""
    return " " if category == "Cc" or character.isspace() else character


def _words(text: str) -> Iterator[Word]:
    for piece in _PIECES.finditer(text):
        kind, typed = str(piece.lastgroup), piece.group(str(piece.lastgroup))
        start, end = piece.span(kind)
        if kind in {"double", "single"}:
            # One word, whatever it holds: never a command, and never cut.
            read = QUOTED + re.sub(r"\s+", "_", typed.strip().casefold())
            yield Word(typed.strip(), read, *piece.span(), quoted=True)
        elif kind == "mail" and typed.endswith("'s"):
            yield Word(typed[:-2], typed[:-2].casefold(), start, end - 2)
            yield Word("'s", POSSESSIVE, end - 2, end)
        elif kind in {"mail", "number"}:
            yield Word(typed, typed.casefold(), start, end)
        elif kind == "arrow":
            yield Word(typed, ARROW, start, end)
        elif kind == "mark":
            yield Word(typed, _READ_AS.get(typed, typed), start, end)
        else:
            yield from _word(typed, start)


def _word(typed: str, start: int) -> Iterator[Word]:
    """A word, its possessive and the full stop behind it."""
    stop = typed.endswith(".") and not (len(typed) == 2 or typed[:-1].casefold() in _ABBREVIATIONS or "." in typed[:-1])
    lead = len(typed) - len(typed.lstrip(_NOT_PART_OF_WORDS + "@"))
    bare = typed.strip(_NOT_PART_OF_WORDS).lstrip("@")
    if typed == "@" or not any(character.isalnum() for character in bare):
        if set(typed) <= {"-", "@"}:
            yield Word(typed, "at" if typed == "@" else "-", start, start + len(typed))
        return
    is_plural_possessive = typed.endswith("s'")
    start += lead
    end = start + len(bare)
    read = bare.casefold()
    if read in _READ_AS:
        first, *others = _READ_AS[read].split()
        yield Word(bare, first, start, end)
        yield from (Word("", other, end, end) for other in others)
    elif read.endswith("n't"):
        yield Word(bare[:-3], read[:-3], start, end - 3)
        yield Word(bare[-3:], "not", end - 3, end)
    elif read.endswith("'s"):
        yield Word(bare[:-2], read[:-2], start, end - 2)
        yield Word(bare[-2:], POSSESSIVE, end - 2, end)
    else:
        yield Word(bare, read, start, end)
        if is_plural_possessive:
            yield Word("'", POSSESSIVE, end, end + 1)
    if stop:
        yield Word(".", ".", end, end + 1)


def _corrected(words: Iterable[Word]) -> Iterator[Word]:
    """The command's own nouns put right, and possessive pronouns divided as names are: "his" is "him" and `'s`."""
    known = tuple(words)
    for index, word in enumerate(known):
        noun = None if word.quoted or word.read in _NOUNS or len(word.read) < 6 else nearest_word(word.read, _NOUNS)
        if noun is not None and word.read not in _NOT_MEANT:
            yield Word(word.text, noun, word.start, word.end)
        elif word.read in {"his", "their", "theirs"} or (word.read == "her" and _has_noun(known[index + 1 :])):
            yield Word(word.text, {"his": "him", "her": "her"}.get(word.read, "them"), word.start, word.end)
            yield Word("", POSSESSIVE, word.end, word.end)
        else:
            yield word


_NOT_MEANT: Final = frozenset({"gender", "fender", "render", "stakeholders", "approvers"})
_OWNED: Final = frozenset({
    "cadence", "cadences", "sender", "step", "steps", "email", "emails", "outreach", "activity", "pause", "hold",
    "status", "approval", "approvals", "enrollment", "next", "current", "reply", "replies", "history", "engagement",
    "renewal", "save", "welcome", "upsell",
})  # fmt: skip
_BETWEEN: Final = frozenset(
    {"to", "in", "into", "from", "on", "off", "for", "at", "until", "and", ",", "out", "through", "of"}
)


def _has_noun(following: Sequence[Word]) -> bool:
    """Whether "her" is a possessive: something that one has follows before anything that ends a noun."""
    for word in following[:5]:
        if word.read in _BETWEEN:
            return False
        if word.read in _OWNED:
            return True
    return False
