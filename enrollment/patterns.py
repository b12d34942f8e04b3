"""Patterns that an organization writes, matched in a time that grows with the text alone.

Python's own engine tries one way after another: `(a+)+$` takes it minutes over forty letters, and a mapping is asked
for every candidate. RE2 walks the text once, and refuses what would need a way back: references to groups, looking
ahead and behind. Its words and digits are those of ASCII.
"""

import re
from collections.abc import Callable

import re2

__all__ = ["compile_pattern"]

_LONGEST = 500
_MEMORY = 1 << 20
# RE2 takes a number that it cannot read for letters; whoever wrote it did not mean those.
_HUGE_REPETITION = re.compile(r"\{\d*,?\d{5,}")


def _options() -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a text has the pattern somewhere, in any case. ValueError where the pattern is refused, with why."""
    if len(pattern) > _LONGEST:
        raise ValueError(f"a pattern has at most {_LONGEST} characters")
    if _HUGE_REPETITION.search(pattern):
        raise ValueError("a repetition is at most 1000 times")
    try:
        compiled = re2.compile(pattern, _options())
    except re2.error as error:
        told = error.args[0] if error.args else error
        raise ValueError(told.decode(errors="replace") if isinstance(told, bytes) else str(told)) from error
    # Bytes, because of a text the wrapper looks up where each character of the match begins.
    search = compiled.search
    return lambda text: search(text.encode(errors="surrogatepass")) is not None
