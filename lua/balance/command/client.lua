-- SPDX-License-Identifier: MIT
--- Asks the services for accounts whose keys may stand elsewhere, as
-- `balance.command.reference` has it.
-- @module balance.command.client

local balance = require "balance"
local core = require "balance.core"
local failures = require "balance.failure"
local progress = require "balance.command.progress"
local reference = require "balance.command.reference"
local text = require "balance.text"

local _M = {}

-- The options of a call, with the keys; or nil and why there are none.
local function options_of(one, timeout)
  local given = core.copy(one.given)
  given.provider = one.provider.name
  given.timeout = timeout or given.timeout -- the arguments win
  for name, value in pairs(one.keys or {}) do
    local problem
    if not one.is_resolved then
      value, problem = reference.obtain(value)
    end
    if not value then
      return nil, ("its %s: %s"):format(name, problem)
    end
    given[name] = value
  end
  return given
end

--- Makes a client for a monitor.
-- @tparam table accounts by name, of `balance.command.chosen`
-- @tparam ?table settings of `balance.new`; their `timeout` goes before an
-- account's own
-- @treturn table with `all()`, which asks just these accounts
function _M.new(accounts, settings)
  local asked
  local own = core.copy(settings or {})
  own.loop = progress.loop(function()
    return ("asking %s ..."):format(table.concat(text.sorted(asked), ", "))
  end)
  local client = balance.new(own)
  local function all()
    local failed = {}
    asked = {}
    for name, one in pairs(accounts) do
      local given, problem = options_of(one, own.timeout)
      asked[name] = given
      if problem then
        failed[name] = failures.of_call(one.provider.name,
          { kind = "config", message = problem }, {})
      end
    end
    local results, failures_of = client.all(asked)
    for name, failure in pairs(failed) do
      failures_of[name] = failure
    end
    return results, failures_of
  end
  return { all = all }
end

return _M
