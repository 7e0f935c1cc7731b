-- SPDX-License-Identifier: MIT
--- Credentials in variables of the environment. A credential may have several
-- variables: the first ones of all credentials are one place, the second ones
-- another.
-- @module balance.credentials.variables

local environment = require "balance.environment"

local _M = {}

--- The variables of a credential.
-- @tparam table credential
-- @treturn {string,...}
function _M.of(credential)
  local variable = credential.variable
  return type(variable) == "table" and variable or { variable }
end

-- The values of one place and the variables' names, both by the names of the
-- credentials; and whether there is such a place.
local function read_place(provider, index, getenv)
  local values, variables, exists = {}, {}, false
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    local variable = _M.of(credential)[index]
    variables[name] = variable
    values[name] = variable and environment.get(variable, getenv)
    exists = exists or variable ~= nil
  end
  return values, variables, exists
end

--- The first place with a complete set.
-- @tparam table provider
-- @tparam function read_set gets the provider, values and the variables'
-- names; returns a set, or nil and what is wrong with it
-- @tparam ?function getenv in place of the system's
-- @treturn ?table
-- @treturn ?string where it is nil, what is wrong with the places that have
-- some of the credentials
function _M.find(provider, read_set, getenv)
  local problems, index = {}, 1
  local values, variables, exists = read_place(provider, index, getenv)
  while exists or index == 1 do
    local set, problem = read_set(provider, values, variables)
    if set then
      return set
    end
    problems[#problems + 1] = problem
    index = index + 1
    values, variables, exists = read_place(provider, index, getenv)
  end
  return nil, problems[1] and table.concat(problems, ", ")
end

return _M
