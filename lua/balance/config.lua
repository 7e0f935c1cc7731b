-- SPDX-License-Identifier: MIT
--- The configuration of one call: its options win over the client's settings,
-- these over the environment, and that over the defaults. What a string
-- contains is looked at here: it comes from the world, and is returned.
-- @module balance.config

local core = require "balance.core"
local credentials = require "balance.credentials"
local environment = require "balance.environment"
local options = require "balance.options"

local _M = {}

local max_text = 16384 -- bytes of any value

-- What is wrong with a text, by what it is called; nil where nothing is.
local function bad_text(name, value)
  if type(value) ~= "string" then
    return nil
  elseif not core.is_text(value) then
    return name .. " has a control character"
  elseif #value > max_text then
    return ("%s is longer than %d bytes"):format(name, max_text)
  end
end

local function bad_option(name, value)
  return bad_text(("option '%s'"):format(name), value)
end

local function defaults()
  local config = {}
  for name, option in pairs(options.shared) do
    config[name] = option.default
  end
  return config
end

-- Lays what a layer says over what is there.
local function lay(config, layer, own)
  if layer.ca_file or layer.ca_path then -- one trust store, not two halves
    config.ca_file, config.ca_path = nil, nil
  end
  for name, value in pairs(layer) do
    if options.shared[name] or own and own[name] then
      config[name] = value
    end
  end
end

local function first_problem(config)
  for name, value in pairs(config) do
    local problem = bad_option(name, value)
    if problem then
      return problem
    end
  end
end

-- The system's trust store may be another's by two variables. Returns what is
-- wrong with one of them.
local function lay_trust(config)
  if config.ca_file or config.ca_path then
    return nil
  end
  local file, path = "SSL_CERT_FILE", "SSL_CERT_DIR"
  config.ca_file, config.ca_path = environment.get(file), environment.get(path)
  return bad_text(file, config.ca_file) or bad_text(path, config.ca_path)
end

-- Returns the endpoints, and the variable that named them, if one did; or nil
-- and what is wrong.
local function endpoints_of(provider, given, own, config)
  local endpoint, problem = given.endpoint or own.endpoint, nil
  local variable
  if not endpoint and provider.endpoint_variable then
    variable = provider.endpoint_variable
    endpoint = environment.get(variable)
    variable = endpoint and variable
  end
  if not endpoint then
    endpoint = provider.endpoint
  end
  if not endpoint then
    endpoint, problem = provider.default_endpoint(config)
  end
  local endpoints = type(endpoint) == "table" and endpoint or { endpoint }
  for _, each in ipairs(endpoints) do
    problem = problem
      or bad_text(variable or "option 'endpoint'", each)
  end
  if problem then
    return nil, problem
  end
  return endpoints, variable
end

--- What a client's settings say to all of a provider's calls.
-- @tparam table provider
-- @tparam table settings of the client, which does not change them any more
-- @treturn table for `resolve`
function _M.base(provider, settings)
  local own = settings[provider.name] or {}
  local config = defaults()
  lay(config, settings)
  lay(config, own, provider.options)
  if config.rate == nil then
    config.rate = provider.rate or false
  end
  return { own = own, config = config, problem = first_problem(config) }
end

--- The configuration of one call.
-- @tparam table provider
-- @tparam table base of the client, from `base`
-- @tparam table given the options of the call
-- @tparam ?table context for `balance.credentials`
-- @treturn ?table nil where something is wrong
-- @treturn ?string then, what
-- @treturn ?table then, where known, the failure's fields
function _M.resolve(provider, base, given, context)
  local own, config = base.own, core.copy(base.config)
  lay(config, given, provider.options)
  local problem = (next(given) ~= nil or base.problem)
    and first_problem(config) or lay_trust(config)
  if problem then -- before the search, which may ask for a role with these
    return nil, problem
  end
  local found, place, about =
    credentials.find(provider, { given, own }, context, config)
  if not found then
    return nil, place, about
  end
  for name, value in pairs(found) do
    config[name] = value
    problem = problem or bad_option(name, value)
  end
  local endpoints, variable = endpoints_of(provider, given, own, config)
  problem = problem or not endpoints and variable
  if problem then
    return nil, problem
  end
  config.endpoints, config.endpoint_variable = endpoints, variable
  return config
end

--- Whether a provider has its keys somewhere. A vault or a role counts without
-- being asked: one that is down is a failure, not an account less.
-- @tparam table provider
-- @tparam table settings of the client
-- @treturn boolean
function _M.has_credentials(provider, settings)
  local own = settings[provider.name] or {}
  return #provider.credentials > 0
    and (own.credentials or own.cvm_role
      or credentials.exist(provider, { own })) and true or false
end

return _M
