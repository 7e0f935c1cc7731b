-- SPDX-License-Identifier: MIT
--- Shows a person in a terminal, after a second of waiting, that something goes
-- on. The line is wiped when that has ended.
-- @module balance.command.progress

local blocking = require "balance.loop.blocking"
local core = require "balance.core"

local _M = {}

local patience = 1 -- seconds

--- Calls a function whose waits are those of calls.
-- @tparam string text what goes on
-- @tparam function body
-- @return what it returned first
-- @raise what it raised
function _M.during(text, body)
  if not core.terminal(2) then
    return body()
  end
  local ended, is_shown, value = {}, false, nil
  local ok, problem = pcall(blocking.gather, {
    function()
      value = body()
      error(ended, 0) -- which gives up the other one
    end,
    function()
      blocking.sleep(patience)
      io.stderr:write(text)
      is_shown = true
    end,
  })
  if is_shown then
    io.stderr:write("\r\27[K")
  end
  if not ok and problem ~= ended then
    error(problem, 0)
  end
  return value
end

return _M
