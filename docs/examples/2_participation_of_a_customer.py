"""Story 2: cadence participation within the customer's context.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 2_participation_of_a_customer.py CUSTOMER
"""

import os
import sys

import httpx

customer_id = sys.argv[1]
headers = {"authorization": f"Bearer {os.environ['CSCX_SALESLOFT_TOKEN']}"}

with httpx.Client(base_url=os.environ["CSCX_SALESLOFT_API"], headers=headers) as api:
    customer = api.get(f"/api/salesloft/customers/{customer_id}").raise_for_status().json()
    print(f"{customer['name']}, as Salesloft was at {customer['freshness']['as_of'] or 'no time yet'}")
    for person in customer["stakeholders"]:
        for one in person["enrollments"]:
            step, steps = one["progress"]["step"] or "-", one["progress"]["steps"]
            print(f"{person['name']}: {one['cadence']['name']}, {one['state']}, step {step} of {steps}")

    activity = api.get(f"/api/salesloft/customers/{customer_id}/activity", params={"limit": 10}).raise_for_status()
    for unit in activity.json()["items"]:
        print(f"{unit['stakeholder_id']}: {unit['kind']} at {unit['occurred_at'] or unit['occurred_between']}")
