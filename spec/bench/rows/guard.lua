-- SPDX-License-Identifier: MIT
--- Row 11: what a guard costs a location of nginx, where the balance is known.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"
local start = require "bench.server"
local stats = require "bench.stats"

local rounds, seconds, connections = 31, 0.2, 8

local port, server = start "guard.conf"

local function get(path)
  return (process.run(("curl -sS --retry 20 --retry-delay 1 --fail"
    .. " 'http://127.0.0.1:%d/%s'"):format(port, path)))
end

local paths = { "bare", "readme", "example", "by_hand" }
local rates, costs, hits = {}, {}, {}
for _, path in ipairs(paths) do
  assert(get(path) == "ok\n", path) -- the balances are there
  rates[path], costs[path] = {}, {}
end

-- Requests a second, and the worker's seconds of CPU for each.
local function load(path)
  local before = get "cpu"
  local text = process.run(measure.program("closed_loop", port, "/" .. path,
    seconds, connections))
  local answers = text:match "^%S+ %S+ %S+ (%d+)"
  return assert(answers, text) / seconds, (get "cpu" - before) / answers
end

for round = 1, rounds do
  for turn = 1, #paths do
    local path = paths[(round + turn) % #paths + 1]
    rates[path][round], costs[path][round] = load(path)
  end
  hits[round] = tonumber((get "hit"))
end
server.stop()

local function rate(path)
  return ("%.0f/s"):format(stats.spread(rates[path]).median)
end

local function compare(what, path, beside, other, aim)
  report.value(11, what .. ", requests a second", beside, rate(path),
    rate(other), stats.ratios(rates[path], rates[other]), nil, aim)
  report.compare(11, what .. ", the worker's CPU", beside, costs[path],
    costs[other])
end

local aim = { least = 0.75 }
compare("a location with the README's guard", "readme", "without a guard",
  "bare", aim)
compare("a location with the README's guard", "readme", "a guard by hand",
  "by_hand")
compare("a location with the guard of examples/openresty", "example",
  "without a guard", "bare", aim)
compare("a location with the guard of examples/openresty", "example",
  "a guard by hand", "by_hand")
report.value(11, "udio() from the cache, nginx, CPU", "", report.median(hits),
  "", hits, report.seconds, { most = 3e-6 })
