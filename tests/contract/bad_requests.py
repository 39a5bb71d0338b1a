"""Bad requests and the exact answer each gets: the table alone, data without code around it.

A row is (name, what is sent, status, faults). What is sent: `json` or `body` (raw), and where they differ from
POST …/kalman with the account's key and Content-Type application/json: `method`, `path`, `query`, `headers`, `key`.
Faults: for 422 with places, every (loc, type) in order; for other errors the `code`.
Slugs are pydantic v2's, those of FastAPI's own answers to the same mistakes with strict types.
"""

R = {"results": [1, 2, 3]}


def body(*loc):
    return ["body", *loc]


def model(**members):
    return {"results": [1, 2, 3, 4, 5], "model": members}


JSON_TEXT = [
    ("not JSON", {"body": "nonsense"}, 422, [(body(0), "json_invalid")]),
    ("nothing", {"body": ""}, 422, [(body(), "missing")]),
    ("only spaces", {"body": "  \n "}, 422, [(body(4), "json_invalid")]),
    ("cut off", {"body": '{"results":[1,2'}, 422, [(body(15), "json_invalid")]),
    ("a trailing comma", {"body": '{"results":[1,2,]}'}, 422, [(body(16), "json_invalid")]),
    ("a missing comma", {"body": '{"results":[1 2]}'}, 422, [(body(14), "json_invalid")]),
    ("text after the end", {"body": '{"results":[1]} x'}, 422, [(body(16), "json_invalid")]),
    ("single quotes", {"body": "{'results':[1]}"}, 422, [(body(1), "json_invalid")]),
    ("NaN", {"body": '{"results":[1,NaN]}'}, 422, [(body(14), "json_invalid")]),
    ("Infinity", {"body": '{"results":[Infinity]}'}, 422, [(body(12), "json_invalid")]),
    ("-Infinity", {"body": '{"results":[-Infinity]}'}, 422, [(body(12), "json_invalid")]),
    ("a leading zero", {"body": '{"results":[01]}'}, 422, [(body(12), "json_invalid")]),
    ("hexadecimal", {"body": '{"results":[0x1]}'}, 422, [(body(13), "json_invalid")]),
    ("a plus sign", {"body": '{"results":[+1]}'}, 422, [(body(12), "json_invalid")]),
    ("a bare point", {"body": '{"results":[.5]}'}, 422, [(body(12), "json_invalid")]),
    ("results twice", {"body": '{"results":[1],"results":[2]}'}, 422, [(body(15), "json_invalid")]),
    ("a byte order mark", {"body": b'\xef\xbb\xbf{"results":[1]}'}, 422, [(body(0), "json_invalid")]),
    ("a comment", {"body": '{"results":[1]/*x*/}'}, 422, [(body(14), "json_invalid")]),
]

RESULTS = [
    ("an array at the top", {"json": [1, 2]}, 422, [(body(), "model_attributes_type")]),
    ("a number at the top", {"json": 5}, 422, [(body(), "model_attributes_type")]),
    ("null at the top", {"json": None}, 422, [(body(), "model_attributes_type")]),
    ("no results", {"json": {}}, 422, [(body("results"), "missing")]),
    ("results misspelt", {"json": {"result": [1]}}, 422, [(body("results"), "missing"), (body("result"), "extra_forbidden")]),
    ("results is text", {"json": {"results": "1,2"}}, 422, [(body("results"), "list_type")]),
    ("results is null", {"json": {"results": None}}, 422, [(body("results"), "list_type")]),
    ("results is an object", {"json": {"results": {"0": 1}}}, 422, [(body("results"), "list_type")]),
    ("results is empty", {"json": {"results": []}}, 422, [(body("results"), "too_short")]),
    ("text among the numbers", {"json": {"results": [1, "2", 3]}}, 422, [(body("results", 1), "float_type")]),
    ("true among the numbers", {"json": {"results": [True, 1]}}, 422, [(body("results", 0), "float_type")]),
    ("lists among the numbers", {"json": {"results": [[1], 2, [3]]}}, 422,
     [(body("results", 0), "float_type"), (body("results", 2), "float_type")]),
    ("1e999", {"body": '{"results":[1,1e999]}'}, 422, [(body("results", 1), "finite_number")]),
    ("-1e400", {"body": '{"results":[-1e400]}'}, 422, [(body("results", 0), "finite_number")]),
    ("twenty-five faults: twenty are listed", {"json": {"results": ["x"] * 25}}, 422,
     [(body("results", i), "float_type") for i in range(20)]),
    ("faults of two members", {"json": {"results": ["x"], "output": 1}}, 422,
     [(body("results", 0), "float_type"), (body("output"), "literal_error")]),
]

OPTIONS = [
    ("an unknown member", {"json": R | {"outputs": "smoothed"}}, 422, [(body("outputs"), "extra_forbidden")]),
    ("an unknown output", {"json": R | {"output": "guessed"}}, 422, [(body("output"), "literal_error")]),
    ("robust as text", {"json": R | {"robust": "yes"}}, 422, [(body("robust"), "bool_type")]),
    ("robust as number", {"json": R | {"robust": 1}}, 422, [(body("robust"), "bool_type")]),
    ("an unknown transform", {"json": R | {"transform": "ln"}}, 422, [(body("transform"), "literal_error")]),
    ("a power of 3", {"json": R | {"transform": {"box_cox": 3}}}, 422, [(body("transform", "box_cox"), "less_than_equal")]),
    ("a logarithm of zero", {"json": {"results": [1, 0, 2], "transform": "log"}}, 422, [(body("results", 1), "value_error")]),
    ("bias_adjust as text", {"json": R | {"bias_adjust": "yes"}}, 422, [(body("bias_adjust"), "bool_type")]),
    ("lags of half a step", {"json": R | {"ljung_box_lags": 1.5}}, 422, [(body("ljung_box_lags"), "int_from_float")]),
    ("horizon negative", {"json": R | {"horizon": -1}}, 422, [(body("horizon"), "greater_than_equal")]),
    ("horizon too far", {"json": R | {"horizon": 10001}}, 422, [(body("horizon"), "less_than_equal")]),
    ("horizon between steps", {"json": R | {"horizon": 1.5}}, 422, [(body("horizon"), "int_from_float")]),
    ("horizon as text", {"json": R | {"horizon": "12"}}, 422, [(body("horizon"), "int_type")]),
    ("an interval of 0", {"json": R | {"intervals": [0]}}, 422, [(body("intervals", 0), "greater_than")]),
    ("an interval of 1", {"json": R | {"intervals": [0.5, 1]}}, 422, [(body("intervals", 1), "less_than")]),
    ("an interval in per cent", {"json": R | {"intervals": [95]}}, 422, [(body("intervals", 0), "less_than")]),
    ("an interval as text", {"json": R | {"intervals": ["0.9"]}}, 422, [(body("intervals", 0), "float_type")]),
    ("intervals not a list", {"json": R | {"intervals": 0.9}}, 422, [(body("intervals"), "list_type")]),
    ("nine intervals", {"json": R | {"intervals": [i / 10 for i in range(1, 10)]}}, 422, [(body("intervals"), "too_long")]),
    ("the same interval twice", {"json": R | {"intervals": [0.9, 0.9]}}, 422, [(body("intervals", 1), "value_error")]),
    ("include not a list", {"json": R | {"include": "model"}}, 422, [(body("include"), "list_type")]),
    ("an unknown word in include", {"json": R | {"include": ["model", "moon"]}}, 422, [(body("include", 1), "literal_error")]),
    ("a number in include", {"json": R | {"include": [1]}}, 422, [(body("include", 0), "literal_error")]),
]

MODELS = [
    ("model a number", {"json": R | {"model": 1}}, 422, [(body("model"), "model_attributes_type")]),
    ("an unknown model", {"json": model(name="moon")}, 422, [(body("model", "name"), "literal_error")]),
    ("an unknown model by name alone", {"json": R | {"model": "moon"}}, 422, [(body("model"), "literal_error")]),
    ("a model that is not served", {"json": R | {"model": "custom"}}, 422, [(body("model"), "literal_error")]),
    ("an unknown setting that is null", {"json": model(name="arima", moon=None)}, 422, [(body("model", "moon"), "extra_forbidden")]),
    ("a model without a name that it needs", {"json": model(name="seasonal", period=None)}, 422, [(body("model", "period"), "missing")]),
    ("a model's name as a number", {"json": model(name=1)}, 422, [(body("model", "name"), "string_type")]),
    ("an unknown setting", {"json": model(name="local_level", period=12)}, 422, [(body("model", "period"), "extra_forbidden")]),
    ("a setting left out", {"json": model(name="seasonal")}, 422, [(body("model", "period"), "missing")]),
    ("a setting too small", {"json": model(name="seasonal", period=1)}, 422, [(body("model", "period"), "greater_than_equal")]),
    ("a setting too large", {"json": model(name="seasonal", period=8785)}, 422, [(body("model", "period"), "less_than_equal")]),
    ("a season of too many states", {"json": model(name="seasonal", period=367)}, 422, [(body("model", "period"), "value_error")]),
    ("a setting between", {"json": model(name="seasonal", period=2.5)}, 422, [(body("model", "period"), "int_from_float")]),
    ("a setting as text", {"json": model(name="seasonal", period="12")}, 422, [(body("model", "period"), "int_type")]),
    ("parameters a list", {"json": model(name="local_level", parameters=[1])}, 422, [(body("model", "parameters"), "dict_type")]),
    ("an unknown parameter", {"json": model(name="local_level", parameters={"q": 1})}, 422,
     [(body("model", "parameters", "q"), "extra_forbidden")]),
    ("a negative variance", {"json": model(name="local_level", parameters={"level_variance": -1})}, 422,
     [(body("model", "parameters", "level_variance"), "greater_than_equal")]),
    ("a variance as text", {"json": model(name="local_level", parameters={"level_variance": "1"})}, 422,
     [(body("model", "parameters", "level_variance"), "float_type")]),
    ("a variance as a list", {"json": model(name="local_level", parameters={"level_variance": [1]})}, 422,
     [(body("model", "parameters", "level_variance"), "float_type")]),
    ("damping above 1", {"json": model(name="damped_trend", parameters={"damping": 1.5})}, 422,
     [(body("model", "parameters", "damping"), "less_than_equal")]),
    ("coefficients that are not stationary", {"json": model(name="arima", p=1, parameters={"ar": [1.1]})}, 422,
     [(body("model", "parameters", "ar"), "value_error")]),
    ("too few coefficients", {"json": model(name="arima", p=2, parameters={"ar": [0.1]})}, 422,
     [(body("model", "parameters", "ar"), "too_short")]),
    ("coefficients without an order", {"json": model(name="arima", q=1, parameters={"ar": [0.1]})}, 422,
     [(body("model", "parameters", "ar"), "extra_forbidden")]),
]

CSV = {"headers": {"Content-Type": "text/csv"}}
CSV_TEXT = [
    ("CSV of nothing", CSV | {"body": ""}, 422, [(body("value"), "too_short")]),
    ("CSV of a header alone", CSV | {"body": "value\n"}, 422, [(body("value"), "too_short")]),
]

ROUTES = [
    ("an unknown path", {"path": "/api/v1/{id}/filter", "json": R}, 404, "not_found"),
    ("a slash too many", {"path": "/api/v1/{id}/kalman/", "json": R}, 404, "not_found"),
    ("account 0", {"path": "/api/v1/0/kalman", "json": R}, 404, "not_found"),
    ("account with a sign", {"path": "/api/v1/+1/kalman", "json": R}, 404, "not_found"),
    ("an account that is not there", {"path": "/api/v1/2147483647/kalman", "json": R}, 404, "account_unknown"),
    ("GET", {"method": "GET"}, 405, "method_not_allowed"),
    ("DELETE", {"method": "DELETE"}, 405, "method_not_allowed"),
    ("no key", {"key": None, "json": R}, 403, "key_missing"),
    ("a malformed key", {"key": "not-a-uuid", "json": R}, 403, "key_invalid"),
    ("an unknown key", {"key": "00000000-0000-4000-8000-000000000000", "json": R}, 403, "key_invalid"),
    ("a token that nobody signed", {"key": "eyJhbGciOiJub25lIn0.e30.", "json": R}, 403, "key_invalid"),
    ("no content type", {"headers": {"Content-Type": None}, "body": '{"results":[1]}'}, 415, "unsupported_media_type"),
    ("XML", {"headers": {"Content-Type": "application/xml"}, "body": "<x/>"}, 415, "unsupported_media_type"),
    ("an unknown content encoding", {"headers": {"Content-Encoding": "br"}, "body": "x"}, 415, "unsupported_encoding"),
    ("an idempotency key of 256 characters", {"headers": {"Idempotency-Key": "k" * 256}, "json": R}, 400, "idempotency_key_invalid"),
    ("an idempotency key with a space", {"headers": {"Idempotency-Key": "a b"}, "json": R}, 400, "idempotency_key_invalid"),
]

NDJSON = {"headers": {"Content-Type": "application/x-ndjson"}}
OCTETS = {"headers": {"Content-Type": "application/octet-stream"}}
OTHER_FORMATS = [
    ("NDJSON of nothing", NDJSON | {"body": ""}, 422, [(body(), "too_short")]),
    ("NDJSON with text", NDJSON | {"body": '1\n"2"\n'}, 422, [(body(1), "float_type")]),
    ("NDJSON with two values in a line", NDJSON | {"body": "1 2\n"}, 422, [(body(0), "json_invalid")]),
    ("NDJSON with a record in a record", NDJSON | {"body": '{"moon":{}}\n'}, 422, [(body(0), "value_error")]),
    ("octets cut off", OCTETS | {"body": b"1234567"}, 422, [(body(), "value_error")]),
    ("octets of nothing", OCTETS | {"body": b""}, 422, [(body(), "too_short")]),
    ("octets of infinity", OCTETS | {"body": bytes(6) + b"\xf0\x7f"}, 422, [(body(0), "finite_number")]),
    ("not gzip", {"headers": {"Content-Encoding": "gzip"}, "body": '{"results":[1]}'}, 400, "body_corrupt"),
]


def query(*loc):
    return ["query", *loc]


QUERY = [
    ("precision 0", {"query": "precision=0", "json": R}, 422, [(query("precision"), "greater_than_equal")]),
    ("precision 18", {"query": "precision=18", "json": R}, 422, [(query("precision"), "less_than_equal")]),
    ("precision in words", {"query": "precision=high", "json": R}, 422, [(query("precision"), "int_parsing")]),
    ("precision twice", {"query": "precision=1&precision=2", "json": R}, 422, [(query("precision"), "value_error")]),
    ("an unknown query parameter", {"query": "precison=3", "json": R}, 422, [(query("precison"), "extra_forbidden")]),
    ("an option of the body in the query", {"query": "horizon=3", "json": R}, 422, [(query("horizon"), "extra_forbidden")]),
    ("an escape that is not UTF-8", {"query": "precision=%ff", "json": R}, 422, [(query("precision"), "value_error")]),
    ("a wrong CSV with a sound option", CSV | {"query": "horizon=2", "body": ""}, 422, [(body("value"), "too_short")]),
    ("a wrong NDJSON with a sound option", NDJSON | {"query": "horizon=2", "body": ""}, 422, [(body(), "too_short")]),
    ("wrong octets with a sound option", OCTETS | {"query": "include=model", "body": b""}, 422, [(body(), "too_short")]),
    ("a wrong CSV with a wrong option", CSV | {"query": "horizon=-1", "body": ""}, 422,
     [(body("value"), "too_short"), (query("horizon"), "greater_than_equal")]),
    ("CSV with an unknown model", CSV | {"query": "model=moon", "body": "1\n2\n"}, 422, [(query("model"), "literal_error")]),
    ("CSV with an unknown model in an object", CSV | {"query": "model=%7B%22name%22:%22moon%22%7D", "body": "1\n2\n"}, 422,
     [(query("model", "name"), "literal_error")]),
    ("CSV with a wrong option", CSV | {"query": "output=guessed", "body": "1\n2\n"}, 422, [(query("output"), "literal_error")]),
    ("CSV with a wrong horizon", CSV | {"query": "horizon=-1", "body": "1\n2\n"}, 422, [(query("horizon"), "greater_than_equal")]),
    ("CSV with an interval in per cent", CSV | {"query": "intervals=0.8,95", "body": "1\n2\n"}, 422,
     [(query("intervals", 1), "less_than")]),
]

BATCH = {"path": "/api/v1/{id}/kalman/batch"}
BATCHES = [
    ("a batch of nothing", BATCH | {"json": {}}, 422, [(body("series"), "missing")]),
    ("a batch without series in it", BATCH | {"json": {"series": []}}, 422, [(body("series"), "too_short")]),
    ("a batch that is no list", BATCH | {"json": {"series": 1}}, 422, [(body("series"), "list_type")]),
    ("y without sizes", BATCH | {"json": {"y": [1]}}, 422, [(body("sizes"), "missing")]),
    ("sizes that do not add up", BATCH | {"json": {"y": [1, 2], "sizes": [1]}}, 422, [(body("sizes"), "value_error")]),
    ("series and y", BATCH | {"json": {"series": [[1]], "y": [1], "sizes": [1]}}, 422, [(body("series"), "extra_forbidden")]),
    ("a batch with an unknown option", BATCH | {"json": {"series": [[1]], "moon": 1}}, 422, [(body("moon"), "extra_forbidden")]),
    ("a batch of a wrong model", BATCH | {"json": {"series": [[1]], "model": "moon"}}, 422, [(body("model"), "literal_error")]),
    ("a batch as octets", BATCH | OCTETS | {"body": bytes(8)}, 415, "unsupported_media_type"),
    ("GET of a batch", BATCH | {"method": "GET"}, 405, "method_not_allowed"),
]

KEYS = {"path": "/api/v1/{id}/keys"}
USAGE = {"path": "/api/v1/{id}/usage", "method": "GET"}
EVENTS = {"path": "/api/v1/{id}/usage/events", "method": "GET"}
LIST = KEYS | {"method": "GET"}
TOKEN = {"path": "/api/v1/{id}/token"}
ACCOUNT = [
    ("a key with an unknown scope", KEYS | {"json": {"scopes": ["model", "moon"]}}, 422, [(body("scopes", 1), "literal_error")]),
    ("a key without scopes", KEYS | {"json": {"scopes": []}}, 422, [(body("scopes"), "too_short")]),
    ("scopes not a list", KEYS | {"json": {"scopes": "model"}}, 422, [(body("scopes"), "list_type")]),
    ("a key that expires at once", KEYS | {"json": {"expires_in_s": 0}}, 422, [(body("expires_in_s"), "greater_than_equal")]),
    ("a key with an unknown member", KEYS | {"json": {"owner": "x"}}, 422, [(body("owner"), "extra_forbidden")]),
    ("a key from text", KEYS | {"body": "nonsense"}, 422, [(body(8), "json_invalid")]),
    ("a key that is not there", {"path": "/api/v1/{id}/keys/999999999", "method": "DELETE"}, 404, "not_found"),
    ("a key id in words", {"path": "/api/v1/{id}/keys/first", "method": "DELETE"}, 404, "not_found"),
    ("a change of a foreign key", {"path": "/api/v1/{id}/keys/1", "method": "PATCH", "json": {"name": "x"}}, 404, "not_found"),
    ("a change of a key's expiry", {"path": "/api/v1/{id}/keys/1", "method": "PATCH", "json": {"expires_at": None}}, 422,
     [(body("expires_at"), "extra_forbidden")]),
    ("a rotation with a long grace", {"path": "/api/v1/{id}/keys/1/rotate", "json": {"grace_s": 999999}}, 422,
     [(body("grace_s"), "less_than_equal")]),
    ("a rotation of a foreign key", {"path": "/api/v1/{id}/keys/1/rotate", "json": {}}, 404, "not_found"),
    ("a token for a day", TOKEN | {"json": {"expires_in_s": 86400}}, 422, [(body("expires_in_s"), "less_than_equal")]),
    ("a token for half a second", TOKEN | {"json": {"expires_in_s": 0.5}}, 422, [(body("expires_in_s"), "int_type")]),
    ("usage of no days", USAGE | {"query": "days=0"}, 422, [(query("days"), "greater_than_equal")]),
    ("usage of too many days", USAGE | {"query": "days=93"}, 422, [(query("days"), "less_than_equal")]),
    ("usage with an unknown parameter", USAGE | {"query": "from=1"}, 422, [(query("from"), "extra_forbidden")]),
    ("events without a limit", EVENTS | {"query": "limit=0"}, 422, [(query("limit"), "greater_than_equal")]),
    ("events from a broken cursor", EVENTS | {"query": "cursor=abc"}, 422, [(query("cursor"), "int_parsing")]),
    ("keys without a limit", LIST | {"query": "limit=0"}, 422, [(query("limit"), "greater_than_equal")]),
    ("too many keys a page", LIST | {"query": "limit=101"}, 422, [(query("limit"), "less_than_equal")]),
    ("keys from a broken cursor", LIST | {"query": "cursor=abc"}, 422, [(query("cursor"), "int_parsing")]),
    ("keys with an unknown parameter", LIST | {"query": "page=2"}, 422, [(query("page"), "extra_forbidden")]),
    ("POST to usage", {"path": "/api/v1/{id}/usage", "json": {}}, 405, "method_not_allowed"),
    ("usage without a key", USAGE | {"key": None}, 403, "key_missing"),
    ("keys with an unknown key", KEYS | {"key": "00000000-0000-4000-8000-000000000000", "json": {}}, 403, "key_invalid"),
]

TABLE = (JSON_TEXT + RESULTS + OPTIONS + MODELS + CSV_TEXT + ROUTES + OTHER_FORMATS + QUERY + BATCHES + ACCOUNT)
