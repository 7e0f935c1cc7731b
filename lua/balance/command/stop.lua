-- SPDX-License-Identifier: MIT
--- The end of a command before its end, and the exit statuses. It loads
-- nothing, for `--help` is to be quick.
-- @module balance.command.stop

local _M = {}

--- The exit statuses of all subcommands but `nagios`.
_M.status = {
  fine = 0,
  below = 1, -- a threshold
  unknown = 2, -- a failure
  usage = 64, -- a mistake in the arguments, the environment or a file
  interrupted = 130,
}

local Stop = {}

--- Ends the command: raises what `balance.command` catches.
-- @tparam string status a name of `_M.status`
-- @tparam string message what is wrong
-- @tparam ?string remedy what to do next
function _M.with(status, message, remedy)
  error(setmetatable({
    status = _M.status[status], message = message, remedy = remedy,
  }, Stop), 0)
end

--- Whether a value that was raised is such an end.
-- @param problem
-- @treturn boolean
function _M.is_one(problem)
  return getmetatable(problem) == Stop
end

return _M
