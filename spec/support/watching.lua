-- SPDX-License-Identifier: MIT
--- A monitor of accounts that a spec makes up, with a clock of the spec's.
local memory = require "balance.store.memory"
local monitor = require "balance.monitor"

local _M = {}

--- A world with `now` (Unix time) and, by account, `left`, a number, or `kind`,
-- of a failure. `asked` counts the rounds.
function _M.world(accounts)
  local world = {
    now = 1795000000, left = {}, kind = {}, more = {}, asked = 0,
  }
  for name, left in pairs(accounts) do
    world.left[name] = left
  end
  function world.clock()
    return world.now
  end
  world.client = { all = function()
    world.asked = world.asked + 1
    local results, failures = {}, {}
    for name, left in pairs(world.left) do
      if world.kind[name] then
        failures[name] = { provider = "udio", kind = world.kind[name],
          message = "it did not work", retryable = true, attempts = 3 }
      else
        results[name] = {
          provider = "udio", unit = "credit", available = left,
          available_from = "credits", credits = left,
          fetched_at = math.floor(world.now), attempts = 1,
          timing = { total = 0.25 }, raw = {}, request_id = "r-1",
        }
        for field, value in pairs(world.more[name] or {}) do
          results[name][field] = value
        end
      end
    end
    return results, failures
  end }
  return world
end

--- A monitor of a world's accounts. `changes` are settings; the store is in
-- memory, by the world's clock.
function _M.monitor(world, changes)
  local accounts = {}
  for name in pairs(world.left) do
    accounts[name] = { provider = "udio" }
  end
  local settings = {
    client = world.client, accounts = accounts, now = world.clock,
    store = memory.new { now = world.clock, max = 1e6 },
  }
  for name, value in pairs(changes or {}) do
    settings[name] = value
  end
  return monitor.new(settings), settings
end

--- A round, some seconds after the last one. Returns what the first account
-- is then.
function _M.round(world, watching, seconds)
  world.now = world.now + (seconds or 300)
  watching:refresh()
  return watching:snapshot().accounts[1]
end

--- A store that fails while `store.problem` is a text, in front of another one.
function _M.failing(behind)
  local store = {}
  for _, method in ipairs { "get", "set", "add", "delete" } do
    store[method] = function(_, ...)
      if store.problem == "raise" then
        error "no store"
      elseif store.problem then
        return nil, store.problem
      end
      return behind[method](behind, ...)
    end
  end
  return store
end

return _M
