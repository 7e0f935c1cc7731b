-- SPDX-License-Identifier: MIT
--- `balance page`: the page as a file.
-- @module balance.command.page

local data = require "balance.command.data"
local report = require "balance.report.page"
local status = require("balance.command.stop").status
local watched = require "balance.command.watched"

local _M = {}

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  data.save(report.write((watched.ask(arguments))), arguments.output)
  return status.fine
end

return _M
