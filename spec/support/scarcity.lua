-- SPDX-License-Identifier: MIT
--- Scripts in a process of their own, to which the system denies something.
local assert = require "luassert"
local process = require "support.process"

local _M = {}

-- Goes before each script. `say` prints what a call returned or raised in one
-- line; `exhaust(n)` leaves n descriptors free, and returns a function that
-- closes the others.
local preamble = [[
  local balance = require "balance"
  local core = require "balance.core"
  local function say(ok, result, err)
    if not ok then
      print("raised " .. tostring(result))
    elseif result then
      print(type(result) == "table" and result.available or result)
    else
      print(err.kind .. " " .. (err.retryable and "retryable" or "final")
        .. ": " .. tostring(err))
    end
  end
  local function call(name, options)
    options = options or {}
    options.retries, options.timeout = 0, options.timeout or 5
    say(pcall(balance[name], options))
  end
  local function exhaust(spare)
    local held = {}
    repeat
      local file = io.open "/dev/null"
      held[#held + 1] = file
    until not file
    for _ = 1, spare do
      table.remove(held):close()
    end
    return function()
      for _, file in ipairs(held) do
        file:close()
      end
    end
  end
]]

--- Runs a script, which must succeed. Returns what it printed.
function _M.run(code, setting, ...)
  local output, status = process.run_lua(preamble .. code,
    "timeout --foreground 60 env " .. (setting or ""), ...)
  assert.equal(0, status, output)
  return output
end

function _M.lines_of(output)
  local lines = {}
  for line in output:gmatch "[^\n]+" do
    lines[#lines + 1] = line
  end
  return lines
end

_M.is_root = process.run "id -u" == "0\n"

--- The command that makes a process root, in a namespace of its own if need
-- be; nil where that is not allowed. `options` are more for unshare.
function _M.namespace(options)
  for _, unshare in ipairs { "unshare " .. options, "unshare -r " .. options }
  do
    local _, status = process.run(unshare .. " true")
    if status == 0 then
      return unshare
    end
  end
end

return _M
