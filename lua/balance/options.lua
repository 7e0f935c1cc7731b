-- SPDX-License-Identifier: MIT
--- From what the caller, the client's settings and the environment say to
-- the configuration of one call.
-- @module balance.options

local loops = require "balance.loop"

local _M = {}

-- What every provider takes, and what a client takes for all of them.
local shared = {
  timeout = "number",
  connect_timeout = "number",
  ca_file = "string",
  ca_path = "string",
  proxy = "string",
}

local defaults = { timeout = 10, connect_timeout = 5 } -- seconds
local longest = 86400 -- seconds
local most = 16384 -- bytes of any value

--- Whether a client has a setting of this name, which no provider may have.
-- @tparam string name
-- @treturn boolean
function _M.is_setting(name)
  return shared[name] ~= nil or name == "loop"
end

local function type_of(provider, name)
  if name == "endpoint" then
    return "string"
  end
  for _, credential in ipairs(provider.credentials) do
    if credential.name == name then
      return "string"
    end
  end
  return shared[name] or provider.options and provider.options[name]
end

--- What is wrong with the options of a call: a programmer's mistake.
-- @tparam table provider
-- @param options
-- @treturn ?string a message without any value in it
function _M.mistake(provider, options)
  if options == nil then
    return nil
  elseif type(options) ~= "table" then
    return "options must be a table, not a " .. type(options)
  end
  for name, value in pairs(options) do
    local expected = type_of(provider, name)
    if not expected then
      return ("unknown option '%s'"):format(tostring(name))
    elseif type(value) ~= expected then
      return ("option '%s' must be a %s, not a %s"):format(
        name, expected, type(value))
    end
  end
end

--- What is wrong with a client's settings.
-- @tparam {[string]=table} providers
-- @param settings
-- @treturn ?string
function _M.settings_mistake(providers, settings)
  if settings == nil then
    return nil
  elseif type(settings) ~= "table" then
    return "settings must be a table, not a " .. type(settings)
  end
  for name, value in pairs(settings) do
    local provider = providers[name]
    local mistake
    if name == "loop" then
      mistake = loops.mistake(value)
    elseif provider then
      mistake = _M.mistake(provider, value)
    elseif not shared[name] then
      mistake = ("unknown setting '%s'"):format(tostring(name))
    elseif type(value) ~= shared[name] then
      mistake = ("setting '%s' must be a %s, not a %s"):format(
        name, shared[name], type(value))
    end
    if mistake then
      return provider and name .. ": " .. mistake or mistake
    end
  end
end

--- The calls that `balance.all` is to make.
-- @tparam {[string]=table} providers
-- @tparam table settings of the client
-- @param accounts by the caller's names; nil: all that have their keys
-- @treturn ?table of { name, provider, options }; nil where something is wrong
-- @treturn ?string then, what
function _M.accounts(providers, settings, accounts)
  local calls = {}
  if accounts == nil then
    for name, provider in pairs(providers) do
      if _M.has_credentials(provider, settings) then
        calls[#calls + 1] = { name = name, provider = provider, options = {} }
      end
    end
    return calls
  elseif type(accounts) ~= "table" then
    return nil, "accounts must be a table, not a " .. type(accounts)
  end
  for name, given in pairs(accounts) do
    local provider_name = type(given) == "table" and given.provider or name
    local provider = providers[provider_name]
    if not provider then
      return nil, ("%s: there is no provider '%s'"):format(
        tostring(name), tostring(provider_name))
    end
    local own = given
    if type(given) == "table" then
      own = {}
      for option, value in pairs(given) do
        if option ~= "provider" then
          own[option] = value
        end
      end
    end
    local mistake = _M.mistake(provider, own)
    if mistake then
      return nil, tostring(name) .. ": " .. mistake
    end
    calls[#calls + 1] = { name = name, provider = provider, options = own }
  end
  return calls
end

local function from_environment(variable)
  local value = variable and os.getenv(variable)
  return value ~= "" and value or nil
end

local function trim(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

-- Credentials come from one source, all of them: an id of here with a key of
-- there is nobody's.
local function credentials_of(provider, source, config)
  local missing, found
  for _, credential in ipairs(provider.credentials) do
    local value = source(credential)
    found = found or value ~= nil
    value = value and trim(value)
    if value and value ~= "" then
      config[credential.name] = value
    elseif not credential.optional then
      missing = missing or credential.name
    end
  end
  return found, missing
end

local function no_credentials(provider)
  local names, variables = {}, {}
  for _, credential in ipairs(provider.credentials) do
    if not credential.optional then
      names[#names + 1] = credential.name
      variables[#variables + 1] = credential.variable
    end
  end
  local message = "no key: give " .. table.concat(names, " and ")
  if #variables > 0 then
    message = message .. ", or set " .. table.concat(variables, " and ")
      .. " in the environment"
  end
  return message
end

local function find_credentials(provider, layers, config)
  for _, layer in ipairs(layers) do
    local found, missing = credentials_of(provider, function(credential)
      return layer[credential.name]
    end, config)
    if found then
      return missing and ("'%s' is missing or empty: keys are taken from one"
        .. " place, all together"):format(missing)
    end
  end
  local _, missing = credentials_of(provider, function(credential)
    return from_environment(credential.variable)
  end, config)
  return missing and no_credentials(provider)
end

--- Whether a provider has its keys, from the client's settings or the
-- environment.
-- @tparam table provider
-- @tparam table settings
-- @treturn boolean
function _M.has_credentials(provider, settings)
  local own = settings[provider.name] or {}
  return #provider.credentials > 0
    and find_credentials(provider, { own }, {}) == nil
end

local function bad_value(config)
  for name, value in pairs(config) do
    if type(value) == "string" and value:find("%c") then
      return ("option '%s' has a control character"):format(name)
    elseif type(value) == "string" and #value > most then
      return ("option '%s' is longer than %d bytes"):format(name, most)
    end
  end
  for _, name in ipairs { "timeout", "connect_timeout" } do
    local seconds = config[name]
    if not (seconds > 0 and seconds <= longest) then
      return ("option '%s' must be more than 0 and at most %d seconds"):format(
        name, longest)
    end
  end
end

--- The configuration of one call. Options win over the client's settings,
-- these over the environment, and that over the defaults.
-- @tparam table provider
-- @tparam table settings of the client, for all providers
-- @tparam table options of the call
-- @treturn ?table nil where something is wrong
-- @treturn ?string then, what
function _M.resolve(provider, settings, options)
  local own = settings[provider.name] or {}
  local config = {}
  local function take(layer, known)
    for name in pairs(known) do
      if layer[name] ~= nil then
        config[name] = layer[name]
      end
    end
  end
  for _, layer in ipairs { defaults, settings, own, options } do
    if layer.ca_file or layer.ca_path then -- one trust store, not two halves
      config.ca_file, config.ca_path = nil, nil
    end
    take(layer, shared)
  end
  take(own, provider.options or {})
  take(options, provider.options or {})

  local problem = find_credentials(provider, { options, own }, config)
  if problem then
    return nil, problem
  end
  if not config.ca_file and not config.ca_path then
    config.ca_file = from_environment "SSL_CERT_FILE"
    config.ca_path = from_environment "SSL_CERT_DIR"
  end
  local default = provider.endpoint
  if not default then
    default, problem = provider.default_endpoint(config)
  end
  config.endpoint = options.endpoint or own.endpoint
    or from_environment(provider.endpoint_variable) or default
  problem = problem or bad_value(config)
  if problem then
    return nil, problem
  end
  return config
end

return _M
