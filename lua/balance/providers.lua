-- SPDX-License-Identifier: MIT
--- The providers that are known, and what one must have to be added.
-- @module balance.providers

local options = require "balance.options"

local _M = {}

--- By name.
_M.known = {}

for _, name in ipairs { "tempolor", "udio", "tencent" } do
  _M.known[name] = require("balance.provider." .. name)
end

local required = {
  name = "string",
  unit = "string",
  credentials = "table",
  request = "function",
  read = "function",
}

local function first_missing(provider)
  for name, expected in pairs(required) do
    if type(provider[name]) ~= expected then
      return ("'%s' must be a %s"):format(name, expected)
    end
  end
end

local function wrong_rate(rate)
  if rate ~= nil and not (type(rate) == "number" and rate > 0
    and rate < math.huge) then
    return "'rate' must be a number of more than 0"
  end
end

local function wrong_credentials(credentials)
  for _, credential in ipairs(credentials) do
    if type(credential) ~= "table" or type(credential.name) ~= "string" then
      return "'credentials' must hold tables with a name"
    end
  end
end

local function wrong_options(own)
  if type(own) ~= "table" then
    return "'options' must be a table"
  end
  for name, types in pairs(own) do
    if not options.is_type(types) then
      return ("the type of option '%s' must be of string, number, boolean,"
        .. " table"):format(tostring(name))
    end
  end
end

--- Why a provider cannot be added.
-- @param provider
-- @tparam table taken the names that it may not have
-- @treturn ?string nil where it can
function _M.mistake(provider, taken)
  if type(provider) ~= "table" then
    return "a provider must be a table"
  end
  local mistake = first_missing(provider)
  if mistake then
    return mistake
  elseif not provider.name:find("^[A-Za-z_][A-Za-z0-9_]*$") then
    return "'name' must be one that Lua can call"
  end
  mistake = wrong_rate(provider.rate)
    or wrong_credentials(provider.credentials)
    or wrong_options(provider.options or {})
  if mistake then
    return mistake
  elseif type(provider.endpoint) ~= "string"
    and type(provider.default_endpoint) ~= "function" then
    return "'endpoint' must be a string"
  elseif taken[provider.name] ~= nil or options.is_setting(provider.name) then
    return ("'%s' is taken"):format(provider.name)
  end
end

return _M
