"""The patterns of what changes something. Each is asked of a whole clause, so nothing that was said is passed over.

Their groups: `target` is people and perhaps a cadence (TARGETS), `who` people, `cadence` a cadence, `from` the one that is
left, `to` a sender, `number` a step's number. What they leave open takes up all the rest: a word too many makes a name
that nobody has, and then somebody is asked.
"""

import re
from typing import Final

from web.chat.slot_patterns import CADENCE, PURPOSES

__all__ = ["ADD", "BACK", "RESTART", "RESTART_ADDS", "STEERING", "TARGETS", "VERBS"]


def compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


_WHAT: Final = (
    rf"(?:{CADENCE}|enrollments?|outreach|emails?|messages|communications?|comms|everything|touches|reachouts?)"
)
_LESS: Final = r"(?:(?! (?:in|from|off|on|out|for|to|into) ).)+?"
_NAMED: Final = rf"(?:.*{CADENCE}(?: (?:at|for|with|of) .+)?|(?:the |our |her 's |him 's |them 's )?{PURPOSES}|\"\S+|all|everything|all of them)"
TARGETS: Final = compiled(
    rf"(?P<who>.+?) (?:out of|off of|off|in|on|from|for|of) (?P<cadence>{_NAMED})",
    rf"(?:all (?:of )?)?(?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_WHAT}",
    rf"(?P<who>{_LESS}) 's (?P<cadence>{PURPOSES})",
    rf"(?:all )?(?:the |our |any |all )?(?:(?P<cadence>{_LESS}) )?{_WHAT} (?:for|of|on|with|to) (?P<who>.+)",
    r"(?P<who>.+?) (?:in|on|off|out of) (?P<cadence>.+)",
    r"(?P<who>.+)",
)
_CONTENT: Final = (
    r"(?:emails?|messages|outreach|communications?|comms|touches|replies|phone|address|title|number|note)(?= |$)"
)
_EMAILS: Final = r"(?:emails?|messages|outreach|sends|email sends|cadence emails|cadences?|steps)"
_STEP_NAME: Final = (
    r"(?:(?:the |this |that |a |one |her 's |him 's |them 's )?(?:next |current |upcoming |this |following )?"
    r"(?P<kind>step|email|call|touch|touchpoint|task)(?: (?:number )?(?P<number>\d{1,3}|one|two|three|four|five|six|seven))?)"
)
_IN: Final = r"(?: (?:in|of|on|from) (?P<cadence>.+))?"

_ADDING: Final = (
    r"(?:add|enroll|reenroll|include|place|put|get|stick|sign up|sign|assign|enlist|throw|push|slot|insert|register|"
    r"start|begin|launch|kick off|schedule|drop|set up|place|plug|toss|pop|subscribe|re-add|readd|bring|onboard)"
)
_STARTING: Final = r"(?:start|launch|begin|kick off|run|use|open|trigger|initiate|set up|do)"
_ADDED: Final = r"(?: (?:started|going|enrolled|added|up|over|placed|put|in|included|signed up))*"
_REMOVING: Final = r"(?:remove|unenroll|delete|drop|exit|eject|kick|boot|yank|pull|take|get|withdraw|strip|bring)"
_PAUSING: Final = r"(?:pause|suspend|freeze|snooze|hold off on|hold off|hold(?! off))"
_RESUMING: Final = r"(?:resume|unpause|continue|reactivate|unfreeze|unsuspend|reinstate|unhold|unsnooze)"
_WRITING: Final = r"(?:emailing|e-mailing|contacting|messaging|writing(?: to)?|reaching out to)"
_STOPPING: Final = r"(?:stop|halt|cancel|end|kill|quit|cease|finish|terminate|discontinue|abort|close)"
_CHANGING: Final = r"(?:change|switch|set|update|make|swap|modify|move)"

_SHOULD: Final = "should|needs to|need to|must|has to|have to|ought to"
_OUGHT: Final = f"(?:{_SHOULD})"

_STEERING: Final = (
    (
        "sender",
        (
            rf"{_CHANGING} (?:the )?sender (?:to|as|over to) (?P<to>.+?) (?:for|on|of|in) (?P<target>.+)",
            rf"{_CHANGING} (?:the )?sender from .+? to (?P<to>.+?) (?:for|on|of|in) (?P<target>.+)",
            rf"{_CHANGING} (?:the )?sender (?:for|on|of|in) (?P<target>.+?) (?:from .+? )?(?:to|as|over to|be|with) (?P<to>.+)",
            rf"{_CHANGING} (?P<who>.+?) 's (?:(?P<cadence>.+?) )?sender (?:to|as|over to|be|with) (?P<to>.+)",
            rf"{_CHANGING} (?:the )?sender (?:to|as|over to) (?P<to>.+)",
            r"(?:make|let|have|set|use|put|assign) (?P<to>.+?) (?:be |as |become )?(?:the |as )?sender (?:for|on|of) (?P<target>.+)",
            r"(?:make|let|have|set|use|put) (?P<to>.+?) (?:(?:as|be|to be) )?(?P<who>\S+(?: \S+)?) 's sender",
            rf"(?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?sender {_OUGHT} (?:now )?be (?P<to>.+)",
            rf"(?P<to>.+?) {_OUGHT} (?:now )?send (?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_EMAILS}",
            rf"(?P<to>.+?) {_OUGHT} (?:now )?be (?:the )?sender (?:for|of|on) (?P<target>.+)",
            rf"(?:(?:i|we) )?(?:would )?(?:want|like|need) (?P<to>.+?) to (?:be (?:the )?sender (?:for|of|on) (?P<target>.+)|send (?P<who>{_LESS}) 's {_EMAILS})",
            rf"use (?P<to>.+?) (?:for|on) (?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_EMAILS}",
            r"be (?:the )?sender (?:for|of|on) (?P<target>.+)",
            r"(?:switch|move|change|set|put) (?P<who>.+?) to (?P<to>.+?) as (?:the |her 's |him 's )?sender",
            rf"{_CHANGING} who sends (?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_EMAILS} to (?P<to>.+)",
            rf"{_CHANGING} who sends (?:to|for) (?P<who>.+?) to (?P<to>.+)",
            rf"{_EMAILS} (?:to|for) (?P<who>.+?) {_OUGHT}(?: (?:be|sent|come|go|now))* (?:from|by) (?P<to>.+)",
            rf"(?:have|let|get|make) (?P<to>.+?) (?:to )?send (?P<who>.+?) 's (?:(?P<cadence>.+?) )?{_EMAILS}",
            rf"(?:have|let|get|make) (?P<to>.+?) (?:to )?send (?:the |all )?(?:(?P<cadence>.+?) )?{_EMAILS} (?:to|for) (?P<who>.+)",
            rf"(?:have|get|send|let|make) (?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_EMAILS}"
            r"(?: (?:be|to|sent|come|go|coming|going|out))* (?:from|by|as|through|via) (?P<to>.+)",
            rf"(?P<who>{_LESS}) 's (?:(?P<cadence>.+?) )?{_EMAILS} (?:should|need to|must|have to|are to)"
            r"(?: (?:be|sent|come|go|now))* (?:from|by|as|through|via) (?P<to>.+)",
            rf"send (?:the |all )?(?:(?P<cadence>.+?) )?{_EMAILS} to (?P<who>.+?) (?:from|as) (?P<to>.+)",
            rf"{_CHANGING} (?:the )?sender (?:for|on|of) (?P<target>.+)",
            r"(?:reassign|hand over|hand) (?P<target>.+?) (?:over )?to (?P<to>.+?)(?: as (?:the )?sender)?",
        ),
    ),
    (
        "skip",
        (
            rf"(?:have|let|make) (?P<who>.+?) skip {_STEP_NAME}{_IN}",
            rf"(?:skip|bypass|omit|jump over|pass over) {_STEP_NAME} (?:for|of|on|with|to) (?P<target>.+)",
            r"(?:go|move|jump|advance|proceed|skip)(?: on| ahead| forward)? to (?:the )?next (?:step|one) (?:for|with|on) (?P<target>.+)",
            r"skip (?P<who>.+?) (?:past|over) (?:the |this )?(?:current |next |this )?(?P<kind>step|email|call|one)",
            rf"(?:skip|bypass|omit|jump over) {_STEP_NAME} (?:in|of|on|from) (?P<who>{_LESS}) 's (?P<cadence>.+)",
            rf"(?:skip|bypass|omit|jump over) (?P<who>{_LESS}) 's (?:(?:next|current|upcoming|this) )?"
            rf"(?P<kind>step|email|call|touch|touchpoint|task)(?: (?P<number>\d{{1,3}}))?{_IN}",
            r"(?:move|advance|push|bump|jump|skip|take|send|bring|progress|forward) (?P<who>.+?) "
            rf"(?:on |ahead |forward |along |up |over )*(?:to )?(?:the |her 's |him 's |them 's )?(?:next|following) (?:step|one|touch|email){_IN}",
            rf"(?:move|advance|push|bump|jump|skip|progress) (?P<who>.+?) (?:ahead|forward|on|along)(?: (?:by )?(?:a|one|1) step)?{_IN}",
            rf"(?:move|advance|push|bump|jump|progress) (?P<who>.+?) (?:by )?(?:a|one|1) step{_IN}",
            r"(?:advance|skip) (?P<target>.+)",
        ),
    ),
    (
        "resume",
        (
            rf"{_RESUMING} (?:the )?(?P<cadence>{PURPOSES}|.+ {CADENCE}) for (?P<who>.+)",
            rf"{_RESUMING} (?:with )?(?P<target>.+)",
            rf"(?:take|get|bring) (?P<who>.+?) (?:back )?(?:off|from|out of) (?:of )?(?:hold|pause|ice|her 's pause|him 's pause){_IN}",
            rf"(?P<who>.+?) (?:can|may|{_SHOULD}) be (?:resumed|unpaused|taken off hold)(?: (?:in|on) (?P<cadence>.+))?",
            r"(?:let|have|get) (?P<who>.+?) (?:continue|resume|go on|carry on|keep going)(?: (?:with|in|on) (?P<cadence>.+))?",
            r"(?:lift|end|remove|cancel|release|undo|clear|stop|drop) (?:the )?(?:pause|hold) (?:on|for|from|of) (?P<target>.+)",
            r"(?:lift|end|remove|cancel|release|undo|clear|stop) (?P<who>.+?) 's (?:pause|hold)",
            r"(?:turn|switch) (?P<target>.+?) back on",
            _RESUMING,
            r"(?:get|start) (?P<target>.+?) (?:going|started|running|moving) again",
            rf"(?P<who>.+?) (?:can|may|{_SHOULD}) (?:continue|resume|go on|carry on)(?: (?:with|in|on) (?P<cadence>.+))?",
            r"(?:start|pick|begin) (?P<target>.+?) (?:again|back up|up again)",
        ),
    ),
    (
        "pause",
        (
            rf"{_PAUSING} (?:the )?(?P<cadence>{PURPOSES}|.+ {CADENCE}) for (?P<who>.+)",
            rf"{_PAUSING} (?:{_WRITING} )?(?:with )?(?P<target>.+)",
            _PAUSING,
            r"(?:put|place|set|keep|get) (?P<target>.+?) on (?:hold|pause|ice|a break|a pause)",
            rf"(?:put|place|set) (?P<cadence>.*{CADENCE}|{PURPOSES}) on (?:hold|pause|ice) for (?P<who>.+)",
            rf"(?P<who>.+?) {_OUGHT} be (?:paused|suspended|put on hold)(?: (?:in|on) (?P<cadence>.+))?",
            r"(?:put|place) on (?:hold|pause) (?P<target>.+)",
            r"(?:put|place) a (?:hold|pause) on (?P<target>.+)",
            r"give (?P<target>.+?) a (?:break|pause|rest|breather)",
            r"take a (?:break|pause) (?:with|from|on) (?P<target>.+)",
        ),
    ),
    (
        "remove",
        (
            rf"{_REMOVING} (?P<who>.+?) (?:out of|off of|off from|out from|off) (?P<cadence>.+)",
            r"(?:remove|unenroll|delete|drop|exit|eject|kick|boot|yank|pull|withdraw|strip) (?P<who>.+?) from (?P<cadence>.+)",
            rf"(?:take|get|bring) (?P<who>.+?) from (?P<cadence>{_NAMED})",
            rf"(?:remove|unenroll|delete|withdraw|exit) (?P<target>(?!.*\b{_CONTENT}).+)",
            r"drop (?P<target>(?:(?! in(?:to)? ).)+)",
            r"(?:take|pull|kick|get) (?P<who>.+?) (?:out|off)",
            rf"(?P<who>.+?) {_OUGHT} be (?:removed|taken|dropped|unenrolled|pulled) (?:from|off|out of) (?P<cadence>.+)",
            r"(?:(?:i|we) )?(?:would )?(?:want|need|like) (?P<who>.+?) (?:to be )?(?:out of|off|off of|removed from|taken off|taken out of) (?P<cadence>.+)",
            r"(?:take|pull) (?P<who>.+?) from (?P<cadence>.+)",
        ),
    ),
    (
        "stop",
        (
            rf"{_STOPPING} {_WRITING} (?P<who>.+?)(?: any ?more| for good)?",
            rf"{_STOPPING} (?:sending |doing )?(?P<target>.+)",
        ),
    ),
    (
        "move",
        (
            r"(?:move|switch|transfer|shift|migrate|change|swap) (?P<who>.+?) (?:from|out of|off) (?P<from>.+?) (?:over )?(?:to|into|onto) (?P<cadence>.+)",
            r"(?:move|switch|transfer|shift|migrate|change) (?P<who>.+?) (?:over )?(?:to|into|onto) (?P<cadence>.+)",
        ),
    ),
)
STEERING: Final = tuple((name, compiled(*patterns)) for name, patterns in _STEERING)
"""By what is done, in the order in which they are asked."""
RESTART: Final = compiled(
    r"(?:restart|begin again|start again|start over|redo|rerun|reset|rewind|begin|go back)(?: (?:over|again|with|for))*(?: (?P<target>.+?))?(?: (?:over|again|back))?",
    r"(?:move|set|put|send|take|bring|jump|skip|advance|push|get|start|place|return|bump|reset|go|roll|bounce|have|let)"
    r"(?: (?:for|with|on))?(?: (?P<target>.+?))?(?: (?:back|ahead|forward|up|over|again|start|restart|begin))*",
)
RESTART_ADDS: Final = re.compile(rf"(?:{_ADDING}|start) .+? (?:to|into|in|on|onto|through) .+")

VERBS: Final = frozenset(
    "add enroll reenroll include place put get stick sign assign enlist start begin launch schedule drop pause suspend "  # noqa: SIM905
    "freeze snooze hold resume unpause continue reactivate unfreeze reinstate skip bypass omit advance move remove unenroll "
    "delete exit eject kick boot yank pull take withdraw restart reset rewind redo change switch set make let have use "
    "reassign stop halt cancel end kill terminate transfer go lift give keep send swap update push jump bump bring trigger "
    "discontinue modify".split()
)
"""The first words of commands."""

BACK: Final = compiled(
    r"(?:put|add|bring|enroll|place) (?P<who>.+?) back",
    r"(?:put|get|add|bring|enroll|place) (?P<who>.+?) back (?:in|on|into|to|onto) (?P<cadence>.+)",
)
"""Somebody comes back: from a pause, or anew."""
ADD: Final = compiled(
    r"could (?P<who>.+?) (?:please )?be (?:added|enrolled|put|placed|included) (?:to|into|in|on|onto) (?P<cadence>.+)",
    rf"{_STARTING} (?:a |an |the |our )?(?P<cadence>.+? {CADENCE}) (?:for|with|on) (?P<who>.+)",
    rf"{_STARTING} (?P<who>{_LESS}) 's (?P<cadence>.+? {CADENCE})",
    rf"{_ADDING} (?:to|into|in) (?P<cadence>.+? {CADENCE}) ?[:,]? (?P<who>.+)",
    rf"{_ADDING} (?:to|into) (?P<cadence>\S+) [:,] (?P<who>.+)",
    rf"{_ADDING} (?P<who>.+?){_ADDED} (?:to|into|onto) (?P<cadence>.+)",
    rf"{_ADDING} (?P<who>.+?){_ADDED} (?:in|on|for|with|through) (?P<cadence>.+)",
    r"(?:(?:i|we) )?(?:would )?(?:have|want|need|like) (?P<who>.+?) (?:to be )?(?:added|enrolled|put|placed|included|signed up) (?:to|into|in|on|onto) (?P<cadence>.+)",
    rf"(?:(?:i|we) )?(?:want|need) (?P<who>.+?) (?:to go |to be )?(?:in|on|into|onto) (?P<cadence>{_NAMED}|(?:the|our) .+ one)",
    r"(?P<who>.+?) (?:should|needs to|need to|must|has to|ought to) (?:be (?:added|enrolled|put|placed|included)|go) (?:to|into|in|on|onto) (?P<cadence>.+)",
    r"(?P<who>(?:(?!->).)+) -> (?:(?:add|put) (?:to|in|into|on) |add )?(?P<cadence>(?:(?!->).)+)",
    r"(?P<who>.+?) (?:needs|need|wants|could do with) (?:adding|enrolling|putting) (?:to|into|in|on|onto) (?P<cadence>.+)",
    rf"for (?P<who>.+?) (?:, )?(?:please )?{_STARTING} (?:a |an |the |our )?(?P<cadence>.+? {CADENCE})",
    r"(?P<who>(?!.* (?:from|out|off|at) ).+?) (?:into|onto) (?P<cadence>.+)",
    r"(?:add|enroll|sign up|reenroll) (?P<who>.+)",
)
"""Of an add, once its day, step and sender are cut out."""
