-- SPDX-License-Identifier: MIT
--- The doctor looks at the state file.
-- @module balance.command.doctor.state

local balance = require "balance"
local core = require "balance.core"
local paths = require "balance.command.paths"
local reference = require "balance.command.reference"
local states = require "balance.command.state"

local _M = {}

local function check_file(findings, path)
  local shown = paths.shown(path)
  local _, mode = core.stat_file(path)
  if mode == "missing" then
    findings:add("ok", "file", shown .. ", which the first round makes")
    return
  end
  local store = balance.store.sqlite(path)
  local _, problem = store:get "doctor"
  store:close()
  if problem then
    findings:add("wrong", "file", problem, ("see whose it is; `mv %s %s.old`"
      .. " begins anew"):format(shown, shown))
  elseif type(mode) == "number" and reference.is_open(mode) then
    findings:add("warning", "file", ("%s can be read by others (mode %03o)")
      :format(shown, mode), "chmod 600 it")
  else
    findings:add("ok", "file", shown .. ", and it is sound")
  end
end

--- Looks.
-- @tparam table findings
-- @tparam table arguments `state`
function _M.look(findings, arguments)
  findings:begin "state"
  local path, problem = states.path(arguments.state)
  if not path then
    findings:add(problem and "warning" or "skipped", "file",
      problem and "nothing is remembered: " .. problem
        or "nothing is to be remembered",
      problem and "set HOME, or give --state FILE" or nil)
    return
  end
  local ok, driver = pcall(require, "luasql.sqlite3")
  if not ok then
    findings:add("wrong", "SQLite", "nothing is remembered: LuaSQL's driver is"
      .. " missing", "install lua-sql-sqlite3 (Debian), or luasql-sqlite3"
      .. " (LuaRocks)")
    return
  end
  findings:add("ok", "SQLite", tostring(driver._CLIENTVERSION
    or driver._VERSION))
  check_file(findings, path)
end

return _M
