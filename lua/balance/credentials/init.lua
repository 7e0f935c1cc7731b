-- SPDX-License-Identifier: MIT
--- Where the credentials of a call come from. All of them come from one place:
-- the id of one account does not go with the key of another.
--
-- The places, in their order:
--
-- 1. the options of the call, then the client's: the credentials themselves,
--    or what the function `credentials` returns;
-- 2. the environment, unless an option says which of a source's credentials
--    are meant;
-- 3. the provider's own sources, each a module below this one.
--
-- Options that are there but cannot be used end the search: the next place may
-- have the credentials of another account. So does a role that a place wants
-- and that cannot be had. Any other place that has none is passed by, and
-- named in the failure.
--
-- A source has `find(options, context)`, with a context of
-- `balance.credentials.context`. It returns a set, the place's name and maybe
-- a role that is to be assumed with the set; or nil, the places that it looked
-- at, each with why it has none, and where the search is to end the failure's
-- fields.
-- @module balance.credentials

local contexts = require "balance.credentials.context"
local core = require "balance.core"
local failure = require "balance.failure"
local loops = require "balance.loop"
local text = require "balance.text"
local variables = require "balance.credentials.variables"

local _M = {}

-- By the names that a provider has for them. Loaded here: later, a process may
-- have no file descriptor left to load them with.
local modules = {}
for _, name in ipairs { "assumed_role", "cvm_role", "tccli_file",
  "tencent_file" } do
  modules[name] = require("balance.credentials." .. name)
end

local byte, is_text = string.byte, core.is_text

local function label(labels, name)
  return labels and labels[name] or ("'%s'"):format(name)
end

-- Reads a set: the values of one place, by the names that the provider has for
-- them. Blanks around a value are no part of it.
-- @tparam table provider its `credentials`
-- @tparam table values by the names of the credentials; others may be there
-- @tparam ?{[string]=string} labels what the place calls them
-- @treturn ?table the set; nil where it cannot be used
-- @treturn ?string then, what is wrong with it; nil where nothing is there
-- @treturn ?boolean then, whether that is a missing value
local function read_set(provider, values, labels)
  local set, missing, is_there = {}, nil, false
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    local value = values[name]
    if value ~= nil then
      is_there = true
      if type(value) ~= "string" then
        return nil, ("%s is a %s, not a string"):format(label(labels, name),
          type(value))
      end
      local first, last = byte(value, 1), byte(value, -1)
      if first and (first <= 32 or last <= 32) then
        value = text.trim(value)
      end
      if not is_text(value) then
        return nil, label(labels, name) .. " has a control character"
      end
    end
    if value and value ~= "" then
      set[name] = value
    elseif not credential.optional then
      missing = missing or name
    end
  end
  if not missing then
    return set
  elseif is_there then
    return nil, label(labels, missing) .. " is missing or empty", true
  end
end

local function explain(problem, is_missing)
  return is_missing and problem
    .. ": keys are taken from one place, all together" or problem
end

local function from_function(provider, get)
  local values, message = get()
  if type(values) == "table" then
    local set, problem, is_missing = read_set(provider, values)
    if set then
      return set, "credentials"
    end
    message = explain(problem, is_missing)
  end
  return nil, "option 'credentials': "
    .. (failure.clean(message, {}) or "it returned no keys")
end

-- A set and its place; nil where the layer has none; nil and what is wrong
-- where it cannot be used.
local function from_layer(provider, layer)
  if next(layer) == nil then
    return nil
  end
  local set, problem, is_missing = read_set(provider, layer)
  if problem then
    return nil, explain(problem, is_missing)
  elseif set and next(set) then
    return set, "options"
  elseif layer.credentials then
    return from_function(provider, layer.credentials)
  end
end

-- The call's options over the client's.
local function merge(layers)
  local options = {}
  for i = #layers, 1, -1 do
    for name, value in pairs(layers[i]) do
      options[name] = value
    end
  end
  return options
end

-- Whether a layer says which of a source's credentials are meant: those of the
-- next layer or of the environment may be another account's.
local function names_source(provider, layer)
  for _, name in ipairs(provider.credential_options or {}) do
    if text.non_empty(layer[name]) then
      return true
    end
  end
  return false
end

-- The set of a role in exchange for a place's own, where the place wants one.
local function assume(provider, set, place, role, context)
  if not role then
    return set, place
  end
  return modules[provider.credential_role].take(set, place, role, context)
end

-- Tells who wants to know of a place that has no usable keys.
local function pass_by(context, place)
  local passed = context and context.passed
  if passed then
    passed[#passed + 1] = place
  end
end

-- A set and its place; nil and the list of places that have none; or nil, a
-- message and the failure's fields.
local function from_sources(provider, layers, context)
  local options, looked_at = merge(layers), {}
  for _, name in ipairs(provider.credential_sources or {}) do
    local values, place, more = modules[name].find(options, context)
    if values then
      local set, problem = read_set(provider, values)
      if set then
        return assume(provider, set, place, more, context)
      end
      place = ("%s (%s)"):format(place, problem or "no keys")
    elseif more then
      return nil, place, more
    end
    looked_at[#looked_at + 1] = place
    pass_by(context, place)
  end
  return nil, looked_at
end

-- A message shows 300 bytes: nginx's lines name the variables instead.
local function how_to_set(wanted)
  if not loops.nginx() then
    return table.concat(wanted, " and ") .. " in the environment"
  end
  return ("variables, which nginx hides unless nginx.conf has `env %s;`")
    :format(table.concat(wanted, "; env "))
end

local function no_credentials(provider, problem, looked_at)
  local names, wanted = {}, {}
  for _, credential in ipairs(provider.credentials) do
    if not credential.optional then
      names[#names + 1] = credential.name
      wanted[#wanted + 1] = variables.of(credential)[1]
    end
  end
  local message = "no key: give " .. table.concat(names, " and ")
  if #wanted > 0 then
    message = message .. ", or set " .. how_to_set(wanted)
  end
  if problem then
    message = message .. " (" .. problem .. ")"
  end
  if #looked_at > 0 then
    message = message .. "; also looked at " .. table.concat(looked_at, ", ")
  end
  return message
end

-- After the options: the environment, unless an option names a source's
-- credentials, then the sources.
local function find_elsewhere(provider, layers, given, config, is_named)
  local set, problem
  if not is_named then
    set, problem = variables.find(provider, read_set,
      given and given.getenv)
    if not set then
      pass_by(given, ("the environment (%s)"):format(problem
        or "it has none of the variables"))
    end
  end
  if set and not provider.credential_role then
    return set, "environment"
  end
  local context = contexts.new(given, config)
  if set then
    local role = modules[provider.credential_role].of_environment(context)
    return assume(provider, set, role and "the environment" or "environment",
      role, context)
  end
  local found, place, about = from_sources(provider, layers, context)
  if found or about then
    return found, place, about
  end
  return nil, no_credentials(provider, problem, place)
end

--- Finds a provider's credentials.
-- @tparam table provider its `credentials`: a list of `name`, `variable` (of
-- the environment; a list of them: see `balance.credentials.variables`) and
-- `optional`; its `credential_sources` and its `credential_role`, names of
-- modules below this one; and `credential_options`, with any of which the
-- environment is passed by
-- @tparam {table,...} layers options, the call's before the client's. Their
-- `credentials` is a function that returns the current ones as a table, or
-- nil and a message
-- @tparam ?table context fields of `balance.credentials.context`
-- @tparam ?table config of the call, by which a role is asked for
-- @treturn ?table the credentials by their names, all from one place
-- @treturn string the place; where the first is nil, one line on what was
-- looked at, with no credential in it
-- @treturn ?table then, where there is more to say than that there are none,
-- the failure's fields, `kind` at least
-- @raise what a function `credentials` raised
function _M.find(provider, layers, context, config)
  for _, layer in ipairs(layers) do
    local set, place = from_layer(provider, layer)
    if set or place then
      return set, place
    elseif names_source(provider, layer) then
      return find_elsewhere(provider, layers, context, config, true)
    end
  end
  return find_elsewhere(provider, layers, context, config, false)
end

--- Whether a provider has its credentials somewhere, or a place that has them
-- and fails: that is a failure, not an account less. A vault or a role counts
-- without being asked.
-- @tparam table provider
-- @tparam {table,...} layers
-- @treturn boolean
function _M.exist(provider, layers)
  for _, layer in ipairs(layers) do
    if layer.credentials then
      return true
    end
    local set, problem = from_layer(provider, layer)
    if set or problem then
      return true
    end
  end
  local set, _, about = _M.find(provider, layers, { asks = false })
  return set ~= nil or about ~= nil
end

return _M
