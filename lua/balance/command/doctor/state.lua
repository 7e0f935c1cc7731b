-- SPDX-License-Identifier: MIT
--- The doctor looks at the state file.
-- @module balance.command.doctor.state

local balance = require "balance"
local core = require "balance.core"
local monitors = require "balance.monitor"
local paths = require "balance.command.paths"
local shell = require "balance.command.shell"
local reference = require "balance.command.reference"
local states = require "balance.command.state"

local _M = {}

-- Whether a file can be made: in its directory, or where that is made, too, in
-- the nearest one that is there.
local function can_be_made(path, with_directories)
  local directory = path
  repeat
    directory = directory:match "^(.*)/[^/]*$" or "."
    local _, problem = core.stat_file(directory == "" and "/" or directory)
  until problem ~= "missing" or directory == "" or directory == "."
    or not with_directories
  return shell.read(("test -d %s/ && test -w %s/ && echo yes"):format(
    shell.quote(directory), shell.quote(directory))) == "yes\n"
end

-- What is wrong with the file, or with what it has of an account.
local function problem_in(path, accounts)
  local store, watched = balance.store.sqlite(path), {}
  for name, one in pairs(accounts) do
    watched[name] = { provider = one.provider.name }
  end
  local _, problem = store:get "doctor"
  problem = problem or next(watched) and monitors.new {
    accounts = watched, store = store,
  }:snapshot().problem
  store:close()
  return problem
end

local function check_file(findings, path, accounts)
  local shown = paths.shown(path)
  local _, mode = core.stat_file(path)
  if mode == "missing" then
    if can_be_made(path, path == paths.state()) then
      findings:add("ok", "file", shown .. ", which the first round makes")
    else
      findings:add("wrong", "file", shown .. " cannot be made",
        "make its directory, or give --state FILE")
    end
    return
  end
  local problem = problem_in(path, accounts)
  if problem then
    findings:add("wrong", "file", problem, "see whether you may write it;"
      .. " where it is damaged, end `balance watch`, and move it away with the"
      .. " files beside it that end with -wal and -shm")
  elseif type(mode) == "number" and reference.warning(path, mode) then
    findings:add("warning", "file", reference.warning(path, mode))
  else
    findings:add("ok", "file", shown .. ", and it is sound")
  end
end

--- Looks.
-- @tparam table findings
-- @tparam table arguments `state`
-- @tparam table accounts by name
function _M.look(findings, arguments, accounts)
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
  check_file(findings, path, accounts)
end

return _M
