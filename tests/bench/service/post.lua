-- wrk: POSTs the file named by LUNA_BENCH_BODY with the key in LUNA_BENCH_KEY; prints one line of
-- figures that a program can read.
local file = assert(io.open(os.getenv("LUNA_BENCH_BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = os.getenv("LUNA_BENCH_KEY")

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("figures requests=%d duration_us=%d p50_us=%d p99_us=%d errors=%d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
