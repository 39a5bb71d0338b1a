#!/usr/bin/env python3
"""Filters four numbers with httpx, and says what is wrong when something is. Settings: set -a; . var/demo.env"""
import os

import httpx

client = httpx.Client(base_url=f"{os.environ['LUNA_URL']}/api/v1/{os.environ['LUNA_ACCOUNT_ID']}",
                      headers={"X-API-Key": os.environ["LUNA_API_KEY"]}, verify=os.environ["LUNA_CA"])
answer = client.post("/kalman", json={"results": [1120, 1160, 963, 1210]})
if answer.status_code == 422:
    for fault in answer.json()["detail"]:
        print(fault["loc"], fault["msg"], fault.get("hint"))
answer.raise_for_status()
print(answer.json()["processed_results"])
