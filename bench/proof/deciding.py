"""The part of deciding: two readings of one contract, and each decision twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bench.proof.findings import Findings
from bench.proof.oracle.judge import REASONS, judge
from bench.proof.oracle.population import cases, organizations
from bench.proof.oracle.reading import organization_facts, situation, told
from bench.proof.staging import Scale, Task
from enrollment.decide import decide

__all__ = ["deciding"]

_PAIRS = {Scale.SMALL: 3_000, Scale.FULL: 100_000}
_CASES_EACH = 100
_ASKED_OFTEN_ENOUGH = 100


async def deciding(task: Task) -> Findings:
    """An oracle that was written from the contract alone is asked about the same population."""
    return await asyncio.to_thread(_deciding, task)


def _deciding(task: Task) -> Findings:
    findings = Findings()
    pairs = 0
    against: list[str] = []
    unlike: list[str] = []
    reasons: Counter[str] = Counter()
    for organization, case in _population(task.seed):
        facts, now = organization_facts(organization), datetime.fromisoformat(case["now"])
        decided = decide(situation(case), facts, now)
        ours, theirs = told(decided), judge(organization, case)
        reasons.update(one["reason"] for one in ours)
        if ours != theirs:
            against.append(f"case {case['number']}: {_first_difference(ours, theirs)}")
        if decide(situation(case), facts, now) != decided:
            unlike.append(f"case {case['number']}")
        pairs += max(1, len(case["candidates"]))
        task.say(f"{pairs} pairs of event and stakeholder")
        if pairs >= _PAIRS[task.scale]:
            break
    findings.nothing("An oracle written from the contract alone says the same of every pair.", against, pairs)
    findings.nothing("Whatever is decided twice comes to the same, digests included.", unlike, pairs)
    seldom = [f"{reason}: {reasons[reason]}" for reason in sorted(REASONS) if reasons[reason] < _ASKED_OFTEN_ENOUGH]
    if task.scale is Scale.FULL:
        findings.nothing("Every reason was asked about often.", seldom, len(REASONS))
    findings.figures["pairs"] = pairs
    findings.figures |= {f"{reason}": count for reason, count in reasons.most_common()}
    return findings


def _population(seed: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    number = 0
    while True:
        for organization in organizations(seed + number, 20):
            for case in cases(organization, seed + number, _CASES_EACH):
                number += 1
                yield organization, case | {"number": number}


def _first_difference(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            return f"{one}, the oracle {other}"
    return f"{len(ours)} decisions, the oracle {len(theirs)}"
