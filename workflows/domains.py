"""Domains as they are compared: CSCX.AI and Salesloft both keep what somebody once typed, a whole URL at times."""

import re
from functools import lru_cache

__all__ = ["bare_domain", "spellings"]

_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}")


@lru_cache(maxsize=4096)
def bare_domain(text: str | None) -> str | None:
    """`acme.example` of `https://www.Acme.example/about`; None of what holds no domain."""
    if text is None:
        return None
    host = text.strip().lower().partition("://")[2] or text.strip().lower()
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].strip(".")
    host = host.removeprefix("www.")
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        return None
    return host if _DOMAIN.fullmatch(host) else None


def spellings(domain: str) -> list[str]:
    """How an account with this bare domain may have it written, the plain one first."""
    hosts = (domain, f"www.{domain}")
    return [*hosts, *(f"{scheme}://{host}{end}" for scheme in ("https", "http") for host in hosts for end in ("", "/"))]
