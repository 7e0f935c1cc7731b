-- SPDX-License-Identifier: MIT
--- Where the command has its files, as the XDG Base Directory Specification has
-- it.
-- @module balance.command.paths

local environment = require "balance.environment"

local _M = {}

-- A relative path in these variables counts as none, says the specification.
local function absolute(variable)
  local path = environment.get(variable)
  return path and path:find "^/" and path or nil
end

local function below(variable, default)
  local home = environment.get "HOME"
  return absolute(variable) or home and home .. default
end

--- The accounts file.
-- @treturn ?string nil where there is no home directory
function _M.accounts()
  local directory = below("XDG_CONFIG_HOME", "/.config")
  return directory and directory .. "/balance/accounts.json"
end

--- The state file.
-- @treturn ?string nil where there is no home directory
function _M.state()
  local directory = below("XDG_STATE_HOME", "/.local/state")
  return directory and directory .. "/balance/state.sqlite"
end

--- A path of the user's: `~/` is the home directory.
-- @tparam string path
-- @treturn string
function _M.expand(path)
  local home = environment.get "HOME"
  return home and path:find "^~/" and home .. path:sub(2) or path
end

--- A path as it is shown: the home directory is `~`.
-- @tparam string path
-- @treturn string
function _M.shown(path)
  local home = environment.get "HOME"
  if home and path:sub(1, #home + 1) == home .. "/" then
    return "~" .. path:sub(#home + 1)
  end
  return path
end

return _M
