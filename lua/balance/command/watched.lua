-- SPDX-License-Identifier: MIT
--- A monitor of the chosen accounts, with the state file as its store.
-- @module balance.command.watched

local chosen = require "balance.command.chosen"
local core = require "balance.core"
local clients = require "balance.command.client"
local monitors = require "balance.monitor"
local output = require "balance.command.output"
local states = require "balance.command.state"

local _M = {}

-- What a monitor is given of an account, without its keys.
local function settings_of(accounts)
  local asked, alarms = {}, {}
  for name, one in pairs(accounts) do
    local given = core.copy(one.given)
    given.provider = one.provider.name
    asked[name], alarms[name] = given, one.alarms
  end
  return asked, alarms
end

--- Opens one.
-- @tparam table arguments as of `balance.command.chosen`, and `state`,
-- `timeout`
-- @tparam ?table more settings of `balance.monitor`
-- @treturn table the monitor
-- @treturn table the accounts by name, one at least
-- @treturn ?table the accounts file
-- @raise an end of the command where something is wrong
function _M.open(arguments, more)
  local accounts, file = chosen.of(arguments)
  chosen.need_one(accounts)
  local store, problem = states.open(arguments.state)
  if problem then
    output.say("nothing is remembered: " .. problem)
  end
  local asked, alarms = settings_of(accounts)
  local settings = {
    accounts = asked, alarms = alarms, store = store,
    client = clients.new(accounts, { timeout = arguments.timeout }),
  }
  for name, value in pairs(more or {}) do
    settings[name] = value
  end
  return monitors.new(settings), accounts, file
end

-- Whether all that is known is at most some seconds old.
local function is_recent(snapshot, max_age)
  for _, account in ipairs(snapshot.accounts) do
    local age = account.is_up and snapshot.at - account.fetched_at
    if not age or age < 0 or age > max_age then
      return false
    end
  end
  return true
end

--- Asks all accounts, unless what is known is recent enough.
-- @tparam table arguments as of `open`, and `max_age`
-- @tparam ?function look gets the accounts by name before they are asked
-- @treturn table a snapshot; its problem with the store is told, and not in it
-- @treturn table the accounts
-- @raise as `open`
function _M.ask(arguments, look)
  local monitor, accounts = _M.open(arguments)
  if look then
    look(accounts)
  end
  local snapshot = arguments.max_age and monitor:snapshot()
  if not snapshot or not is_recent(snapshot, arguments.max_age) then
    monitor:refresh()
    snapshot = monitor:snapshot()
  end
  if snapshot.problem then
    output.say(snapshot.problem)
    snapshot.problem = nil
  end
  return snapshot, accounts
end

return _M
