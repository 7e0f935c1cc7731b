-- SPDX-License-Identifier: MIT
--- The providers that are known, and what one must have to be added.
-- @module balance.providers

local core = require "balance.core"
local options = require "balance.options"
local schema = require "balance.schema"
local text = require "balance.text"
local variables = require "balance.credentials.variables"

local _M = {}

--- By name.
_M.known = {}

for _, name in ipairs { "tempolor", "udio", "tencent" } do
  _M.known[name] = require("balance.provider." .. name)
end

-- The reserved words of all versions of Lua.
local is_keyword = {}
for word in ([[and break do else elseif end false for function global goto if
  in local nil not or repeat return then true until while]]):gmatch "%l+" do
  is_keyword[word] = true
end

local function read_name(name, what)
  if not name:find "^[A-Za-z_][A-Za-z0-9_]*$" or is_keyword[name] then
    return nil, what .. " must be an identifier of Lua, and no reserved word"
  end
  return name
end

--- The fields of a credential: a schema.
_M.credential_fields = {
  name = { "string", read = read_name },
  variable = { "string table", read = function(variable, what)
    if variable == "" then
      return nil, what .. " is empty"
    end
    return schema.read_strings(variable, what)
  end },
  optional = { "boolean" },
}

local function read_credentials(list)
  local read, count = {}, 0
  for _ in next, list do
    count = count + 1
  end
  if count ~= #list then
    return nil, "'credentials' must be a list of tables, each with a name"
  end
  for i, credential in ipairs(list) do
    if type(credential) ~= "table" or type(credential.name) ~= "string" then
      return nil, "'credentials' must hold tables with a name"
    end
    local own, mistake = schema.read("field", credential,
      _M.credential_fields)
    if not own then
      return nil, ("credential '%s': %s"):format(credential.name, mistake)
    end
    read[i] = own
  end
  return read
end

local function read_options(own)
  local read = {}
  for name, types in pairs(own) do
    local mistake = options.mistake_in_type(types)
    if mistake then
      return nil, ("option '%s': %s"):format(tostring(name), mistake)
    end
    read[name] = type(types) == "table" and core.copy(types) or types
  end
  return read
end

--- The fields of a provider: a schema.
_M.fields = {
  name = { "string", read = read_name },
  unit = { "string" },
  endpoint = { "string" },
  default_endpoint = { "function" },
  endpoint_variable = { "string" },
  credentials = { "table", read = read_credentials },
  options = { "table", read = read_options },
  rate = { "number", above = 0, range = "a number of more than %d" },
  request = { "function" },
  read = { "function" },
  hint = { "function" },
  -- of the providers that are built in
  credential_options = { "table" }, credential_sources = { "table" },
  credential_role = { "string" }, currency = { "function" },
  is_clock_refused = { "function" }, is_token_refused = { "function" },
  odd = { "function" },
}

local required = { "name", "unit", "credentials", "request", "read" }

local function missing_field(provider)
  for _, name in ipairs(required) do
    if provider[name] == nil then
      return ("field '%s' is missing, a %s"):format(name,
        _M.fields[name][1])
    end
  end
  if not provider.endpoint and not provider.default_endpoint then
    return "field 'endpoint' is missing, a string"
  end
end

-- Every name that a call takes must mean one thing.
local function clash(provider)
  local taken = {
    provider = "an account of balance.all has it",
    endpoint_variable = "a configuration has it",
  }
  for _, more in ipairs { options.shared, options.of_provider } do
    for name in pairs(more) do
      taken[name] = "every provider has it"
    end
  end
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    if taken[name] then
      return ("the name of credential '%s' is taken: %s"):format(name,
        taken[name])
    end
    taken[name] = "a credential has it"
  end
  for name in pairs(provider.options or {}) do
    if taken[name] then
      return ("the name of option '%s' is taken: %s"):format(name, taken[name])
    end
  end
end

--- Reads a provider that is to be added.
-- @param provider
-- @tparam table taken the names that it may not have
-- @treturn ?table a copy; nil where something is wrong
-- @treturn ?string then, the mistake
function _M.read(provider, taken)
  if type(provider) ~= "table" then
    return nil, "a provider must be a table, not a " .. type(provider)
  end
  local read, mistake = schema.read("field", provider, _M.fields)
  mistake = mistake or missing_field(read) or clash(read)
  if mistake then
    return nil, mistake
  elseif taken[read.name] ~= nil or options.is_setting(read.name) then
    return nil, ("the name '%s' is taken"):format(read.name)
  end
  return read
end

local function describe(provider)
  local credentials = {}
  for i, credential in ipairs(provider.credentials) do
    credentials[i] = {
      name = credential.name,
      variables = core.copy(variables.of(credential)),
      optional = credential.optional or false,
    }
  end
  return {
    name = provider.name, unit = provider.unit, credentials = credentials,
    endpoint_variable = provider.endpoint_variable,
  }
end

--- What a program may know of the providers.
-- @treturn {table,...} sorted by name: `name`, `unit`, `endpoint_variable`,
-- and `credentials`, each with `name`, `variables` and `optional`
function _M.list()
  local list = {}
  for i, name in ipairs(text.sorted(_M.known)) do
    list[i] = describe(_M.known[name])
  end
  return list
end

return _M
