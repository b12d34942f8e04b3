"""Answers that lack records, or show them broken: what a defect or a reader behind its database makes of them."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson

from sandbox.salesloft.answers import Answer, Refusal
from sandbox.salesloft.faults import Fault

__all__ = ["retouched"]


def retouched(answer: Answer, faults: Iterable[Fault]) -> Answer:
    """The answer as these faults show it; an answer without a record that they name stays as it is."""
    for fault in faults:
        answer = _retouched(answer, fault)
    return answer


def _retouched(answer: Answer, fault: Fault) -> Answer:
    if answer.status >= 400 or not answer.body:
        return answer
    body = orjson.loads(answer.body)
    data, wanted = body.get("data"), {str(one) for one in fault.records}
    rows = data if isinstance(data, list) else [data]
    named = [row for row in rows if isinstance(row, dict) and str(row.get("id")) in wanted]
    if not named:
        return answer
    if fault.kind == "omit":
        if not isinstance(data, list):
            return Refusal.not_found().answer
        body["data"] = [row for row in data if row not in named]
    for row in named:
        _spoil(row, fault.fields)
    return replace(answer, body=orjson.dumps(body))


def _spoil(row: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, dict) and isinstance(row.get(name), dict):
            row[name] |= value
        else:
            row[name] = value
