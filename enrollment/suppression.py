"""Whom an organization never contacts: addresses and domains on a list of its own."""

import re
from dataclasses import dataclass
from typing import Literal

from enrollment.consent import normalised_email

__all__ = ["NotSuppressible", "Suppressible", "listed_as", "suppressible"]

_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class NotSuppressible(Exception):
    """Neither an address nor a domain."""


@dataclass(frozen=True, slots=True, order=True)
class Suppressible:
    """What can be on the list, normalised. A domain stands for those below it, too."""

    kind: Literal["email", "domain"]
    value: str


def suppressible(typed: str) -> Suppressible:
    """What somebody means who types `ann@acme.example`, `acme.example` or `@acme.example`. Raises NotSuppressible."""
    value = normalised_email(typed) or ""
    local, at, domain = value.rpartition("@")
    if _DOMAIN.fullmatch(domain) is None or (local and any(sign.isspace() for sign in local)):
        raise NotSuppressible(f"{typed!r} is neither an address nor a domain")
    return Suppressible("email", value) if at and local else Suppressible("domain", domain)


def listed_as(email: str | None) -> list[Suppressible]:
    """Everything that, on the list, would concern this address."""
    address = normalised_email(email)
    if address is None:
        return []
    labels = address.rpartition("@")[2].split(".")
    domains = [".".join(labels[place:]) for place in range(len(labels) - 1)]
    return [Suppressible("email", address), *(Suppressible("domain", domain) for domain in domains)]
