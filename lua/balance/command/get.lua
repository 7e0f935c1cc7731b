-- SPDX-License-Identifier: MIT
--- `balance get`: what is left on all accounts.
-- @module balance.command.get

local data = require "balance.command.data"
local output = require "balance.command.output"
local status = require("balance.command.stop").status
local verdicts = require "balance.command.verdict"
local watched = require "balance.command.watched"

local _M = {}

-- Each report is loaded when it is asked for.
local function write(arguments, snapshot)
  if arguments.json then
    return require("balance.report.json").write(snapshot) .. "\n"
  elseif arguments.plain then
    return require("balance.report.plain").write(snapshot)
  end
  return require("balance.report.text").write(snapshot, {
    width = output.width(), colour = output.has_colour(arguments.color),
  })
end

--- Runs it.
-- @tparam table arguments
-- @treturn integer the exit status
function _M.run(arguments)
  local snapshot, accounts = watched.ask(arguments)
  data.write(write(arguments, snapshot))
  if not arguments.json and not arguments.plain then
    output.say_who_knows_more(snapshot)
  end
  local worst = "fine"
  for _, account in ipairs(snapshot.accounts) do
    local verdict, of = verdicts.of(account, accounts[account.name].alarms)
    if of ~= "min_days" or verdict == "below" then -- else it is too early
      worst = verdicts.worse(worst, verdict)
    end
  end
  return status[worst]
end

return _M
