-- SPDX-License-Identifier: MIT
--- Row 7: what calls in flight cost a worker of nginx, and whom it serves
-- beside them; and the same of lua-resty-http, where RESTY_HTTP names a
-- directory that has its resty/http.lua, and resty/string.lua, which it needs.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"
local start = require "bench.server"
local stats = require "bench.stats"

local root = process.run "pwd":match "[^\n]*"
local rounds, seconds = 5, 1

-- What is measured of calls: so many in flight, over an upstream that takes so
-- many milliseconds. The last one is what others are served beside.
local loads = {
  { calls = 1, delay = 0 }, { calls = 10, delay = 0 },
  { calls = 50, delay = 0 }, { calls = 1, delay = 100 },
  { calls = 10, delay = 100 },
  { calls = 50, delay = 100, aim = { most = 1.3 } }, -- of CPU
}
local peer = os.getenv "RESTY_HTTP"

local function get(port, path)
  local text, status = process.run(("curl -fsS --max-time 60 "
    .. "'http://127.0.0.1:%d%s'"):format(port, path))
  assert(status == 0, text)
  return text
end

local function numbers(text)
  local list = {}
  for number in text:gmatch("%S+") do
    list[#list + 1] = tonumber(number)
  end
  return list
end

local function unrelated(port)
  return numbers((process.run(measure.program("closed_loop", port,
    "/unrelated", seconds))))
end

-- Both at once: the load for a little longer than what is measured.
local function unrelated_beside(port, path)
  local output = os.tmpname()
  local load = process.start(("curl -sS --max-time 60 -o %s"
    .. " 'http://127.0.0.1:%d%s'"):format(output, port, path))
  process.sleep(0.5)
  local result = unrelated(port)
  local text = process.await(output)
  load.stop()
  os.remove(output)
  return result, text
end

local function path_of(client, load, longer)
  return ("/load?client=%s&calls=%d&delay=%d&seconds=%g"):format(client,
    load.calls, load.delay, seconds + (longer or 0))
end

local clients = { "balance" }
if peer then
  clients[2] = "resty"
else
  report.skip(7, "calls in nginx", "lua-resty-http",
    "set RESTY_HTTP to its lib directory")
end

local port, server = start "nginx.conf"
local before, longest = get(port, "/first"):match "^(%S+) (%S+)"
report.note(7, "a worker's longest pause, around its first call",
  "the one before it", longest .. " ms", before .. " ms")

-- What its calls cost, round by round: the latency added to them, in the median
-- and at the 99th percentile, and CPU, in seconds.
local function measure_load(load)
  local cost = {}
  for _, client in ipairs(clients) do
    get(port, path_of(client, load)) -- the connections are made
    cost[client] = { p50 = {}, p99 = {}, cpu = {} }
  end
  for round = 1, rounds do
    for turn = 1, #clients do
      local client = clients[(round + turn) % #clients + 1]
      local found = numbers(get(port, path_of(client, load)))
      cost[client].p50[round] = found[1] / 1e3
      cost[client].p99[round] = found[2] / 1e3
      cost[client].cpu[round] = found[4] / 1e6
    end
  end
  return cost
end

local function report_load(load, cost)
  local name = ("%d in flight, upstream of %d ms: "):format(load.calls,
    load.delay)
  for _, line in ipairs {
    { "p50", "latency added, median", { most = 1 } },
    { "p99", "latency added, p99", { most = 1.2 } },
    { "cpu", "CPU of each", load.aim },
  } do
    local key, what, aim = line[1], name .. line[2], line[3]
    local ours = cost.balance[key]
    if peer then
      report.compare(7, what, "lua-resty-http", ours, cost.resty[key], aim)
    else
      report.note(7, what, "", report.median(ours), "")
    end
  end
end

for _, load in ipairs(loads) do
  report_load(load, measure_load(load))
end

local wakes = {}
for round = 1, rounds do
  wakes[round] = numbers(get(port, path_of("balance",
    { calls = 1, delay = 1000 }, -seconds)))[5]
end
report.value(7, "times that a call of 1 s wakes the worker", "",
  ("%d"):format(stats.spread(wakes).median), "", wakes,
  function(number) return ("%d"):format(number) end, { most = 10 })

local idle, p99, empty = {}, { balance = {}, resty = {} }, 0
local last = loads[#loads]
for round = 1, rounds do
  idle[round] = unrelated(port)[2] / 1e6
  for _, client in ipairs(clients) do
    local busy = unrelated_beside(port, path_of(client, last, 1))
    p99[client][round] = busy[2] / 1e6
    empty = empty + (client == "balance" and busy[6] or 0)
  end
end

local what = ("%d calls in flight: "):format(last.calls)
report.value(7, what .. "p99 of an unrelated location, over the idle one",
  peer and "lua-resty-http" or "", report.median(p99.balance),
  peer and report.median(p99.resty) or "",
  stats.differences(p99.balance, idle), report.seconds, { most = 1e-3 })
report.note(7, what .. "slices of 100 ms in which it answered nothing", "",
  empty, "")
local log = process.read "build/bench/error.log"
local _, complaints = log:gsub("%[error%]", "")
report.note(7, "errors that nginx logged", "", complaints, "")
server.stop()

port, server = start("nginx.conf",
  "LD_PRELOAD=" .. root .. "/build/luajit/spec/resolver.so")
local stalled = unrelated_beside(port, "/stall")
report.note(7, "p99 of an unrelated location while 10 look-ups stall",
  "the idle one", report.seconds(stalled[2] / 1e6), report.median(idle),
  ("%d of %d slices empty"):format(stalled[6], stalled[5]))
server.stop()
