-- SPDX-License-Identifier: MIT
--- `balance completion`: what argparse makes for a shell.
-- @module balance.command.completion

local data = require "balance.command.data"
local parsers = require "balance.command.parser"
local status = require("balance.command.stop").status

local _M = {}

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local parser = parsers.new(function() end)
  data.write(parser[("get_%s_complete"):format(arguments.shell)](parser))
  return status.fine
end

return _M
