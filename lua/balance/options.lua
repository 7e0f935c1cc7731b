-- SPDX-License-Identifier: MIT
--- From what the caller, the client's settings and the environment say to
-- the configuration of one call.
-- @module balance.options

local cache = require "balance.cache"
local core = require "balance.core"
local credentials = require "balance.credentials"
local limiter = require "balance.limiter"
local loops = require "balance.loop"

local _M = {}

-- What every provider takes, and a client for all of them, by its types.
local shared = {
  timeout = "number",
  connect_timeout = "number",
  ca_file = "string",
  ca_path = "string",
  proxy = "string",
  http2 = "boolean",
  retries = "number",
  rate = "number boolean",
  cache = "table boolean",
  trace = "function",
}

-- What a client alone takes.
local of_client = { loop = "string table", rate_dict = "table userdata" }

-- What every provider takes, but a client only inside a provider's options.
local of_provider = { endpoint = "string table", credentials = "function" }

local defaults = { timeout = 10, connect_timeout = 5, retries = 2 } -- seconds
local longest = 86400 -- seconds
local most_retries = 10
local most = 16384 -- bytes of any value

--- Whether a client has a setting of this name, which no provider may have.
-- @tparam string name
-- @treturn boolean
function _M.is_setting(name)
  return (shared[name] or of_client[name]) ~= nil
end

-- "table boolean" as { table = true, boolean = true }.
local function read_types(names)
  local types = {}
  for each in names:gmatch("%S+") do
    types[each] = true
  end
  return types
end

local expected = {} -- by what an option's line above says

local function is_of(value, types)
  expected[types] = expected[types] or read_types(types)
  return expected[types][type(value)]
end

local function wrong_type(what, name, value, types)
  if not is_of(value, types) then
    return ("%s '%s' must be a %s, not a %s"):format(what, name,
      types:gsub(" ", " or a "), type(value))
  end
end

local function type_of(provider, name)
  local types = shared[name] or of_provider[name]
    or provider.options and provider.options[name]
  if types then
    return types
  end
  for _, credential in ipairs(provider.credentials) do
    if credential.name == name then
      return "string"
    end
  end
end

-- What no type says.
local function wrong_value(name, value)
  if name == "rate" and value == true then
    return "'rate' must be a number, or false"
  elseif name == "cache" and value == true then
    return "'cache' must be a table, or false"
  elseif name == "cache" and value then
    return cache.mistake(value)
  elseif name == "loop" then
    return loops.mistake(value)
  elseif name == "endpoint" and type(value) == "table" then
    for _, each in ipairs(value) do
      if type(each) ~= "string" then
        return "'endpoint' must be a string or a list of them"
      end
    end
    return #value == 0 and "'endpoint' must name one at least" or nil
  end
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
    local types = type_of(provider, name)
    if not types then
      return ("unknown option '%s'"):format(tostring(name))
    end
    local mistake = wrong_type("option", name, value, types)
      or wrong_value(name, value)
    if mistake then
      return mistake
    end
  end
end

local function setting_mistake(providers, name, value)
  local provider = providers[name]
  if provider then
    local mistake = _M.mistake(provider, value)
    return mistake and name .. ": " .. mistake
  end
  local types = shared[name] or of_client[name]
  if not types then
    return ("unknown setting '%s'"):format(tostring(name))
  end
  return name ~= "loop" and wrong_type("setting", name, value, types)
    or wrong_value(name, value)
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
    local mistake = setting_mistake(providers, name, value)
    if mistake then
      return mistake
    end
  end
end

-- Whether a provider has its keys somewhere. A vault or a role counts without
-- being asked: one that is down is a failure, not an account less.
local function has_credentials(provider, settings)
  local own = settings[provider.name] or {}
  return #provider.credentials > 0
    and (own.credentials or own.cvm_role
      or credentials.find(provider, { own })) and true or false
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
      if has_credentials(provider, settings) then
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

local function bad_text(name, value)
  if type(value) ~= "string" then
    return nil
  elseif not core.is_text(value) then
    return ("option '%s' has a control character"):format(name)
  elseif #value > most then
    return ("option '%s' is longer than %d bytes"):format(name, most)
  end
end

local function bad_seconds(name, seconds)
  if not (seconds > 0 and seconds <= longest) then
    return ("option '%s' must be more than 0 and at most %d seconds"):format(
      name, longest)
  end
end

local function bad_retries(_, retries)
  if not (retries >= 0 and retries <= most_retries and retries % 1 == 0) then
    return ("option 'retries' must be 0 to %d"):format(most_retries)
  end
end

local function bad_rate(_, rate)
  if rate and not (rate > 0 and rate < math.huge) then
    return "option 'rate' must be more than 0, or false"
  end
end

-- What is wrong with a value, by the option's name; of others bad_text says.
local checks = {
  timeout = bad_seconds, connect_timeout = bad_seconds,
  retries = bad_retries, rate = bad_rate,
}

local function bad_option(name, value)
  return (checks[name] or bad_text)(name, value)
end

local function bad_value(config)
  for name, value in pairs(config) do
    local problem = bad_option(name, value)
    if problem then
      return problem
    end
  end
end

-- Lays what a layer says over what is there. Returns what is wrong with it.
local function lay(config, layer, provider_options)
  if layer.ca_file or layer.ca_path then -- one trust store, not two halves
    config.ca_file, config.ca_path = nil, nil
  end
  local problem
  for name, value in pairs(layer) do
    if shared[name] or provider_options and provider_options[name] then
      config[name] = value
      problem = problem or bad_option(name, value)
    end
  end
  return problem
end

local function endpoints_of(provider, options, own, config)
  local default, problem = provider.endpoint, nil
  if not default then
    default, problem = provider.default_endpoint(config)
  end
  local endpoint = options.endpoint or own.endpoint
    or from_environment(provider.endpoint_variable) or default
  local endpoints = type(endpoint) == "table" and endpoint or { endpoint }
  for _, each in ipairs(endpoints) do
    problem = problem or bad_text("endpoint", each)
  end
  return endpoints, problem
end

--- What a client's settings say to all of a provider's calls.
-- @tparam table provider
-- @tparam table settings of the client, which does not change them any more
-- @treturn table for `resolve`
function _M.base(provider, settings)
  local own = settings[provider.name] or {}
  local config = core.copy(defaults)
  lay(config, settings)
  lay(config, own, provider.options)
  if config.rate == nil then
    config.rate = provider.rate and limiter.rate or false
  end
  return { own = own, config = config, problem = bad_value(config) }
end

--- The configuration of one call. Options win over the client's settings,
-- these over the environment, and that over the defaults.
-- @tparam table provider
-- @tparam table base of the client, from `base`
-- @tparam table options of the call
-- @tparam ?table context for `balance.credentials`
-- @treturn ?table nil where something is wrong
-- @treturn ?string then, what
function _M.resolve(provider, base, options, context)
  local own, config = base.own, core.copy(base.config)
  local problem = lay(config, options, provider.options)
  if base.problem then -- unless it is one no more
    problem = bad_value(config)
  end
  local found, place = credentials.find(provider, { options, own }, context)
  if not found then
    return nil, place
  end
  for name, value in pairs(found) do
    config[name] = value
    problem = problem or bad_text(name, value)
  end
  if not config.ca_file and not config.ca_path then
    config.ca_file = from_environment "SSL_CERT_FILE"
    config.ca_path = from_environment "SSL_CERT_DIR"
    problem = problem or bad_text("ca_file", config.ca_file)
      or bad_text("ca_path", config.ca_path)
  end
  local bad_endpoint
  config.endpoints, bad_endpoint = endpoints_of(provider, options, own, config)
  problem = problem or bad_endpoint
  if problem then
    return nil, problem
  end
  return config
end

return _M
