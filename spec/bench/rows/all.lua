-- SPDX-License-Identifier: MIT
--- Row 5: 500 accounts at once, each answer 100 ms late, beside a C program
-- with libcurl's multi handle; and what memory a call in flight takes.
local measure = require "bench.measure"
local process = require "support.process"
local report = require "bench.report"
local stats = require "bench.stats"

local calls, delay, aim = 500, 100, { most = 1.15 }

-- In a process of its own, which does it once.
local function once(command)
  return ("%s sh -c %s"):format(measure.program "spawn",
    process.quote("echo 1 | " .. command))
end

local function ours(protocol, count)
  return measure.lua("lua5.4", "all.lua", protocol.endpoint, count, delay,
    protocol.word)
end

local function theirs(protocol, count)
  return measure.program("multi", protocol.endpoint, count, delay)
end

for _, protocol in ipairs(measure.protocols) do
  local what = ("all of %d, %s, "):format(calls, protocol.name)
  local beside = "curl_multi and epoll in C"

  local all = measure.start(once(ours(protocol, calls)), 1)
  local multi = measure.start(once(theirs(protocol, calls)), 1)
  local one = measure.start(once(ours(protocol, 1)), 1)
  local single = measure.start(once(theirs(protocol, 1)), 1)
  measure.alternate(5, { all, multi, one, single })
  report.compare(5, what .. "a new process, wall", beside, all.wall,
    multi.wall, aim)
  report.compare(5, what .. "a new process, CPU", beside, all.cpu, multi.cpu)
  local function per_call(many, alone)
    local more = stats.differences(many.memory, alone.memory)
    return report.kib(stats.spread(more).median / (calls - 1)), more
  end
  local text, more = per_call(all, one)
  local other, other_more = per_call(multi, single)
  report.value(5, what .. "peak memory a call", beside, text, other,
    stats.ratios(more, other_more))

  all = measure.start(ours(protocol, calls), 1)
  multi = measure.start(theirs(protocol, calls), 1)
  measure.alternate(7, { all, multi })
  report.compare(5, what .. "again, wall", beside, all.wall, multi.wall, aim)
  report.compare(5, what .. "again, CPU", beside, all.cpu, multi.cpu)
end
