"""The patterns of what is said around a command, and of a reason that is said before it."""

import re
from typing import Final

__all__ = ["BEFORE", "BEHIND", "MINDING", "REVERSED", "STATED"]

BEFORE: Final = re.compile(
    r"(?:(?:hey|hi|hello|yo|ok|okay|so|well|um|uh|right|alright|great|thanks|thank you|please|kindly|also|and|then|next|now|actually|just|go ahead and|go ahead"
    r"|sure|perfect|hmm|there|team|bot|assistant|quick question|quick one|good morning|good afternoon|one more thing|fyi|oh|ah|again|btw|by the way|,|\.|!|:|-|\?|;"
    r"|(?:would|will) (?:you|u)(?: (?:please|just|kindly|maybe|perhaps|possibly|also|all))*(?= (?!mind )\w)|(?:can|could) (?:you|u|we|i|someone|somebody|anybody|anyone)(?: (?:please|just|kindly|maybe|perhaps|possibly|also|all))*(?= (?!mind )\w)"
    r"|(?:i|we) (?:want|need|would like|would love|have|wish|wanted|would want|ought) (?:you )?to(?= \w)|(?:i|we) (?:think|guess|believe) we should"
    r"|(?:we|you) (?:should|can|could|may|must)(?= \w)|let us|let me(?= (?:add|see|know))|would like to|want to|need to|try to|help me(?= \w)(?: to)?|make sure to|be sure to|remember to|time to"
    r"|(?:it would be|would be) (?:great|good|nice|lovely|awesome|helpful) (?:if|to)(?: (?:you|we) (?:can|could|would))?|if you (?:can|could|would)|is it possible to|would it be possible to"
    r"|do me a favor and|do you know|do we know|can you tell me|tell me|i would like to know|i want to know|i wonder|i am wondering|i was wondering|any idea|could you tell me|remind me|when (?:you|u) (?:have|get|find) a (?:moment|minute|min|sec|second|chance)|"
    r"let me know|just wondering|wondering|do you have any idea|i need to know) )+"
)
MINDING: Final = re.compile(r"(?:would|do) you mind (?=\w+ing )|how about (?=\w+ing )|what about (?=adding )")
BEHIND: Final = re.compile(
    r"(?: (?:,|please|thanks|thank you|thx|asap|(?<! for )now|right now|right away|immediately|for me|for us|if you can|if you could|if possible|when you can|when you get a chance"
    r"|when you have a (?:moment|minute|sec|second)|when possible|ok|okay|too|as well|also|instead|cheers|will you|would you|could you|can you|so much|a lot|very much|in advance"
    r"|have a nice day|have a great day|as soon as possible|at once|mate|buddy|kindly|[:;] [()]|\.|!|\?|;|-|:|real quick|quickly|if that is ok|if that is possible|many|or whatever (?:it is|its|it 's|that is) (?:called|named)))+$"
)
STATED: Final = re.compile(
    r"(?!(?:is|are|was|were|has|have|did|does|do|why|what|who|when|where|which|how|if|once|unless|until) )(?P<who>.+?) (?:already |just )?"
    r"(?:'s (?=(?:leaving|out|back|on|gone|away|sick|busy|travel\w+)(?: |$))|is|was|has|left|went|will be|just|wants|asked|got|said|moved|quit|renewed|signed|joined|resigned|retired|replied|churned|talked|spoke|answered|complained) .*"
)
REVERSED: Final = re.compile(r"(?:^| )(?:not|never|no|if|unless|should|would|could|might|may)(?= |$)")
