-- SPDX-License-Identifier: MIT
--- The configuration of one call: its options win over the client's settings,
-- these over the environment, and that over the defaults. What a string
-- contains is looked at here: it comes from the world, and is returned.
-- @module balance.config

local core = require "balance.core"
local credentials = require "balance.credentials"
local environment = require "balance.environment"
local failure = require "balance.failure"
local mistake = require "balance.mistake"
local options = require "balance.options"
local secrets = require "balance.secrets"

local _M = {}

local file_variable = options.shared.ca_file.variable
local path_variable = options.shared.ca_path.variable

local max_text = 16384 -- bytes of any value
local max_kept = 16 -- configurations

-- A message where a text cannot be used, with the name that it is given.
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
  return type(value) == "string"
    and bad_text(("option '%s'"):format(name), value) or nil
end

-- `names`: those to look at.
local function first_problem(values, names)
  for name, value in next, values do
    local problem = names[name] and bad_option(name, value)
    if problem then
      return problem
    end
  end
end

-- The options that a configuration has: not the keys, which come from one
-- place, all together.
local function names_of(provider)
  local names = { endpoint = true }
  for _, each in ipairs { options.shared, provider.options or {} } do
    for name in pairs(each) do
      names[name] = true
    end
  end
  return names
end

-- Lays what a layer says over what is there.
local function lay(config, layer, names)
  if layer.ca_file or layer.ca_path then -- one trust store, not two halves
    config.ca_file, config.ca_path = nil, nil
  end
  if layer.endpoint then
    config.endpoint_variable = nil
  end
  for name, value in next, layer do
    if names[name] then
      config[name] = value
    end
  end
end

-- Two variables can name another trust store than the system's. Returns what
-- is wrong with one of them.
local function lay_trust(config)
  if config.ca_file or config.ca_path then
    return nil
  end
  config.ca_file = environment.get(file_variable)
  config.ca_path = environment.get(path_variable)
  return bad_text(file_variable, config.ca_file)
    or bad_text(path_variable, config.ca_path)
end

-- The environment's endpoint, or the only one that the provider has.
local function lay_endpoint(config, provider)
  local variable = provider.endpoint_variable
  if not config.endpoint and variable then
    config.endpoint = environment.get(variable)
    config.endpoint_variable = config.endpoint and variable
  end
  config.endpoint = config.endpoint or provider.endpoint
end

local function bad_endpoint(config)
  local endpoint = config.endpoint
  local name = config.endpoint_variable or "option 'endpoint'"
  if type(endpoint) ~= "table" then
    return bad_text(name, endpoint)
  end
  for _, each in ipairs(endpoint) do
    local problem = bad_text(name, each)
    if problem then
      return problem
    end
  end
end

-- Whether a base is as the environment is now.
local function is_current(base)
  local variable = base.variable
  return os.getenv(file_variable) == base.file_value
    and os.getenv(path_variable) == base.path_value
    and (not variable or os.getenv(variable) == base.value)
end

--- The part of a configuration that all calls of a client to one provider
-- have: the settings and the environment.
-- @tparam table provider
-- @tparam table settings of the client, which does not change them any more
-- @treturn table for `resolve`
function _M.base(provider, settings)
  local own, names = settings[provider.name] or {}, names_of(provider)
  local variable = provider.endpoint_variable
  local config = {}
  for name, option in pairs(options.shared) do
    config[name] = option.default
  end
  lay(config, settings, options.shared)
  lay(config, own, names)
  if config.rate == nil then
    config.rate = provider.rate or false
  end
  local problem = first_problem(config, names)
  local trust_problem = lay_trust(config)
  lay_endpoint(config, provider)
  return {
    own = own, names = names, config = config, problem = problem,
    trust_problem = trust_problem,
    -- of the environment, for is_current()
    file_value = os.getenv(file_variable),
    path_value = os.getenv(path_variable),
    variable = variable, value = variable and os.getenv(variable),
    last = { -- of the last options of a call, see lay_options()
      given = {}, config = config, by_key = {}, count = 0,
      problem = problem or trust_problem,
    },
  }
end

-- A message where the options of a call, or what is below them, cannot be used.
local function problem_of(base, config, given)
  if base.problem then -- which the call may have made good
    return first_problem(config, base.names)
  end
  local problem = first_problem(given, base.names)
  if base.trust_problem and not (given.ca_file or given.ca_path) then
    problem = problem or base.trust_problem
  end
  return problem
end

local to_type = math.type or type -- before Lua 5.3 there is one

-- Whether two values are the same: 1 is not 1.0, nor 0 the same as -0.
local function is_same(one, other)
  return one == other and (type(one) ~= "number"
    or to_type(one) == to_type(other) and 1 / one == 1 / other)
end

--- Whether two tables say the same, with the same tables in them.
-- @tparam table one
-- @tparam table other
-- @tparam ?{[string]=any} names of the fields that count; nil: all
-- @treturn boolean
function _M.are_equal(one, other, names)
  for name, value in next, one do
    if not is_same(value, other[name]) and (not names or names[name]) then
      return false
    end
  end
  for name in next, other do
    if one[name] == nil and (not names or names[name]) then
      return false
    end
  end
  return true
end

-- The configuration of a call without its keys, and what is wrong with it. It
-- is kept for the next calls with the same options.
local function lay_options(base, given)
  local last = base.last
  if not _M.are_equal(last.given, given, base.names) then
    local config = core.copy(base.config)
    lay(config, given, base.names)
    last = { given = given, config = config, by_key = {}, count = 0,
      problem = problem_of(base, config, given) }
    base.last = last
  end
  return last
end

local function has_keys(config, credentials_of, found)
  for i = 1, #credentials_of do
    local name = credentials_of[i].name
    if config[name] ~= found[name] then
      return false
    end
  end
  return true
end

-- The provider's own; or nil and what is wrong, without a key in it.
local function default_endpoint(provider, config)
  local ok, endpoint, problem =
    pcall(provider.default_endpoint, options.copy(provider, config))
  if not ok then
    problem = mistake.raised("default_endpoint", endpoint).message
  elseif not problem and type(endpoint) ~= "string" then
    problem = mistake.of("default_endpoint", "returned a " .. type(endpoint)
      .. ", not a string").message
  elseif not problem then
    return endpoint
  end
  return nil, failure.clean(problem, secrets.of(provider, config))
    or "default_endpoint() says no"
end

-- Adds the keys, and the endpoint where that depends on the options. Returns
-- nil where something is wrong, and what.
local function complete(provider, config, found)
  local problem
  for name, value in next, found do
    config[name] = value
    problem = problem or bad_option(name, value)
  end
  if not config.endpoint then
    local none
    config.endpoint, none = default_endpoint(provider, config)
    problem = problem or none
  end
  problem = problem or bad_endpoint(config)
  if problem then
    return nil, problem
  end
  return config
end

--- What is known for a call.
-- @tparam table client its `settings`, and its `bases` by provider
-- @tparam table provider
-- @tparam table given the options of the call
-- @treturn table a base, for `resolve`
-- @treturn ?table the configuration, where the call before had the same
-- options, and these or the client's settings have the keys
function _M.known(client, provider, given)
  local base = client.bases[provider]
  if not base or not is_current(base) then
    base = _M.base(provider, client.settings)
    client.bases[provider] = base
  end
  local exact = base.exact
  return base, exact and _M.are_equal(exact.given, given) and exact.config
    or nil
end

local function config_problem(message)
  return nil, { kind = "config", message = message }
end

--- The configuration of one call.
-- @tparam table provider
-- @tparam table base of the client, from `base`
-- @tparam table given the options of the call
-- @tparam ?table context for `balance.credentials`
-- @treturn ?table which nobody changes, for it is kept for the next call like
-- this; nil where something is wrong
-- @treturn ?table then, the fields of a failure
function _M.resolve(provider, base, given, context)
  local laid = lay_options(base, given)
  if laid.problem then -- before the search, which may ask for a role with these
    return config_problem(laid.problem)
  end
  local found, place, failed =
    credentials.find(provider, { given, base.own }, context, laid.config)
  if not found then
    failed = failed or { kind = "config" }
    failed.message = place
    return nil, failed
  end
  local first = provider.credentials[1]
  local key = first and found[first.name] or ""
  local config = laid.by_key[key]
  if not config or not has_keys(config, provider.credentials, found) then
    local problem
    config, problem = complete(provider, core.copy(laid.config), found)
    if not config then
      return config_problem(problem)
    end
    laid.count = laid.count + 1
    if laid.count > max_kept then
      laid.by_key, laid.count = {}, 1
    end
    laid.by_key[key] = config
  end
  if place == "options" then
    base.exact = { given = given, config = config }
  end
  return config
end

--- Whether a client has a provider's keys somewhere.
-- @tparam table provider
-- @tparam table settings of the client
-- @treturn boolean
function _M.has_credentials(provider, settings)
  return #provider.credentials > 0
    and credentials.exist(provider, { settings[provider.name] or {} })
end

return _M
