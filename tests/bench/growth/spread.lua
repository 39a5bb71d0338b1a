-- wrk: POSTs the file named by LUNA_BENCH_BODY for many accounts in turn: LUNA_BENCH_KEYS names a
-- file of lines "path key". Each thread begins elsewhere in it, as many lines on as LUNA_BENCH_SKIP
-- says. Prints the line of figures that ../service/post.lua prints.
local function read(name)
  local file = assert(io.open(os.getenv(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local accounts, at = {}, 1
function init()
  wrk.method = "POST"
  wrk.body = read("LUNA_BENCH_BODY")
  wrk.headers["Content-Type"] = "application/json"
  for path, key in read("LUNA_BENCH_KEYS"):gmatch("(%S+) (%S+)") do
    accounts[#accounts + 1] = {path, key}
  end
  at = (math.floor(number * #accounts / 2) + tonumber(os.getenv("LUNA_BENCH_SKIP"))) % #accounts + 1
end

function request()
  local account = accounts[at]
  at = at % #accounts + 1
  wrk.headers["X-API-Key"] = account[2]
  return wrk.format(nil, account[1])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("figures requests=%d duration_us=%d p50_us=%d p99_us=%d errors=%d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
