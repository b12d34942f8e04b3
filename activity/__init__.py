"""What a change in Salesloft's records means: single events with stable ids, the ledger of them, engagement.

Pure and synchronous. The record as it was last seen and the record as it is now go in; units, what to remember, and
what the ledger counts come out.

* :mod:`activity.records`: the parts of Salesloft's records that are looked at.
* :mod:`activity.units`: one unit of activity, and the id of the event that tells it.
* :mod:`activity.counters`, :mod:`activity.histories`, :mod:`activity.memberships`: records to units.
* :mod:`activity.ledger`: what was shown, emitted and is owed.
* :mod:`activity.engagement`: units to a stakeholder's engagement.
"""
