-- SPDX-License-Identifier: MIT
--- `balance nagios`, also installed as `check_balance`: a monitoring plugin.
-- @module balance.command.nagios

local data = require "balance.command.data"
local report = require "balance.report.nagios"
local stop = require "balance.command.stop"
local watched = require "balance.command.watched"

local _M = {}

local default_timeout = 9 -- seconds, of the plugins' guidelines
local rest = 1 -- of it, for all but the calls

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status, of a plugin
function _M.run(arguments)
  local options = {
    warning = arguments.warning, critical = arguments.critical,
    failure_state = arguments.failure_state,
  }
  local read, mistake = report.read(options)
  if not read then
    stop.with("usage", mistake)
  end
  local limit = arguments.timeout or default_timeout
  arguments.timeout = math.max(limit - rest, limit / 2)
  local line, status = report.write((watched.ask(arguments)), options)
  data.write(line .. "\n")
  return status
end

return _M
