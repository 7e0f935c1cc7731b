-- SPDX-License-Identifier: MIT
--- Where the keys of a call come from. One place gives all of them: an id of
-- here with a key of there is nobody's.
--
-- They are looked for in the options of the call, then in the client's, each
-- as they stand there or from their function `credentials`; then in the
-- environment; then in the provider's own sources, each a module below this
-- one. Options that are there but will not do end the search, for the next
-- place may hold the keys of another account. Every other place is passed by
-- and named in the end.
-- @module balance.credentials

local core = require "balance.core"
local failure = require "balance.failure"
local loops = require "balance.loop"

local _M = {}

-- One place's credentials by their names, such as `secret_id`.
---@alias balance.CredentialSet table<string, string>

-- What the search needs of its surroundings.
---@class balance.CredentialContext
---@field loop? balance.Loop how to wait
---@field warn? fun(message: string) is told of a file that others can read
---@field mode? fun(path: string): integer? permission bits
---@field now? fun(): integer Unix seconds
---@field refused? string a token that a service has just refused
---@field getenv? fun(name: string): string?
---@field home? string the user's directory

-- A place that a provider names in `credential_sources`. `find` returns a
-- set and the place's name; or nil and the places looked at, each with why.
---@class balance.CredentialSource
---@field find fun(options: table, context: balance.CredentialContext): table?, string?

local largest = 65536 -- bytes of a file with keys in it

local is_missing = "is missing or empty"

local function is_readable_by_others(mode)
  return math.floor(mode / 32) % 2 == 1 or math.floor(mode / 4) % 2 == 1
end

-- What a source reads a file with: its text, or nil and why there is none.
local function reader(context)
  return function(path)
    local file, _, code = io.open(path, "rb")
    if not file then
      return nil, code == 2 and "not there" or "cannot be read" -- ENOENT
    end
    local text, problem = file:read(largest + 1)
    file:close()
    if problem then
      return nil, "cannot be read"
    elseif text and #text > largest then
      return nil, "too large"
    end
    local mode = context.mode(path)
    if mode and is_readable_by_others(mode) then
      context.warn(("%s can be read by others (mode %03o), use chmod 600"):
        format(path, mode))
    end
    return text or ""
  end
end

local function complete(context)
  local filled = core.copy(context or {})
  filled.loop = filled.loop or loops.choose()
  filled.warn = filled.warn or function() end
  filled.mode = filled.mode or core.mode
  filled.now = filled.now or os.time
  filled.getenv = filled.getenv or os.getenv
  filled.home = filled.home or filled.getenv "HOME"
  filled.read = reader(filled)
  return filled
end

-- The caller's own string wherever it will do, for what is made of it is a
-- copy that nobody wipes; and never gsub, which makes it on the C stack.
local function trim(text)
  local first, last = text:byte(1), text:byte(-1)
  if first and (first <= 32 or last <= 32) then -- a space or a control
    first = text:find "%S"
    return first and text:sub(first, text:match "^.*()%S") or ""
  end
  return text
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
      value = trim(value)
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

-- The first of the variables that says something, else the first of all; and
-- what it says.
local function look_up(variables, getenv)
  for _, variable in ipairs(variables) do
    local value = getenv(variable)
    if value and value:find "%S" then
      return variable, value
    end
  end
  return variables[1]
end

local function from_environment(provider, getenv)
  local values, names = {}, {}
  for _, credential in ipairs(provider.credentials) do
    local name = credential.name
    names[name], values[name] = look_up(variables_of(credential), getenv)
  end
  return read_set(provider, values, names)
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

-- A set and its source; or nil and the list of what was looked at.
local function from_sources(provider, layers, context)
  local options, looked = merge(layers), {}
  for _, module in ipairs(provider.credential_sources or {}) do
    local source = require("balance.credentials." .. module)
    local values, place = source.find(options, context)
    if values then
      local set, name, what = read_set(provider, values)
      if set then
        return set, place
      end
      place = ("%s (%s)"):format(place,
        name and name .. " " .. what or "no keys")
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
-- the environment, or a list of them in their order) and `optional`; and its
-- `credential_sources`, names of modules below this one
-- @tparam {table,...} layers options, the call's before the client's. Their
-- `credentials` is a function that returns the current ones as a table, or
-- nil and a message
-- @tparam ?table context `loop`, to wait in; `warn(message)`, which is told of
-- a file that others can read; `refused`, a token that a service has just
-- refused, so that it will not do; and in the place of the system's own
-- `mode(path)`, `now()`, `getenv(name)` and `home`
-- @treturn ?table the credentials by their names, all from one place
-- @treturn string the place; where the first is nil, one line on what was
-- looked at, with no credential in it
-- @raise what a function `credentials` raised
---@param provider table
---@param layers table[]
---@param context? balance.CredentialContext
---@return balance.CredentialSet?
---@return string
function _M.find(provider, layers, context)
  for _, layer in ipairs(layers) do
    local set, place = from_layer(provider, layer)
    if set or place then
      return set, place
    end
  end
  local set, name, what = from_environment(provider,
    context and context.getenv or os.getenv)
  if set then
    return set, "environment"
  end
  local found, places = from_sources(provider, layers, complete(context))
  if found then
    return found, places
  end
  return nil, no_credentials(provider, name and name .. " " .. what, places)
end

return _M
