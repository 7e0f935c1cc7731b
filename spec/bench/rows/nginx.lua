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
local rounds, seconds, calls = 5, 1, 50
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

local function load(client, longer)
  return ("/load?client=%s&calls=%d&seconds=%d"):format(client, calls,
    seconds + (longer or 0))
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

-- Seconds, round by round.
local idle, added, cpu, p99, empty = {}, {}, {}, {}, 0
for _, client in ipairs(clients) do
  get(port, load(client)) -- the connections are made
  added[client], cpu[client], p99[client] = {}, {}, {}
end
for round = 1, rounds do
  idle[round] = unrelated(port)[2] / 1e6
  for _, client in ipairs(clients) do
    local cost = numbers(get(port, load(client)))
    local busy = unrelated_beside(port, load(client, 1))
    added[client][round], cpu[client][round] = cost[1] / 1e3, cost[4] / 1e6
    p99[client][round] = busy[2] / 1e6
    empty = empty + (client == "balance" and busy[6] or 0)
  end
end

local what = ("%d calls in flight: "):format(calls)
local beside = peer and "lua-resty-http" or ""
local function theirs(of)
  return peer and report.median(of.resty) or ""
end
report.value(7, what .. "latency added to each", beside,
  report.median(added.balance), theirs(added), added.balance, report.seconds,
  { most = 1.5e-3 })
report.value(7, what .. "p99 of an unrelated location, over the idle one",
  beside, report.median(p99.balance), theirs(p99),
  stats.differences(p99.balance, idle), report.seconds, { most = 1e-3 })
report.note(7, what .. "slices of 100 ms in which it answered nothing", "",
  empty, "")
if peer then
  report.compare(7, what .. "CPU of each", beside, cpu.balance, cpu.resty)
else
  report.note(7, what .. "CPU of each", beside, report.median(cpu.balance), "")
end
server.stop()

port, server = start("nginx.conf",
  "LD_PRELOAD=" .. root .. "/build/luajit/spec/resolver.so")
local stalled = unrelated_beside(port, "/stall")
report.note(7, "p99 of an unrelated location while 10 look-ups stall",
  "the idle one", report.seconds(stalled[2] / 1e6), report.median(idle),
  ("%d of %d slices empty"):format(stalled[6], stalled[5]))
server.stop()
