-- SPDX-License-Identifier: MIT
--- The state file: what was left, from one command to the next.
-- @module balance.command.state

local balance = require "balance"
local core = require "balance.core"
local environment = require "balance.environment"
local paths = require "balance.command.paths"
local shell = require "balance.command.shell"

local _M = {}

--- The path.
-- @tparam ?string named as the user gave it
-- @treturn ?string nil where nothing is to be kept
-- @treturn ?string then, why, unless the user wants it so
function _M.path(named)
  named = named or environment.get "BALANCE_STATE"
  if named == "none" then
    return nil
  elseif named == "" then
    return nil, "--state is empty"
  elseif named and named:find "[%z\1-\31\127]" then
    return nil, "the path of --state has a control character"
  elseif named then
    return paths.expand(named)
  end
  local path = paths.state()
  return path, not path and "HOME is not set" or nil
end

-- The directories of the usual place are made with the first file. Returns nil
-- and why they cannot be.
local function make_directory(path)
  if core.stat_file(path) then
    return true
  end
  local output, made = shell.read(("umask 077; mkdir -p -- %s 2>&1"):format(
    shell.quote(path:match "^(.*)/")))
  return made == 0 or nil, tostring(output or made):match "[^\n]*"
end

local opened

--- Opens it.
-- @tparam ?string named
-- @treturn ?table a store; nil where nothing is kept
-- @treturn ?string then, why, unless the user wants it so
function _M.open(named)
  local path, problem = _M.path(named)
  local ok = path
  if path and path == paths.state() then
    ok, problem = make_directory(path)
  end
  if not ok then
    return nil, problem
  end
  opened = balance.store.sqlite(path)
  return opened
end

--- Closes it: in Lua 5.1 nobody else does when the process ends.
function _M.close()
  if opened then
    opened:close()
  end
end

--- Whether there is a file.
-- @tparam ?string named
-- @treturn boolean
function _M.exists(named)
  local path = _M.path(named)
  local size, problem = core.stat_file(path or "")
  return path ~= nil and (size ~= nil or problem ~= "missing")
end

return _M
