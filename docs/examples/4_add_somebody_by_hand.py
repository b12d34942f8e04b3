"""Story 4: contacts are added to cadences by hand. An approver is asked; nobody is contacted before that.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 4_add_somebody_by_hand.py STAKEHOLDER CADENCE
"""

import os
import sys
from uuid import uuid4

import httpx

stakeholder_id, cadence_id = sys.argv[1:]
headers = {"authorization": f"Bearer {os.environ['CSCX_SALESLOFT_TOKEN']}"}
wanted = {"stakeholder_id": stakeholder_id, "note": "She asked for the renewal terms."}

with httpx.Client(base_url=os.environ["CSCX_SALESLOFT_API"], headers=headers) as api:
    path = f"/api/salesloft/cadences/{cadence_id}/add"
    tried = api.post(path, json=wanted, params={"dry_run": True}).raise_for_status().json()
    if tried["would"] == "refuse":
        sys.exit(f"{tried['reason_code']}: {tried['detail']}")

    # Sent again under the same key, as after a time-out, it is asked for once.
    key = {"idempotency-key": str(uuid4())}
    asked = api.post(path, json=wanted, headers=key).raise_for_status()
    print(f"{asked.json()['state']}, to be decided by {asked.json()['expires_at']}: {asked.headers['location']}")
