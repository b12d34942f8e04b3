"""From the mentions of an intent to people and accounts, or to the question that has to be asked first.

Unsettled   somebody has to be asked, or there is nothing that could be done
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from web.chat.book import Book
from web.chat.entities import Cadence, Customer, Found, Resolution, Stakeholder, User, purpose_of
from web.chat.intents import Change, Mention, Read
from web.chat.plans import Choice, Conversation, Question, Settled, Told

__all__ = ["Resolved", "Resolver", "Unsettled"]

MOST_PEOPLE: Final = 25
"""People that one command may change: more is a matter for a page, where all of them can be seen."""
_SINGULAR: Final = re.compile(r"(?i)(?:her|him|she|he|it|his|this|that|(?:this|that|the same|the) \w+)")
_ACCOUNT: Final = re.compile(r"(?i).*\b(?:account|customer|company|client|organi[sz]ation)")


class Unsettled(Exception):
    """A question, or what is said instead of a plan."""

    def __init__(self, outcome: Question | Told) -> None:
        super().__init__(outcome.text)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Resolved:
    """Whom an intent is about: people, and accounts as a whole."""

    people: tuple[Stakeholder, ...] = ()
    accounts: tuple[Customer, ...] = ()


class Resolver:
    """Finds what the slots of one intent mean, with what questions have settled of it."""

    def __init__(self, intent: Change | Read, settled: Settled, book: Book, conversation: Conversation) -> None:
        self._intent, self._settled, self._book, self._conversation = intent, settled, book, conversation
        self._directory = book.directory

    def about(self) -> Resolved:
        """All that are mentioned, each once. Raises Unsettled."""
        mentions = self._intent.people if isinstance(self._intent, Change) else self._intent.about
        people: dict[str, Stakeholder] = {}
        accounts: dict[str, Customer] = {}
        for index, mention in enumerate(mentions):
            found = self._mentioned(index, mention)
            people |= {one.id: one for one in found.people}
            accounts |= {one.id: one for one in found.accounts}
        if isinstance(self._intent, Change) and len(people) > MOST_PEOPLE:
            raise Unsettled(Told(text=f"That would be {len(people)} people; at most {MOST_PEOPLE} at once, please."))
        return Resolved(tuple(people.values()), tuple(accounts.values()))

    def cadence(self, text: str, person: Stakeholder | None) -> tuple[Cadence, ...]:
        """The cadence of that name, or those of that purpose: for a person the one of their account's segment.

        Raises Unsettled where there is none, and for a person where there are several.
        """
        settled = self._settled.cadences.get(person.id if person is not None else "*", self._settled.cadences.get("*"))
        if settled is not None and settled in self._directory.cadence_by_id:
            return (self._directory.cadence_by_id[settled],)
        purpose, named = purpose_of(text), self._directory.cadences.resolve(text)
        of_purpose = () if purpose is None else self._of_purpose(purpose, person)
        if named.how == "name":
            of_purpose = tuple({one.id: one for one in (*named.found, *of_purpose)}.values())
        found = of_purpose or (named.found if purpose is None else ())
        if person is None or (len(found) == 1 and (purpose is not None or named.one is not None)):
            if found:
                return found
        elif found:
            raise self._choose(
                f'Which cadence do you mean by "{text}"?', found, _cadence_label, self._with_cadence(person)
            )
        if purpose is not None:
            raise Unsettled(
                Told(text=f"No published mapping has a cadence for {purpose} here: say the cadence by its name.")
            )
        raise self._nobody("cadence", text, named.near, _cadence_label, self._with_cadence(person))

    def sender(self, text: str) -> User:
        """Who is to send; "me" is the caller's own user at Salesloft. Raises Unsettled."""
        users, settled = self._directory.user_by_id, self._settled.sender
        if settled is not None and settled in users:
            return users[settled]
        if text.casefold() in {"me", "myself", "i"}:
            text = self._book.caller.email or ""
            if not self._directory.users.resolve(text).found:
                raise Unsettled(Told(text="I know no user at Salesloft with your e-mail address."))
        found = self._directory.users.resolve(text)
        if found.one is not None:
            return found.one
        label = _user_label
        if found.found:
            raise self._choose(f'Who is to send: whom do you mean by "{text}"?', found.found, label, self._with_sender)
        raise self._nobody("sender", text, found.near, label, self._with_sender)

    def _of_purpose(self, purpose: str, person: Stakeholder | None) -> tuple[Cadence, ...]:
        cadences = sorted(self._directory.cadence_by_id.values(), key=lambda one: one.id)
        having = [(one, segment) for one in cadences for named, segment in one.purposes if named == purpose]
        if person is None:
            return tuple({one.id: one for one, _ in having}.values())
        customer = self._directory.customer_by_id.get(person.customer_id)
        own = None if customer is None else customer.segment
        exact = {one.id: one for one, segment in having if segment is not None and segment == own}
        return tuple((exact or {one.id: one for one, segment in having if segment is None}).values())

    def _mentioned(self, index: int, mention: Mention) -> Resolved:
        chosen = self._chosen(index)
        if chosen is not None:
            return chosen
        if mention.everyone:
            return self._whole(self._account(index, mention.at, refers=mention.refers))
        if mention.at is None:
            return self._referred(index, mention) if mention.refers else self._named(index, mention, None)
        titled = self._titled(mention)
        if titled is not None:
            return Resolved((titled,))
        return self._named(index, mention, self._account(index, mention.at, refers=False))

    def _chosen(self, index: int) -> Resolved | None:
        """Whom a question has settled on."""
        person = self._directory.stakeholder_by_id.get(self._settled.people.get(index, ""))
        if person is not None:
            return Resolved((person,))
        whole = self._directory.customer_by_id.get(self._settled.whole_accounts.get(index, ""))
        return None if whole is None else self._whole(whole)

    def _titled(self, mention: Mention) -> Stakeholder | None:
        """Who has the name, and as their title what stands where an account may: "Ann Lee (VP Engineering)"."""
        said = mention.at or ""
        if self._directory.customers.resolve(said).found or self._directory.people.resolve(said).how != "title":
            return None
        named = self._directory.people.resolve(mention.text)
        theirs = {one.id for one in self._directory.people.resolve(said).found}
        found = [one for one in named.found if one.id in theirs] if named.how in {"name", "part", "called"} else []
        return found[0] if len(found) == 1 else None

    def _whole(self, account: Customer) -> Resolved:
        if isinstance(self._intent, Read):
            return Resolved((), (account,))
        people = tuple(self._directory.of_customer.get(account.id, ()))
        if not people:
            raise Unsettled(Told(text=f"I know nobody at {account.name}."))
        return Resolved(people)

    def _referred(self, index: int, mention: Mention) -> Resolved:
        """Whoever was spoken of before."""
        if _ACCOUNT.fullmatch(mention.text):
            return self._whole(self._account(index, None, refers=True))
        known = [self._directory.stakeholder_by_id.get(one.id) for one in self._conversation.people]
        people = tuple(one for one in known if one is not None)
        if not people:
            raise Unsettled(Question(text=f'Whom do you mean by "{mention.text}"?', asks="people"))
        if len(people) > 1 and _SINGULAR.fullmatch(mention.text):
            raise self._choose(
                f'Whom do you mean by "{mention.text}"?', people, self._person_label, self._with_person(index)
            )
        return Resolved(people)

    def _named(self, index: int, mention: Mention, account: Customer | None) -> Resolved:
        spoken_of = (
            account.id if account is not None else self._conversation.customer and self._conversation.customer.id
        )
        first = None if spoken_of is None else (lambda one: one.customer_id == spoken_of)
        found = self._directory.people.resolve(mention.text, first, only=account is not None)
        if account is None:
            self._or_account(index, mention.text, found)
            customers = self._directory.customers.resolve(mention.text)
            if isinstance(self._intent, Read) and found.how == customers.how == "part":
                raise self._someone_or_account(index, mention.text, found.found, customers.found)
            if isinstance(self._intent, Read) and found.one is None and found.how not in {"email", "name", "part"}:
                if customers.one is not None:
                    return Resolved((), (customers.one,))
                if customers.found and not found.found:
                    raise self._choose(
                        f'Which account do you mean by "{mention.text}"?',
                        customers.found,
                        _account_label,
                        self._with_whole(index),
                    )
        if found.one is not None:
            return Resolved((found.one,))
        at = "" if account is None else f" at {account.name}"
        if found.found:
            more = f" ({found.more} more: say more of the name.)" if found.more else ""
            raise self._choose(
                f'Whom do you mean by "{mention.text}"{at}?{more}',
                found.found,
                self._person_label,
                self._with_person(index),
            )
        raise self._nobody(
            "stakeholder", f"{mention.text}{at}", found.near, self._person_label, self._with_person(index)
        )

    def _someone_or_account(
        self, index: int, text: str, people: Sequence[Stakeholder], accounts: Sequence[Customer]
    ) -> Unsettled:
        """A word that is a part of people's names and of accounts' alike."""
        named = [self._choice(self._person_label(one), self._with_person(index)(one)) for one in people]
        whole = [self._choice(f"the account {one.name}", self._with_whole(index)(one)) for one in accounts]
        return Unsettled(Question(text=f'Whom do you mean by "{text}"?', choices=(*whole, *named)))

    def _or_account(self, index: int, text: str, people: Resolution[Stakeholder]) -> None:
        """Raises Unsettled where an account is called so; for a reading only where somebody is as well."""
        account = self._directory.customers.resolve(text)
        if account.one is None or (account.how == "part" and people.found):
            return
        if isinstance(self._intent, Read):
            if people.one is not None:
                choices = (
                    self._choice(self._person_label(people.one), self._with_person(index)(people.one)),
                    self._choice(f"the account {account.one.name}", self._with_whole(index)(account.one)),
                )
                raise Unsettled(Question(text=f'Whom do you mean by "{text}"?', choices=choices))
            return
        there = self._directory.of_customer.get(account.one.id, [])
        if people.how in {"email", "name"} or not there:
            return
        everyone = self._choice(f"everyone at {account.one.name} ({len(there)})", self._with_whole(index)(account.one))
        named = [self._choice(self._person_label(one), self._with_person(index)(one)) for one in there[:5]]
        raise Unsettled(
            Question(text=f"{account.one.name} is an account. Whom there do you mean?", choices=(everyone, *named))
        )

    def _account(self, index: int, text: str | None, *, refers: bool) -> Customer:
        known = self._directory.customer_by_id.get(self._settled.accounts.get(index, ""))
        if known is not None:
            return known
        if text is None or refers:
            spoken_of = self._conversation.customer
            known = None if spoken_of is None else self._directory.customer_by_id.get(spoken_of.id)
            if known is None:
                raise Unsettled(Question(text="Which account do you mean?", asks="account"))
            if not refers:
                choice = self._choice(known.name, self._with_account(index)(known))
                raise Unsettled(Question(text="At which account?", choices=(choice,), asks="account"))
            return known
        found = self._directory.customers.resolve(text)
        if found.one is not None:
            return found.one
        if found.found:
            raise self._choose(
                f'Which account do you mean by "{text}"?', found.found, _account_label, self._with_account(index)
            )
        raise self._nobody("account", text, found.near, _account_label, self._with_account(index))

    def _choose(
        self, text: str, found: Sequence[Found], label: Callable[[Found], str], settle: Callable[[Found], Settled]
    ) -> Unsettled:
        return Unsettled(Question(text=text, choices=tuple(self._choice(label(one), settle(one)) for one in found)))

    def _nobody(
        self,
        kind: str,
        text: str,
        near: Sequence[Found],
        label: Callable[[Found], str],
        settle: Callable[[Found], Settled],
    ) -> Unsettled:
        known = f'I know no {kind} "{text}"'
        if not near:
            return Unsettled(Told(text=f"{known}: nothing was done."))
        return self._choose(f"{known}. Did you mean one of these?", near, label, settle)

    def _choice(self, label: str, settled: Settled) -> Choice:
        return Choice(label=label, intent=self._intent, settled=settled)

    def _person_label(self, one: Stakeholder) -> str:
        customer = self._directory.customer_by_id.get(one.customer_id)
        told = [one.title, customer.name if customer is not None else None]
        return f"{one.name} ({', '.join(part for part in told if part)})" if any(told) else one.name

    def _with_person(self, index: int) -> Callable[[Stakeholder], Settled]:
        return lambda one: self._settled.model_copy(update={"people": {**self._settled.people, index: one.id}})

    def _with_account(self, index: int) -> Callable[[Customer], Settled]:
        return lambda one: self._settled.model_copy(update={"accounts": {**self._settled.accounts, index: one.id}})

    def _with_whole(self, index: int) -> Callable[[Customer], Settled]:
        return lambda one: self._settled.model_copy(
            update={"whole_accounts": {**self._settled.whole_accounts, index: one.id}}
        )

    def _with_cadence(self, person: Stakeholder | None) -> Callable[[Cadence], Settled]:
        whose = "*" if person is None else person.id
        return lambda one: self._settled.model_copy(update={"cadences": {**self._settled.cadences, whose: one.id}})

    def _with_sender(self, one: User) -> Settled:
        return self._settled.model_copy(update={"sender": one.id})


def _account_label(one: Customer) -> str:
    return one.name if one.domain is None else f"{one.name} ({one.domain})"


def _cadence_label(one: Cadence) -> str:
    return one.name


def _user_label(one: User) -> str:
    return one.name if one.email is None else f"{one.name} ({one.email})"
