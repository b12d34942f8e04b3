"""Story 5: an admin configures which triggers activate which cadences.

CSCX_SALESLOFT_API=https://... CSCX_SALESLOFT_TOKEN=... python 5_configure_triggers.py TRIGGER CADENCE
"""

import os
import sys

import httpx

trigger_type, cadence_id = sys.argv[1:]
headers = {"authorization": f"Bearer {os.environ['CSCX_SALESLOFT_TOKEN']}"}
drafts = {"mappings": [{"trigger_type": trigger_type, "cadence_id": int(cadence_id)}]}

with httpx.Client(base_url=os.environ["CSCX_SALESLOFT_API"], headers=headers) as api:
    path = "/api/salesloft/trigger-mappings"
    tried = api.put(path, json=drafts, params={"dry_run": True}).raise_for_status().json()
    if tried["findings"]:
        sys.exit("\n".join(f"{one['field']}: {one['message']}" for one in tried["findings"]))

    # What somebody else has changed since we looked is not overwritten: that is a 412.
    seen = {"if-match": api.get(path).raise_for_status().headers["etag"]}
    now = api.put(path, json=drafts, params={"publish": True}, headers=seen).raise_for_status().json()
    for one in now["mappings"]:
        print(f"{one['mapping']['trigger_type']} leads to {one['cadence_name']} ({one['status']})")
