-- SPDX-License-Identifier: MIT
--- Shows a person in a terminal, after a second of waiting, that something goes
-- on. The line is wiped when that has ended.
-- @module balance.command.progress

local blocking = require "balance.loop.blocking"
local core = require "balance.core"

local _M = {}

local patience = 1 -- seconds

-- The functions, each counted; the last one to end raises `ended`, which gives up
-- the clock.
local function counted(functions, ended, clock)
  local left, all = #functions, { clock }
  for i, body in ipairs(functions) do
    all[i + 1] = function()
      body()
      left = left - 1
      if left == 0 then
        error(ended, 0)
      end
    end
  end
  return all
end

local function gather(functions, describe)
  local ended, is_shown = {}, false
  local ok, problem = pcall(blocking.gather, counted(functions, ended,
    function()
      blocking.sleep(patience)
      local columns = core.terminal(2)
      local text = describe()
      io.stderr:write(columns > 1 and text:sub(1, columns - 1) or text)
      is_shown = true
    end))
  if is_shown then
    io.stderr:write("\r\27[K")
  end
  if not ok and problem ~= ended then
    error(problem, 0)
  end
end

--- A loop for the setting `loop` of a client. It is the blocking one, and shows
-- that its `gather` goes on.
-- @tparam function describe returns what goes on, a short text
-- @treturn ?table nil where no person would see it
function _M.loop(describe)
  if not core.terminal(2) then
    return nil
  end
  return {
    wait = blocking.wait, sleep = blocking.sleep,
    gather = function(functions)
      if functions[1] then
        gather(functions, describe)
      end
    end,
  }
end

return _M
