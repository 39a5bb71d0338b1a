"""The generated Python client against the running service."""
import os
import ssl
import sys

sys.path.insert(0, "build/clients")
import httpx  # noqa: E402
import luna  # noqa: E402

account = int(os.environ["LUNA_ACCOUNT_ID"])
http = httpx.Client(verify=ssl.create_default_context(cafile=os.environ["LUNA_CA"]), trust_env=False)
client = luna.Client(os.environ["LUNA_URL"], auth={"api_key": {"ApiKey": os.environ["LUNA_API_KEY"]}}, http_client=http)

answer = client.filter_series(account, luna.KalmanRequest(results=[1120, 1160, None, 1210], horizon=2, include=["model"]))
assert answer.input_data == [1120, 1160, None, 1210], answer
assert answer.processed_results[0] == 1120 and len(answer.forecast["mean"]) == 2, answer
assert answer.model.name == luna.ModelName.LOCAL_LEVEL, answer.model

batch = client.filter_batch(account, luna.BatchRequest(series=[[1, 2, 3], ["x"]]))
assert (batch.succeeded, batch.failed, batch.charged) == (1, 1, 1), batch

assert client.read_account(account).id == account
assert client.read_usage(account, days=7).quota.used >= 2
assert client.list_usage_events(account, limit=1).data[0].seq >= 1

token = client.create_token(account, {"scopes": ["model"]})
by_token = luna.Client(os.environ["LUNA_URL"], auth={"bearer": token.access_token}, http_client=http)
assert by_token.filter_series(account, luna.KalmanRequest(results=[1, 2])).input_data == [1, 2]

try:
    client.filter_series(account, luna.KalmanRequest(results=[]))
    raise SystemExit("an empty series was accepted")
except luna.ApiError as error:
    assert error.status == 422 and error.body["detail"][0]["loc"] == ["body", "results"], error.body
print("ok")
