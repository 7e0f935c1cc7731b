-- SPDX-License-Identifier: MIT
--
-- soak_monitor.lua ROUNDS: a monitor's rounds, a quarter of an hour apart, with
-- use, top-ups, failures, alarms that are not delivered, another unit, and new
-- monitors on the same store. Prints what the process and the store hold at
-- 10 % and at 100 %, and fails where that has grown.
local memory = require "balance.store.memory"
local watching = require "support.watching"

local wanted = tonumber(arg[1]) or error "how many rounds?"

local most_growth = 1024 -- KiB
local most_stored = 64 * 1024 -- bytes of an account, as the README says

local world = watching.world { udio = 1000 }
local stored = {} -- bytes, by key
local store = memory.new { now = world.clock }

local function count(key, value)
  stored[key] = value and #value or nil
end

for _, name in ipairs { "set", "add" } do
  local put = store[name]
  store[name] = function(self, key, value, ...)
    count(key, value)
    return put(self, key, value, ...)
  end
end

local function start()
  return (watching.monitor(world, {
    store = store, alarms = { udio = { min = 100, min_days = 2 } },
    notify = function() return nil, "nobody is there" end,
  }))
end

local watched = start()

local function round(number)
  world.now = world.now + 900
  world.left.udio = world.left.udio - number % 7 / 3
  if world.left.udio < 50 then
    world.left.udio = 1000 + number % 11
  end
  world.kind.udio = number % 97 == 0 and "timeout" or nil
  world.more.udio = number % 5000 > 4000 and { unit = "character" } or nil
  if number % 500 == 0 then
    watched = start()
  end
  watched:refresh()
  if number % 50 == 0 then
    watched:snapshot()
  end
end

local function process_memory()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count"
end

local first, largest = nil, 0
for number = 1, wanted do
  round(number)
  for _, size in pairs(stored) do
    largest = math.max(largest, size)
  end
  if number == math.ceil(wanted / 10) then
    first = process_memory()
  end
end
local last = process_memory()
print(("%d rounds: %.0f KiB of Lua at 10 %%, %.0f KiB at 100 %%; %d bytes"
  .. " stored at most, %d keys"):format(wanted, first, last, largest,
  store.count))
os.exit(last - first < most_growth and largest <= most_stored
  and store.count <= 3 and 0 or 1, true)
