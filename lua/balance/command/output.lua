-- SPDX-License-Identifier: MIT
--- Words for people go to standard error; and what their terminal can show.
-- @module balance.command.output

local clean = require("balance.failure").clean
local core = require "balance.core"
local environment = require "balance.environment"

local _M = {}

--- Writes a line of words.
-- @tparam string text of any origin
function _M.say(text)
  -- in one piece, for others may write, too
  io.stderr:write(("balance: %s\n"):format(clean(text, {}) or ""))
end

--- Says where to go on where accounts could not be asked.
-- @tparam balance.Snapshot snapshot
function _M.say_who_knows_more(snapshot)
  local failed = {}
  for _, account in ipairs(snapshot.accounts) do
    failed[#failed + 1] = account.failure and account.name or nil
  end
  if failed[1] then
    _M.say(("`balance doctor %s` looks for the cause"):format(
      table.concat(failed, " ")))
  end
end

local default_width = 80

--- The columns that a person sees.
-- @treturn ?integer nil in a pipe, where nothing is left out
function _M.width()
  local columns = core.terminal(1)
  if columns == 0 then
    columns = tonumber((environment.get "COLUMNS" or ""):match "^%d+$")
      or default_width
  end
  return columns and math.max(math.min(columns, 1000), 1)
end

--- Whether the terminal takes no escape sequences.
-- @treturn boolean
function _M.is_dumb()
  return environment.get "TERM" == "dumb"
end

--- Whether there are colours.
-- @tparam ?string choice "auto" (the default), "always" or "never"
-- @treturn boolean
function _M.has_colour(choice)
  if not choice or choice == "auto" then
    return core.terminal(1) ~= nil and not environment.get "NO_COLOR"
      and not _M.is_dumb()
  end
  return choice == "always"
end

return _M
