-- SPDX-License-Identifier: MIT
--- Where the keys of a call come from. One place gives all of them: an id of
-- here with a key of there is nobody's.
--
-- They are looked for in the options of the call, then in the client's, each
-- as they stand there or from their function `credentials`; then in the
-- environment; then in the provider's own sources, each a module below this
-- one. Options that are there but will not do end the search, for the next
-- place may hold the keys of another account; and so does a role that a place
-- wants and that is not to be had. Every other place is passed by and named in
-- the end.
-- @module balance.credentials

local core = require "balance.core"
local environment = require "balance.environment"
local failure = require "balance.failure"
local loops = require "balance.loop"
local text = require "balance.text"

local _M = {}

-- What a provider has by these names. Loaded here, for a process without a
-- file descriptor left loads nothing any more.
local modules = {}
for _, name in ipairs { "assumed_role", "cvm_role", "tccli_file",
  "tencent_file" } do
  modules[name] = require("balance.credentials." .. name)
end

-- One place's credentials by their names, such as `secret_id`.
---@alias balance.CredentialSet table<string, string>

-- What the search needs of its surroundings.
---@class balance.CredentialContext
---@field loop? balance.Loop how to wait
---@field asks? boolean whether a role is asked for (true)
---@field warn? fun(message: string) is told of a file that others can read
---@field read_file? fun(path: string, most: integer): string?, integer|string
---@field now? fun(): integer Unix seconds
---@field refused? string a token that a service has just refused
---@field getenv? fun(name: string): string?
---@field home? string the user's directory

-- A place that a provider names in `credential_sources`. `find` returns a
-- set, the place's name and where wanted a role that is to be assumed with it;
-- or nil, the places looked at, each with why, and where the search is to end
-- the failure's fields.
---@class balance.CredentialSource
---@field find fun(options: table, context: balance.CredentialContext): table?, string?, table?

local largest = 65536 -- bytes of a file with keys in it

local is_missing = "is missing or empty"

local function is_readable_by_others(mode)
  return math.floor(mode / 32) % 2 == 1 or math.floor(mode / 4) % 2 == 1
end

-- In words, by what `core.read_file` says.
local unread = {
  missing = "not there", not_a_file = "not a file", too_large = "too large",
  unreadable = "cannot be read",
  resource = "this system has no file descriptor or memory left to read it",
}

-- What a source reads a file with: its text, or nil and why there is none.
-- Where that is not for the file, the failure's fields too.
local function reader(context)
  return function(path)
    local content, mode = context.read_file(path, largest)
    if not content then
      return nil, unread[mode], mode == "resource" and { kind = mode } or nil
    end
    if is_readable_by_others(mode) then
      context.warn(("%s can be read by others (mode %03o), use chmod 600"):
        format(path, mode))
    end
    return content
  end
end

local function complete(context, config)
  local filled = core.copy(context or {})
  filled.config = config or {}
  filled.loop = filled.loop or loops.choose()
  filled.warn = filled.warn or function() end
  filled.read_file = filled.read_file or core.read_file
  filled.asks = filled.asks ~= false
  filled.now = filled.now or os.time
  filled.getenv = filled.getenv or os.getenv
  if filled.home == nil then
    filled.home = environment.get("HOME", filled.getenv)
  end
  filled.read = reader(filled)
  return filled
end

-- What a place calls a credential.
local function label(names, name)
  return names and names[name] or ("'%s'"):format(name)
end

-- A place's set, out of its values by the credentials' names. Nil where there
-- is nothing; nil, a name and what is wrong with it where it will not do. The
-- place may have names of its own.
local function read_set(provider, values, names)
  local set, missing, found = {}, nil, false
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    local value = values[name]
    if value ~= nil then
      found = true
      if type(value) ~= "string" then
        return nil, label(names, name),
          ("is a %s, not a string"):format(type(value))
      end
      value = text.trim(value)
      if not core.is_text(value) then
        return nil, label(names, name), "has a control character"
      end
    end
    if value and value ~= "" then
      set[name] = value
    elseif not credential.optional then
      missing = missing or name
    end
  end
  if missing then
    return nil, found and label(names, missing), found and is_missing
  end
  return set
end

local function complaint(name, what)
  return name .. " " .. what .. (what == is_missing
    and ": keys are taken from one place, all together" or "")
end

local function from_function(provider, get)
  local values, message = get()
  local set, name, what
  if type(values) == "table" then
    set, name, what = read_set(provider, values)
    message = name and complaint(name, what)
  end
  if set then
    return set, "credentials"
  end
  return nil, "option 'credentials': "
    .. (failure.clean(message, {}) or "it returned no keys")
end

-- A set and its source; nil where the layer has none; nil and a message.
local function from_layer(provider, layer)
  local set, name, what = read_set(provider, layer)
  if name then
    return nil, complaint(name, what)
  elseif set and next(set) then
    return set, "options"
  elseif layer.credentials then
    return from_function(provider, layer.credentials)
  end
end

local function variables_of(credential)
  local variable = credential.variable
  return type(variable) == "table" and variable or { variable }
end

-- One set of variables, the number `index` of each: its values and its names.
-- The last says whether there is a set of that number.
local function variable_set(provider, index, getenv)
  local values, names, is_set = {}, {}, false
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    local variable = variables_of(credential)[index]
    names[name] = variable
    values[name] = variable and environment.get(variable, getenv)
    is_set = is_set or variable ~= nil
  end
  return values, names, is_set
end

-- The first complete set of variables; or nil and what is wrong with those
-- that have something. An id of one with a key of another is nobody's.
local function from_environment(provider, getenv)
  local problems, index = {}, 1
  local values, names, is_set = variable_set(provider, index, getenv)
  while is_set or index == 1 do
    local set, name, what = read_set(provider, values, names)
    if set then
      return set
    elseif name then
      problems[#problems + 1] = name .. " " .. what
    end
    index = index + 1
    values, names, is_set = variable_set(provider, index, getenv)
  end
  return nil, problems[1] and table.concat(problems, ", ")
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

-- Whether a layer says which of a source's keys are meant: those of the next
-- layer or of the environment may be another account's.
local function names_source(provider, layer)
  for _, name in ipairs(provider.credential_options or {}) do
    if layer[name] and layer[name] ~= "" then
      return true
    end
  end
  return false
end

-- Gives the keys of a role for those that a place has, where it wants one.
local function in_role(provider, set, place, role, context)
  if not role then
    return set, place
  end
  return modules[provider.credential_role].take(set, place, role, context)
end

-- A set and its source; or nil and the list of what was looked at; or nil, a
-- message and the failure's fields.
local function from_sources(provider, layers, context)
  local options, looked = merge(layers), {}
  for _, module in ipairs(provider.credential_sources or {}) do
    local values, place, more = modules[module].find(options, context)
    if values then
      local set, name, what = read_set(provider, values)
      if set then
        return in_role(provider, set, place, more, context)
      end
      place = ("%s (%s)"):format(place,
        name and name .. " " .. what or "no keys")
    elseif more then
      return nil, place, more
    end
    looked[#looked + 1] = place
  end
  return nil, looked
end

local function no_credentials(provider, problem, looked)
  local names, variables = {}, {}
  for _, credential in ipairs(provider.credentials) do
    if not credential.optional then
      names[#names + 1] = credential.name
      variables[#variables + 1] = variables_of(credential)[1]
    end
  end
  local message = "no key: give " .. table.concat(names, " and ")
  if #variables > 0 then
    message = message .. ", or set " .. table.concat(variables, " and ")
      .. " in the environment"
  end
  if problem then
    message = message .. " (" .. problem .. ")"
  end
  if #looked > 0 then
    message = message .. "; also looked at " .. table.concat(looked, ", ")
  end
  return message
end

--- Finds a provider's credentials.
-- @tparam table provider its `credentials`: a list of `name`, `variable` (of
-- the environment, or a list of them: the first of each are one place, the
-- second another) and `optional`; its `credential_sources`, and its
-- `credential_role`, names of modules below this one; and
-- `credential_options`, with any of which the environment is passed by
-- @tparam {table,...} layers options, the call's before the client's. Their
-- `credentials` is a function that returns the current ones as a table, or
-- nil and a message
-- @tparam ?table context `loop`, to wait in; `asks`,
-- false where a role counts without being asked for; `warn(message)`, which is
-- told of a file that others can read; `refused`, a token that a service has
-- just refused, so that it will not do; and in the place of the system's own
-- `read_file(path, most)`, `now()`, `getenv(name)` and `home`
-- @tparam ?table config of the call, by which a role is asked for
-- @treturn ?table the credentials by their names, all from one place
-- @treturn string the place; where the first is nil, one line on what was
-- looked at, with no credential in it
-- @treturn ?table then, where it is for more than that there are none: the
-- failure's fields, `kind` at least
-- @raise what a function `credentials` raised
---@param provider table
---@param layers table[]
---@param context? balance.CredentialContext
---@param config? table
---@return balance.CredentialSet?
---@return string
---@return table?
function _M.find(provider, layers, context, config)
  local is_named = false
  for _, layer in ipairs(layers) do
    local set, place = from_layer(provider, layer)
    if set or place then
      return set, place
    end
    is_named = names_source(provider, layer)
    if is_named then
      break
    end
  end
  local set, problem
  if not is_named then
    set, problem = from_environment(provider, context and context.getenv)
  end
  if set and not provider.credential_role then
    return set, "environment"
  end
  context = complete(context, config)
  if set then
    local role = modules[provider.credential_role].of_environment(context)
    return in_role(provider, set, role and "the environment" or "environment",
      role, context)
  end
  local found, place, about = from_sources(provider, layers, context)
  if found or about then
    return found, place, about
  end
  return nil, no_credentials(provider, problem, place)
end

--- Whether a provider has its keys somewhere, or a place that has them and
-- fails: that is a failure, not an account less. A role is not asked for.
-- @tparam table provider
-- @tparam {table,...} layers
-- @treturn boolean
---@param provider table
---@param layers table[]
---@return boolean
function _M.exist(provider, layers)
  local set, _, about = _M.find(provider, layers, { asks = false })
  return set ~= nil or about ~= nil
end

return _M
