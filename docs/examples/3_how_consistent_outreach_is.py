"""Story 3: outreach is standardized, because triggers start it; which cadences each led to, and what began by hand.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 3_how_consistent_outreach_is.py
"""

import os
from collections import Counter

import httpx

headers = {"authorization": f"Bearer {os.environ['CSCX_SALESLOFT_TOKEN']}"}
led_to: Counter[tuple[str, str]] = Counter()

with httpx.Client(base_url=os.environ["CSCX_SALESLOFT_API"], headers=headers) as api:
    cursor = None
    while True:
        query = {"limit": 100} | ({"cursor": cursor} if cursor else {})
        page = api.get("/api/salesloft/enrollments", params=query).raise_for_status().json()
        led_to.update((one["trigger_type"] or "by hand", one["cadence"]["name"]) for one in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break

for (began, cadence), many in sorted(led_to.items()):
    print(f"{began}: {cadence} {many} times")
