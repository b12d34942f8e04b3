"""The patterns of what asks or is to be shown. Nothing that they take changes anything, so they may take more than commands do."""

import re
from typing import Final

from web.chat.intents import Topic
from web.chat.slot_patterns import CADENCE, PURPOSES

__all__ = [
    "ACTIVITY",
    "AT_END",
    "COMPILED",
    "DID",
    "HELP",
    "IN_CADENCE",
    "IS",
    "SHOWING",
    "SHOWN_QUESTION",
    "WHERE_IN",
    "WHY",
    "WHY_BY_US",
]

AT_END: Final = re.compile(
    r"(?: (?:,|or not|yet|anymore|any more|right now|now|currently|at the moment|already|too|still|at all|so far|again|lately|recently|actually|these days"
    r"|in salesloft|on salesloft|from salesloft|cadence-wise|cadence wise|please|for me|exactly|either|as well))+$"
)
CADENCES: Final = rf"(?:active )?{CADENCE}"
ACTIVITY: Final = (
    r"(?:activit(?:y|ies)|engagements?|history|timeline|touch(?:es|points)?|emails?|calls?|repl(?:y|ies)|opens?|clicks?|interactions?|responses?"
    r"|messages|news|updates?|outreach|bounces?|unsubscribes?|email activity)"
)
DID: Final = (
    r"(?:repl(?:y|ies|ied)|respond(?:s|ed)?|answer(?:s|ed)?|open(?:s|ed)?|click(?:s|ed)?|read|bounced?|unsubscribed?|engaged?|engaging|contact(?:ed)?"
    r"|stakeholder|email(?:s|ed)?|call(?:s|ed)?|sent|get|got|receive[ds]?|heard?|hear|written|write|wrote|react(?:ed)?|interact(?:ed)?|doing|up to"
    r"|responsive|opted|viewed?|look(?:ed)?|seen?|respond|back)"
)
STATE: Final = (
    r"(?:paused|on hold|on pause|removed|enrolled|added|put|placed|active|finished|completed|done|resumed|scheduled|started|moved|skipped|in|on|part of|"
    r"going|still|not|currently|being|getting|already|belong|enter|entered|join|joined|get|start|finish|complete|leave|left|taken|off|out|at step|now|"
    r"waiting|stuck|held|blocked|excluded|rejected|suppressed|deferred|eligible|never|ever|no|missing|kept|dropped|unenrolled|also|receiving|be|been|"
    r"included|invited|assigned|approved|denied|failed|stopped|stale|ready|due|next|pending|through|supposed|restarted|getting|stay|come|go|went|allowed|yet)"
)
WHY: Final = re.compile(
    r"(?:why|how come|explain why|for what reason|(?:what is|what was|explain|what are|tell me) (?:the )?reasons?(?: why| that)?|(?:explain|reasons?) (?:why )?)"
    rf"(?: (?:is|are|was|were|did|does|do|has|have|had|should|would|could|can|will))?(?: not)? (?P<who>.+?)(?: (?:is|was|are|were|did|does|has|have|had|got))? (?P<rest>{STATE}(?: .*)?)"
)
WHY_BY_US: Final = re.compile(
    r"(?:why|how come)(?: (?:did|do|does|can|could|will|would|should|was|were|is|are))?(?: not)? (?:i|we|you|it|nobody|the (?:system|service))"
    r"(?: not)? (?:allowed to )?(?:add|added|enroll|enrolled|put|include|included|request|requested|ask for|asked for)"
    r" (?P<who>.+?)(?: (?P<rest>(?:to|in|into|on|onto) .+))?"
)
"""Why it was done, or was not, with who would have done it: "why can't I add Ann to the save cadence?"."""
IS: Final = re.compile(
    r"(?:is|are|was|were|has|have|had|did|does|do|will|should|can|could|would)(?: not)? (?P<who>.+?) "
    rf"(?P<rest>(?:{STATE}|{DID})(?: .*)?)"
)
WHERE_IN: Final = re.compile(
    r"(?:.* )?(?:in|into|to|on|onto|from|out of|off|for|through|part of|off of) (?P<cadence>.+)"
)
IN_CADENCE: Final = re.compile(
    rf"(?:.* )?(?:in|into|to|on|onto|from|out of|off|for|through|of) (?P<cadence>.+ {CADENCE}|{PURPOSES})(?: .*)?"
)
Reader = tuple[Topic, tuple[str, ...]]
PATTERNS: Final[tuple[Reader, ...]] = (
    (
        Topic.EXPLAIN,
        (
            r"what (?:is|was|has been) (?:keeping|blocking|stopping|preventing|holding|excluding) (?P<who>.+?) (?:out of|from|off|back from|up from|up in|in) (?:being (?:in|added to) |getting (?:in|into) |joining |entering )?(?P<cadence>.+)",
            r"what (?:(?:is|was|has been) (?:keeping|blocking|stopping|preventing|holding)|kept|blocked|stopped|keeps|blocks|stops) (?P<who>.+?)(?: (?:back|up|out))?",
            r"why no (?P<cadence>.+?) for (?P<who>.+)",
            r"why (?:do|did) (?:not )?(?:we|you) (?:have|get) (?P<who>.+?) (?:in|on|into) (?P<cadence>.+)",
            r"how (?:did|has|does) (?P<who>.+?) (?:end up|ended up|come to be|get|got|land|landed) (?:in|on|into) (?P<cadence>.+)",
            r"why (?:did|do|have|would) (?:we|you|i|it|they|the system|salesloft|somebody|someone)(?: not)? (?:skip|pause|remove|add|enroll|exclude|stop|hold|drop|skipped|paused|removed|added|enrolled|put|take|choose|pick)(?: back| off| out)? (?P<who>.+?)(?: (?:to|from|in|into|on|out of) (?P<cadence>.+))?",
            r"what happened (?:to|with) (?P<who>.+?) 's (?:(?P<cadence>.+?) )?(?:cadence|enrollment|approval|request)",
            r"(?:explain|what is the reason for|why|reason for) (?P<who>.+?) 's (?:(?P<cadence>.+?) )?(?:decision|enrollment|status|pause|removal|cadence)",
            r"(?:explain|reason for) (?:the )?(?:(?P<cadence>.+?) )?decision (?:for|on|about) (?P<who>.+)",
            r"should (?P<who>.+?) (?:not )?(?:be|go) (?:in|on|into) (?P<cadence>.+)",
            r"can (?P<who>(?!you |we |i ).+?) (?:be added|be enrolled|go|be put|be) (?:to|in|into|on|onto) (?P<cadence>.+)",
            r"could (?P<who>(?!you |we |i ).+?) (?:go|be) (?:in|into|on|onto) (?P<cadence>.+)",
            r"explain (?P<who>(?!why |the ).+)",
            r"(?:is|are) (?P<who>.+?) eligible for (?P<cadence>.+)",
        ),
    ),
    (
        Topic.APPROVALS,
        (
            r"(?:what |which |all |any |the |my |our |open |pending |waiting |outstanding |current )*approvals?(?: requests?)?(?: (?:that are |are |is )?(?:waiting|pending|open|outstanding|queue|list|needed|left|do i have|do we have|have i got|are there))*(?: (?:for|at|from|of|on) (?P<about>.+))?",
            r"(?:is|are|do we have|do i have|have i got|have we got|are there|is there)(?: any| there any)? (?:open |pending |outstanding )?approvals?(?: requests?)?(?: (?:waiting|pending|open|left))*(?: (?:for|at|of) (?P<about>.+))?",
            r"(?:what|which|who|how many|anything|is anything|is there anything|are there any)(?: (?:approvals?|requests?|enrollments?))*(?: (?:is|are|do i have|do we have|still|currently|there))*(?: (?:waiting|pending|open|outstanding|left))+(?: (?:for|on) (?:my |our |an |the )?approvals?| to be approved| for me| on me| for a decision)?(?: (?:for|at) (?P<about>.+))?",
            r"(?:what|who|anything|is there anything)(?: (?:do|does|is|are|still|should|i|we|to|there|have|need|needs|that))* approv(?:e|al|ed)(?: (?:for|at) (?P<about>.+))?",
            r"(?:approve|reject|decline|deny) (?P<about>.+?)(?: 's (?:enrollment|request|cadence|approval))?",
            r"(?:is|are|was|has|what is|where is|did) (?P<about>.+?) 's (?:\w+ )?(?:approval|request)(?: request)?(?: (?:status|of|still|been|pending|approved|through|waiting|done|granted|yet|go|come|get|for))*",
            r"(?:is|was|has|did|are|has been) (?:the |there )?(?:(?:request|approval|enrollment) (?:for|of) )?(?P<about>.+?) (?:been |get |got |be )?(?:approved|rejected)(?: .*)?",
            r"(?:what|who|is anything|is something|is anyone) (?:needs|need|pending|waiting for|waits for|wait for|awaiting|is pending|is waiting for|is awaiting|awaits) (?:my |our |an |)?approval(?: (?:for|at) (?P<about>.+))?",
            r"(?P<about>.+?) 's (?:open |pending )?approvals?",
        ),
    ),
    (
        Topic.CADENCES,
        (
            rf"(?:all |the |our |my |available |active |of |every |salesloft |me )*{CADENCES}(?: (?:do we have|are there|there are|we have|do i have|exist|available|are available|can i use|can we use|list|that we have|i can use|names|overview))*",
            rf"(?:what|which|how many)(?: (?:are|is|of|all|the|our|my|available|active|salesloft))* {CADENCES}(?: (?:do|does|we|are|there|have|i|exist|available|can|use|choose|from|offer|you|know|got|our|set|up|defined|running|active|to|add|put|people|someone|somebody|them|into|in|stakeholders))*",
            rf"(?:do we have|is there|are there)(?: a| any| an)? (?P<cadence>.+? )?{CADENCES}",
        ),
    ),
    (
        Topic.MEMBERS,
        (
            r"(?:who|which (?:stakeholders|people)|how many(?: (?:stakeholders|people))?)(?: (?:is|are|do we have|all|else|has been|have been|was|were))*(?: (?:currently|now|active|enrolled|added|paused|already))* (?:in|on|to|part of) (?P<cadence>.+)",
            r"(?:everyone|everybody|all(?: the)? (?:stakeholders|people)|all|the people|people|stakeholders|members|the members|whoever|anyone|who)(?: (?:that is|who is|is|that are|who are|are))?(?: (?:currently|enrolled|active|now))* (?:in|on|of) (?P<cadence>.+)",
            r"(?:the )?(?:members|list|stakeholders|people|size) of (?P<cadence>.+)",
        ),
    ),
    (
        Topic.ACTIVITY,
        (
            r"(?:when|how often|how many times|what|how)? ?(?:have|has|did|do|was|were)? ?(?:we|i|anyone|you|anybody|somebody|our team)(?: (?:last|ever|recently|already|even))* (?P<word>email|emailed|stakeholder|contacted|call|called|reach(?:ed)? out to|reach(?:ed)?|touch(?:ed)?|hear(?:d)?(?: back)? from|sp(?:eak|oke|oken) (?:to|with)|talk(?:ed)? (?:to|with)|send(?: \w+)? to|sent(?: \w+)? to|wr(?:ite|ote|itten) to)(?: with)? (?P<about>.+)",
            r"when (?:did|was|has) (?P<about>.+?) last (?P<word>\w+)(?: .*)?",
            r"(?:when|what) (?:was|is)(?: (?:the|our|my))? (?:last|latest|most recent) (?P<word>\w+) (?:with|to|from|for|at|by|of|on) (?P<about>.+)",
            r"(?:what|which|how many)(?: (?:emails?|links?|messages?|times|of our emails))? (?:did|has|have|is|are|does) (?P<about>.+?) (?P<word>clicked|opened|replied|read|click|open|reply|do|done|doing|received|receive|get|been up to|up to|been doing|say|said)(?: .*)?",
            r"what (?:(?:is|has been|has) (?:happening|going on|new|happened|up)|happened) (?:with|at|for|on|to) (?P<about>.+)",
            r"how (?:engaged|active|responsive|warm) (?:is|are|has|have) (?P<about>.+?)(?: been)?",
            r"how (?:is|are|has|have) (?P<about>.+?) (?:been )?(?P<word>engaging|responding|doing|reacting|engaged)(?: (?:with|to) (?:our|the) (?:emails?|messages?|outreach))?(?: (?:(?!(?:in|on|with|through) ).)*)?",
            r"who(?: (?:at|from|in) (?P<about>.+?))?(?: has| have)? (?P<word>replied|opened|clicked|responded|bounced|unsubscribed|answered|engaged)(?: (?:to|on|in) .+?)?",
            r"who(?: has| have)? (?P<word>replied|opened|clicked|responded|bounced|unsubscribed|answered|engaged)(?: (?:our|any|to|an|the) .+?)? (?:at|from) (?P<about>.+)",
            rf"(?:(?:what|how) (?:is|are|was|were|about|many|much) )?(?:(?:all|any|the|our|my|some|a|recent|latest|last|new|current|salesloft|full|me|most) )*(?P<word>{ACTIVITY})(?: and {ACTIVITY})?(?: (?:there is|there|have we had|did we get|do we have|activity|history|stats|summary|sent|made|logged|in salesloft|log|feed|report|level|score))* (?:for|at|of|from|with|by|to|on|about|regarding|in) (?P<about>.+)",
            rf"(?:(?:what|how) (?:is|are|was|about) )?(?:the |our )?(?P<about>.+?) 's (?:(?:latest|recent|last|salesloft|current|full) )*(?P<word>{ACTIVITY})(?: (?:activity|history|score|level|feed|log|stats|in salesloft|like))*",
            rf"salesloft (?P<word>{ACTIVITY}) (?P<about>.+)",
            r"(?:salesloft )?(?P<word>activity|engagement) (?P<about>.+)",
            r"(?P<about>(?!salesloft ).+?) (?:salesloft )?(?P<word>activity|engagement)",
            r"(?:salesloft )?(?P<word>activity|engagement)",
            r"(?:anything|something|news|any news|any word) (?:new )?(?:from|on|with|at|about) (?P<about>.+)",
        ),
    ),
    (
        Topic.MEMBERSHIP,
        (
            r"(?:did|have|has|do|had) (?:we|i|you|anyone|anybody|somebody|someone|they)(?: (?:already|ever|just|even))* (?P<word>add|added|enroll|enrolled|put|pause|paused|remove|removed|resume|resumed|skip|skipped|take|taken) (?P<who>.+?)(?: (?:to|in|into|from|on|onto|off|out of) (?P<cadence>.+))?",
            rf"(?:what|which) step (?:of|in|on) (?P<cadence>.+? {CADENCE}|(?:the )?{PURPOSES}) (?:is|are|was) (?P<who>.+?)(?: (?:on|at|in|now))*",
            rf"(?:if |whether )?(?P<who>(?!(?:who|which|what|is|are|anyone|anybody|someone) ).+?) (?:(?:has|have)(?: got)?|(?:is|are) (?:in|on)) (?:a|any|some) {CADENCE}",
            r"where (?:does|do) (?P<who>.+?) stand(?: (?:in|on|with) (?P<cadence>.+))?",
            r"(?:what|which)(?: step| email)? (?:is|comes) next (?:for|with|on) (?P<who>.+?)(?: (?:in|on) (?P<cadence>.+))?",
            rf"who (?:is|are|has been)(?: (?:currently|now|still))* (?:enrolled|paused|active|on hold|in (?:a|any) {CADENCE}|on (?:a|any) {CADENCE})(?: (?:in|on) (?:a|any) {CADENCE})? (?:over )?(?:at|from) (?P<account>.+)",
            rf"(?:what|which|in what|in which|on which|on what) (?:other )?(?:{CADENCES}|steps?|steps? and cadences?|cadence and step|cadence step)(?: (?:is|are|was|were|does|do|did|has|have|s))? (?P<who>.+?)(?: (?:is|are|was|were|been|currently|now|still|right now|belong|in|on|at|part of|enrolled|added|to|going through|going|through|get|got|running|active|receiving|getting|put|into|be|sitting|assigned))*(?: (?:in|on|of) (?P<cadence>.+ {CADENCE}|(?:the )?{PURPOSES}))?",
            rf"what (?:is|are|was) (?P<who>.+?) 's (?:(?:current|active|present) )?(?:(?P<cadence>.+?) )?(?:{CADENCES}|status|step|enrollment|enrollments)(?: (?:status|step|name|now))*",
            rf"what (?:is|was) (?:the )?(?:(?P<cadence>.+?) )?(?:{CADENCES} )?(?:status|step|{CADENCES})(?: status| step)? (?:for|of|on|with) (?P<who>.+)",
            r"(?:what|which) (?P<who>(?!is |are |was |were ).+?) (?:is|are) (?:in|on)",
            r"what (?:is|are|was|were) (?P<who>.+?) (?:in|on|enrolled in|added to|enrolled into)",
            r"where (?:is|are|was|were) (?P<who>.+?)(?: (?:at|now|standing|currently))*(?: (?:in|on|with|at|of) (?P<cadence>.+))?",
            r"(?:how far|how far along)(?: along| through| into)? (?:is|are|has|have) (?P<who>.+?)(?: (?:in|through|into|with|on|along|along in|along with) (?P<cadence>.+))?",
            r"(?:when|until when|till when|how long)(?: (?:does|do|is|are|was|were|will|did|has|have))* (?P<who>.+?) 's (?:(?P<cadence>.+?) )?(?P<word>pause|hold|next step|next email|next touch|cadence|start|enrollment)(?: .*)?",
            r"(?:when|until when|until what date|how long|since when|on what day|until)(?: (?:does|do|is|are|was|were|will|did|has|have))+ (?P<who>.+?)(?: (?:been|be))? (?P<word>paused|on hold|added|enrolled|resume|resumed|start|started|finish|end|come|removed|in|on|complete|get|go|enter|begin|join|leave|due)(?: (?:in|to|into|from|on) (?P<cadence>.+)| .*)?",
            r"(?:who|which (?:stakeholders|people)) (?:over )?(?:at|from|of|in) (?P<account>.+?) (?:is|are|has been|have been)(?: (?:currently|now|still|enrolled|already))* (?:in|on|added to|part of) (?P<cadence>.+)",
            rf"(?P<who>.+?) 's (?:(?:current|active|all) )?(?:(?P<cadence>.+?) )?(?:{CADENCES}|memberships?|enrollments?|status|step|cadence status)(?: (?:status|step|steps|list|memberships?|history|progress))*",
            rf"(?:(?:the|all|any|active|current|cadence|of) )*(?:{CADENCES}|memberships?|enrollments?|status|step|cadence)(?: (?:status|step|memberships?|history|progress|info))* (?:for|of|on|with|at) (?P<who>.+)",
            rf"(?:the )?(?P<cadence>.+?) (?:{CADENCES} )?(?:status|progress|step) (?:for|of|on) (?P<who>.+)",
            r"(?:is|are|was|were|has|have|did|does|do)(?: not)? (?P<who>.+?) (?P<word>paused|on hold|active|enrolled|removed|finished|done|resumed|running)",
            r"(?:what|which) (?P<account>.+?) (?:stakeholders|people) are (?:in|on) (?P<cadence>.+)",
            r"(?:how is|how are) (?P<who>.+?) (?:doing |progressing |getting on )?(?:in|on|with|through) (?P<cadence>.+)",
            r"(?P<who>.+?) (?P<word>status)",
            rf"(?P<who>(?!(?:the|our|my|all|any|which|what|a|an|this|that|{PURPOSES})\b)[^ :,-]+(?: (?!(?:in|on|at|for|to|of|what|which|is|the)\b)[^ :,-]+){{0,3}}) {CADENCE}",
            rf"(?:is|are) (?P<who>.+?) 's (?:(?P<cadence>.+?) )?{CADENCES} (?:still )?(?P<word>running|active|on|paused|going|done|finished)",
            r"(?:is |are )?(?P<word>enrolled)",
            rf"(?:still )?(?P<who>.+?) (?:is |are )?(?:still )?(?:in|on) (?P<cadence>.+{CADENCE}|(?:the )?{PURPOSES})(?: still| yet)?",
        ),
    ),
)
COMPILED: Final = tuple((topic, tuple(re.compile(one) for one in patterns)) for topic, patterns in PATTERNS)
HELP: Final = re.compile(
    r"(?:help|help me|commands?|examples?|what can (?:you|i|this|we)(?: .*)?|what do you (?:do|know|understand)(?: .*)?|how to .+|how (?:do|can|could|should|would) (?:i|we|you|one) .+"
    r"|what (?:are|is) (?:the |your |my )?(?:commands?|options|possibilities)(?: .*)?|(?:i need|need|some|show|list|show me|give me)(?: me| the| some| all| your)* (?:help|commands?|examples?|options)|who are you|what are you"
    r"|(?:what|which) commands .+|how does (?:this|it|that) work|menu|man|hello|hi|hey|good (?:morning|afternoon|evening)|what (?:else )?can (?:i|you|we) (?:ask|do|say)(?: .*)?)"
)
SHOWING: Final = re.compile(
    r"(?:show|list|display|view|check|find|see|pull up|pull|bring up|look up|look at|look into|look|tell|give|get|open|fetch|print|report|summari[sz]e|i want to see|review|go over)(?: (?:me|us|out|on|up|about))*(?: (?:if|whether|all of|what|which|when))? (?P<what>.+)"
)
SHOWN_QUESTION: Final = re.compile(
    r"(?:show|tell|check|see|find|look|let|give|list|remind|get)(?: (?:me|us|out|up|know))*,? (?P<what>(?:if|whether|what|which|who|where|when|why|how) .+)"
)
