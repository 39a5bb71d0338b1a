#!/bin/sh
# Filters four numbers with curl. Settings: . var/demo.env
curl -sS --fail-with-body --cacert "$LUNA_CA" "$LUNA_URL/api/v1/$LUNA_ACCOUNT_ID/kalman" \
    -H "X-API-Key: $LUNA_API_KEY" -H 'Content-Type: application/json' \
    -d '{"results":[1120,1160,963,1210]}'
