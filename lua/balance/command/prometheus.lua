-- SPDX-License-Identifier: MIT
--- `balance prometheus`: metrics of all accounts. A failure is among them, and so
-- is no failure of the command.
-- @module balance.command.prometheus

local data = require "balance.command.data"
local report = require "balance.report.prometheus"
local status = require("balance.command.stop").status
local watched = require "balance.command.watched"

local _M = {}

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  data.save(report.write((watched.ask(arguments))), arguments.textfile)
  return status.fine
end

return _M
