-- SPDX-License-Identifier: MIT
--- A mistake in a provider: one of its functions raised an error, or returned
-- what it must not. It is a failure of that one call, with a warning, so that
-- the other accounts of `balance.all` have their results.
-- @module balance.mistake

local _M = {}

--- The fields of the failure.
-- @tparam string name of the function
-- @tparam string words what it did
-- @treturn table `warning` is the same message, for the trace
function _M.of(name, words)
  local message = ("the provider's %s() %s"):format(name, words)
  return { kind = "decode", message = message, warning = message }
end

--- An error of others as text.
-- @param problem what was raised
-- @treturn string
function _M.text(problem)
  local ok, words = pcall(tostring, problem)
  return ok and type(words) == "string" and words or "one that cannot be shown"
end

--- Raises what no pcall may keep: that there was no memory, or Ctrl-C.
-- @param problem what was raised
function _M.pass_on(problem)
  if type(problem) == "string" and (problem == "not enough memory"
    or problem:find "interrupted!$") then
    error(problem, 0)
  end
end

--- The same for a function that raised an error.
-- @tparam string name
-- @param problem what was raised
-- @tparam ?string words what it did ("raised an error")
-- @treturn table
-- @raise as of `pass_on`
function _M.raised(name, problem, words)
  _M.pass_on(problem)
  return _M.of(name, (words or "raised an error") .. ": "
    .. _M.text(problem))
end

return _M
