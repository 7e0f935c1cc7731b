-- SPDX-License-Identifier: MIT
--- `balance prometheus`: metrics of all accounts. A failure is among them, and so
-- is no failure of the command.
-- @module balance.command.prometheus

local data = require "balance.command.data"
local files = require "balance.report.file"
local report = require "balance.report.prometheus"
local stop = require "balance.command.stop"
local watched = require "balance.command.watched"

local _M = {}

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local text = report.write((watched.ask(arguments)))
  if not arguments.textfile then
    data.write(text)
    return stop.status.fine
  end
  local ok, problem = files.save(arguments.textfile, text)
  if not ok then
    stop.with("unknown", tostring(problem))
  end
  return stop.status.fine
end

return _M
