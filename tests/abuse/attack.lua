-- wrk: repeats one request from a file, with the headers of LUNA_ATTACK_HEADERS ("Name: value"
-- lines).
-- Prints the statuses that it received.
local statuses = {}
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init()
  local file = assert(io.open(os.getenv("LUNA_ATTACK_BODY"), "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.method = "POST"
  for name, value in string.gmatch(os.getenv("LUNA_ATTACK_HEADERS"), "([^:\n]+): ([^\n]+)") do
    wrk.headers[name] = value
  end
  counts = {}
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
end

function done()
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("counts")) do
      statuses[status] = (statuses[status] or 0) + count
    end
  end
  for status, count in pairs(statuses) do
    io.write(string.format("status %d %d\n", status, count))
  end
end
