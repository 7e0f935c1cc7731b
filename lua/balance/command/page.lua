-- SPDX-License-Identifier: MIT
--- `balance page`: the page as a file.
-- @module balance.command.page

local data = require "balance.command.data"
local files = require "balance.report.file"
local report = require "balance.report.page"
local stop = require "balance.command.stop"
local watched = require "balance.command.watched"

local _M = {}

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local page = report.write((watched.ask(arguments)))
  if arguments.output == "-" then
    data.write(page)
    return stop.status.fine
  end
  local ok, problem = files.save(arguments.output, page)
  if not ok then
    stop.with("unknown", tostring(problem))
  end
  return stop.status.fine
end

return _M
