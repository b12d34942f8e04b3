"""Story 1: stakeholders are added by themselves when a trigger is detected; what became of a customer's triggers.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 1_what_triggers_led_to.py CUSTOMER
"""

import os
import sys

import httpx

customer_id = sys.argv[1]
headers = {"authorization": f"Bearer {os.environ['CSCX_SALESLOFT_TOKEN']}"}

with httpx.Client(base_url=os.environ["CSCX_SALESLOFT_API"], headers=headers) as api:
    asked_for = api.get("/api/salesloft/enrollments", params={"customer_id": customer_id}).raise_for_status().json()
    for one in asked_for["items"]:
        if one["trigger_type"] is not None:
            print(f"{one['trigger_type']}: {one['stakeholder_name']} for {one['cadence']['name']} is {one['state']}")

    # Whoever was not asked for was decided on too, and the reason is kept.
    decided = api.get("/api/salesloft/decisions", params={"customer_id": customer_id}).raise_for_status().json()
    for one in decided["items"]:
        for outcome in one["outcomes"]:
            print(
                f"{one['trigger_type']}: {outcome['stakeholder_id']} {outcome['outcome']} because {outcome['reason']}"
            )
