-- SPDX-License-Identifier: MIT
--- Data goes to standard output. It loads nothing, for `--help` is to be quick.
-- @module balance.command.data

local stop = require "balance.command.stop"

local _M = {}

--- Writes data.
-- @tparam string text
-- @raise an end of the command where it cannot be written, as on a full disk
function _M.write(text)
  local ok, problem = io.stdout:write(text)
  if ok then
    ok, problem = io.stdout:flush()
  end
  if not ok then
    stop.with("unknown", "standard output: " .. tostring(problem))
  end
end

--- Writes a report into a file, or to standard output.
-- @tparam string text
-- @tparam ?string path nil or "-" is standard output
-- @raise an end of the command where it cannot be written
function _M.save(text, path)
  if not path or path == "-" then
    return _M.write(text)
  elseif path == "" then
    stop.with("usage", "the name of the file is empty")
  end
  local ok, problem = require("balance.report.file").save(path, text)
  if not ok then
    stop.with("unknown", tostring(problem))
  end
end

return _M
