"""The patterns of what is said to a plan or to a question."""

import re
from typing import Final

__all__ = ["BEFORE", "NO", "PLACE", "POLITE_ALONE", "YES"]

YES: Final = re.compile(
    r"(?:(?:yes|y|yep|yeah|yup|yea|ja|sure|ok|okay|k|confirm|confirmed|correct|right|exactly|affirmative|absolutely|definitely|of course|do it|do that|do so"
    r"|go ahead|go for it|please do|proceed|sounds good|looks good|perfect|great|that is right|that is correct|that is fine|please|thanks|thank you|i confirm|i do|,|\.|!) ?)+"
)
POLITE_ALONE: Final = re.compile(r"(?:(?:please|thanks|thank you|great|perfect|,|\.|!) ?)+")
NO: Final = re.compile(
    r"(?:(?:no|n|nope|nah|nein|no way|cancel|cancel that|cancel it|never mind|nevermind|stop|abort|forget it|forget that|forget about it|do not|do not do it|do not do that"
    r"|nothing|neither|none|none of them|none of these|not now|wait|undo|leave it|please|thanks|thank you|,|\.|!) ?)+"
)
BEFORE: Final = re.compile(r"(?:no|yes|nope|ok|okay|sure|actually)(?: [,.;:!-])+ ")
PLACE: Final = re.compile(
    r"(?:i (?:mean|meant|choose|want|pick)|(?:the )?(?:option|number|choice|no)|#|it is|take|use|pick|choose|the) ?"
)
