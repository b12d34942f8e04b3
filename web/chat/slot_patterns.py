"""The patterns of slots: how people, accounts, cadences, steps, senders and reasons stand in a clause."""

import re
from typing import Final

from web.chat.words import POSSESSIVE

__all__ = [
    "AFTER_CADENCE",
    "ALL_CADENCES",
    "AT",
    "BEFORE_CADENCE",
    "BEFORE_NAMES",
    "CADENCE",
    "CADENCE_AND_ACCOUNT",
    "EVERYONE",
    "FROM",
    "LATER",
    "NOTE",
    "NO_CADENCE",
    "NO_END",
    "OF",
    "OFFICE",
    "PRONOUN",
    "PURPOSES",
    "SENDER",
    "SHE_IS_IN",
    "STARTING",
    "STEP",
    "THIS_ACCOUNT",
    "UNTIL",
    "VAGUE",
    "WHOSE",
]

CADENCE: Final = r"(?:cadences?|campaigns?|flows?|tracks?|drips?|plays?|playbooks?|programs?|journeys?)"
"""A pattern of the word for a cadence."""
PURPOSES: Final = (
    r"(?:renewals?|renew|welcome|onboarding|save|saves|upsell|up-sell|expansion|cross-sell|at-risk|win-back|winback)"
)
PRONOUN: Final = re.compile(
    r"(?:both )?(?:her|him|them|she|he|they|it|this|that|these|those|both|both of them|them both|them all|all of them|all three"
    r"|(?:this|that|the same|the) (?:person|stakeholder|guy|one|lady|woman|man)|(?:these|those|the same) (?:people|stakeholders)"
    r"|same person|herself|himself|themselves)(?: (?:both|all|two))?"
)
THIS_ACCOUNT: Final = re.compile(
    r"(?:this|that|the|the same|my|our) (?:account|customer|company|client|organi[sz]ation)"
)
EVERYONE: Final = re.compile(
    r"(?:everyone|everything|anyone|anybody|someone|somebody|all(?: of)?(?: (?:the|our|my))?(?: (?:stakeholders|people|users|folks|persons))?"
    r"|(?:every|each|any)(?: \w+)? stakeholder|the whole team|the (?:whole |entire )?(?:stakeholders|people|folks|team)|stakeholders"
    r"|people|folks|which (?:stakeholders|people)|any (?:stakeholders|people))(?: (?:over )?(?:at|from|of|in|with) (?P<at>.+))?"
    rf"|(?P<whose>.+) {POSSESSIVE} (?:(?:whole |entire )?team|stakeholders|people|folks)"
)
AT: Final = re.compile(
    r"(?P<who>.+?) (?:\( )?(?:over at|at|from|with) (?P<at>.+?)(?: \))?|(?P<who2>.+?) \( (?P<at2>.+?)(?: \))?"
)
FROM: Final = re.compile(r"(?:from|at|of|over at) (?=.)")
OF: Final = re.compile(r"(?P<who>.+?) of (?P<at>.+)")
OFFICE: Final = re.compile(r"(?:the|our|their)?.*\b(?:vp|head|director|chief|president|manager|lead|owner)\b.*")
WHOSE: Final = re.compile(rf"(?P<at>.+?) {POSSESSIVE} (?P<who>.+)")
BEFORE_NAMES: Final = re.compile(r"(?:the |our |my )?(?:stakeholders?|person|user|people|named|called) (?=.)")
ALL_CADENCES: Final = re.compile(
    rf"(?:all|every|everything|any and all|all of)(?: (?:the|of the|of|our|their|active|current|\S+ {POSSESSIVE}))*(?: {CADENCE})?|everything"
)
NO_CADENCE: Final = re.compile(
    rf"(?:(?:the|a|an|any|anything|something|this|that|it|there|our|my|some|one|current|active|existing|whatever|which|\S+ {POSSESSIVE}) ?)*(?:{CADENCE})?"
)
SHE_IS_IN: Final = re.compile(
    r"(?<=.) (?:that )?(?:she|he|they|it) (?:is|are)(?: currently| now)?(?: (?:in|on))?(?: now| currently)?$"
)
BEFORE_CADENCE: Final = re.compile(
    rf"(?:(?:the|our|my|a|an|this|that|their|your|current|(?:her|him|them|it) {POSSESSIVE}) )+(?=.)"
)
CADENCE_AND_ACCOUNT: Final = re.compile(rf"(?P<cadence>.*{CADENCE}) (?:over )?(?:at|for|with|of|from) (?P<at>.+)")
AFTER_CADENCE: Final = re.compile(
    rf"(?P<cadence>.+?) (?:{CADENCE}|one)(?: (?:that )?(?:she|he|they) (?:is|are) (?:in|on))?"
)
NOTE: Final = re.compile(
    r"(?<=.) (?:[,.!?-] )*(?:because(?: of)?|cause|cuz|bc|due to|given that|(?:since|as) (?=(?:she|he|they|it|we|i) )"
    r"|(?:with )?(?:the |a )?(?:note|reason|comment)(?: (?:is|that|:|saying))*|[,.-] (?=(?:ooo|out of (?:the )?office|on (?:leave|vacation|holidays?|pto|\w+ leave|a trip)|vacation|holidays?|pto|per|out sick|sick)(?: |$))|[,.!?-] (?=(?:she|he|they|we|i|them 's|him 's|her 's) )) ?"
    r"(?P<note>.+)$"
)
UNTIL: Final = re.compile(r"until|through|up to|for the")
NO_END: Final = re.compile(
    r"(?:^| )(?:,? ?(?:for now|for the time being|for the moment|until further notice|indefinitely|temporarily|for a time))(?= |$)"
)
VAGUE: Final = re.compile(
    r"(?:^| )for (?:a while|a bit|some time|a few (?:days|weeks|months)|several \w+|a little(?: while)?|some \w+)$"
)
STARTING: Final = re.compile(
    r"(?:starting|beginning|effective|kicking off|start|begin|as of|from|on|in)(?: (?:on|from|in|as of))?"
)
LATER: Final = re.compile(
    r"tomorrow|the day after tomorrow|next (?:week|month)|(?:next |on |this )?(?:monday|tuesday|wednesday|thursday|friday)"
)
NUMBER: Final = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
ORDINAL: Final = (
    r"(?:\d{1,3}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|final)"
)
STEP: Final = re.compile(
    r"(?<= )(?:(?:,|and|starting|beginning|start|begin|back|over|all over|again|right) )*(?:(?:at|from|on|with|to|in|onto) )?"
    rf"(?:(?:the )?(?:very )?(?:step|stage) (?:number |no )?(?P<number>{NUMBER})|(?:the )?(?:very )?(?P<nth>{ORDINAL}) step"
    r"|(?P<beginning>(?:from|at|to) (?:the )?(?:very )?(?:beginning|start|top|scratch|outset)))(?: again| over)?(?= |$)"
)
SENDER: Final = re.compile(
    r"(?:^|(?<= ))(?:(?:,|and) )?(?:"
    r"(?:with|using|use|under|having|make) (?P<one>.+?) (?:as|be|being|is) (?:the |its |her 's |him 's )?sender"
    r"|(?:with |using |and )?(?:the )?sender (?:is |being |as |: |should be |set to )?(?P<two>.+?)"
    r"|(?:and )?(?:sent|send|sending) (?:it )?(?:as|from|by) (?P<three>.+?)"
    r"|on behalf of (?P<four>.+?)"
    rf"|(?:from|under) (?P<five>.+?) {POSSESSIVE} (?:account|inbox|name|email|address)"
    r"|with (?P<six>.+?) sending)$"
)
