-- SPDX-License-Identifier: MIT
--- A monitor for specs inside nginx, in a world where a second is a quarter of
-- an hour. The notes have how often it asked, and what it told.
-- luacheck: read globals ngx
local monitor = require "balance.monitor"

local _M = {}

local notes = ngx.shared.notes
local speed = 900

--- Seconds from one round to the next; a user's monitor needs 60.
_M.every = 1

local function now()
  return 1795000000 + (ngx.now() - tonumber(os.getenv "SPEC_BEGAN")) * speed
end

local function ask()
  local number = notes:incr("asked", 1, 0)
  notes:set("ask" .. number, ngx.now() .. " " .. ngx.worker.pid())
  return { udio = {
    provider = "udio", unit = "credit", available = 1000 - now() / 1e7,
    available_from = "credits", fetched_at = math.floor(now()),
  } }, {}
end

--- Makes one. `after` is for run().
function _M.start(store, after)
  local watched = monitor.new {
    client = { all = ask }, accounts = { udio = {} }, store = store, now = now,
    alarms = { udio = { min = 1 } },
    notify = function(event)
      notes:incr("told", 1, 0)
      notes:set("told " .. event.event, event.message or "")
    end,
  }
  watched.every = _M.every
  assert(watched:run(function(...)
    notes:incr("looks " .. ngx.worker.pid(), 1, 0)
    return after and after(...)
  end))
  _M.monitor = watched
end

--- Says how many samples it has, and from when the first one is.
function _M.say()
  local shown = _M.monitor:snapshot()
  local history = shown.accounts[1].history
  ngx.print(#history, " ", history[1] and history[1].at or "-", " ",
    shown.problem or "")
end

return _M
