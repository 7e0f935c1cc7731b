-- SPDX-License-Identifier: MIT
--- Commands of the user's, run by the shell.
-- @module balance.command.shell

local _M = {}

--- A text as one word of the shell.
-- @tparam string text without a zero byte
-- @treturn string
function _M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- What the command prints, without the status behind it. In Lua 5.1 and LuaJIT,
-- closing a pipe does not return the status, so the shell prints it.
local function run(script)
  local pipe, problem = io.popen(script .. "\necho \" $?\"", "r")
  if not pipe then
    return nil, problem
  end
  local output = pipe:read "*a"
  pipe:close()
  local text, status = (output or ""):match "^(.*) (%d+)\n$"
  if not text then
    return nil, "the shell was ended"
  end
  return text, tonumber(status)
end

--- Runs a command, and reads what it prints. Its standard error is the caller's.
-- A mistake in its syntax ends no more than the command.
-- @tparam string command
-- @treturn ?string its output; nil where it could not be run
-- @treturn integer|string its exit status; where the first is nil, why
function _M.read(command)
  return run(("(eval %s) </dev/null"):format(_M.quote(command)))
end

--- Gives a command a text on its standard input. What it prints goes to standard
-- error.
-- @tparam string command
-- @tparam string text without a zero byte; other users can see it while the
-- command runs
-- @treturn ?integer its exit status
-- @treturn ?string where that is nil, why
function _M.feed(command, text)
  local output, status = run(("printf '%%s\\n' %s | (eval %s) >&2"):format(
    _M.quote(text), _M.quote(command)))
  if output then
    return status
  end
  return nil, status
end

return _M
