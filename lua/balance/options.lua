-- SPDX-License-Identifier: MIT
--- What a caller may give: the options of a call, the settings of a client.
--
-- A name, a type, a range or a choice that does not exist is a mistake in the
-- program: it comes back as a message, for the caller to raise. What a string
-- contains comes from the world; `balance.config` sees to that.
-- @module balance.options

local core = require "balance.core"
local loops = require "balance.loop"
local schema = require "balance.schema"
local spelling = require "balance.spelling"

local _M = {}

local max_seconds = 86400
local max_retries = 10
local max_depth, max_entries = 16, 1000 -- of an option that is a table

-- What values may be -----------------------------------------------------------

local is_plain = { string = true, number = true, boolean = true }

-- A copy of a table of plain values and of such tables, which nobody changes
-- while a call waits. Nil where there is more to it.
local function copy_plain(value, depth, left)
  if is_plain[type(value)] then
    return value
  elseif type(value) ~= "table" or getmetatable(value) ~= nil
    or depth == 0 then
    return nil
  end
  local copy = {}
  for name, item in next, value do
    left.entries = left.entries - 1
    local copied = is_plain[type(name)] and left.entries >= 0
      and copy_plain(item, depth - 1, left)
    if copied == nil or copied == false and item ~= false then
      return nil
    end
    copy[name] = copied
  end
  return copy
end

local function read_seconds(seconds, what)
  if not (seconds > 0 and seconds <= max_seconds) then
    return nil, ("%s must be more than 0 and at most %d seconds"):format(what,
      max_seconds)
  end
  return seconds
end

local function read_retries(retries, what)
  if not (retries >= 0 and retries <= max_retries and retries % 1 == 0) then
    return nil, ("%s must be a whole number from 0 to %d"):format(what,
      max_retries)
  end
  return retries
end

local function read_rate(rate, what)
  if rate == true or rate and not (rate > 0 and rate < math.huge) then
    return nil, what .. " must be a number of more than 0, or false"
  end
  return rate
end

local function read_fresh(seconds, what)
  if not (seconds > 0 and seconds < math.huge) then
    return nil, what .. " must be more than 0 seconds"
  end
  return seconds
end

local function read_stale(seconds, what)
  if not (seconds >= 0 and seconds < math.huge) then
    return nil, what .. " must be 0 seconds or more"
  end
  return seconds
end

local cache = {
  ttl = { "number", read = read_fresh },
  stale = { "number", read = read_stale },
  store = {
    "table userdata",
    read = schema.object("a store", { "get", "set", "add", "delete" }),
  },
}

local function read_cache(settings, what)
  if settings == true then
    return nil, what .. " must be a table, or false"
  elseif settings == false then
    return false
  end
  return schema.read("cache setting", settings, cache)
end

local function is_list_of_strings(list)
  local count = 0
  for _, each in next, list do
    if type(each) ~= "string" then
      return false
    end
    count = count + 1
  end
  return getmetatable(list) == nil and count > 0 and count == #list
end

local function read_endpoint(endpoint, what)
  if type(endpoint) == "string" then
    return endpoint
  elseif not is_list_of_strings(endpoint) then
    return nil, what .. " must be a string or a plain list of them"
  end
  return core.copy(endpoint)
end

local function read_loop(loop)
  local mistake = loops.mistake(loop)
  return not mistake and loop or nil, mistake
end

local function read_table(value, what)
  local copy = copy_plain(value, max_depth, { entries = max_entries })
  if copy == nil then
    return nil, ("%s must hold strings, numbers, booleans and plain tables of"
      .. " these, at most %d"):format(what, max_entries)
  end
  return copy
end

local dict = schema.object("an ngx.shared.DICT", { "incr", "get", "set" })

-- The options -------------------------------------------------------------------

local text, flag, callback = { "string" }, { "boolean" }, { "function" }

--- What every provider takes, and a client for all of them: a schema, with the
-- defaults.
_M.shared = {
  timeout = { "number", read = read_seconds, default = 10 },
  connect_timeout = { "number", read = read_seconds, default = 5 },
  ca_file = text,
  ca_path = text,
  proxy = text,
  http2 = flag,
  retries = { "number", read = read_retries, default = 2 },
  rate = { "number boolean", read = read_rate },
  cache = { "table boolean", read = read_cache },
  trace = callback,
}

--- What a client alone takes.
_M.of_client = {
  loop = { "string table", read = read_loop },
  rate_dict = { "table userdata", read = dict },
}

--- What every provider takes, but a client only inside a provider's options.
_M.of_provider = {
  endpoint = { "string table", read = read_endpoint },
  credentials = callback,
}

local function read_choice(choices)
  return function(value, what)
    for _, choice in ipairs(choices) do
      if value == choice then
        return value
      end
    end
    return nil, ("%s must be '%s'"):format(what,
      table.concat(choices, "' or '"))
  end
end

-- A provider's own: "boolean string", or a list of the strings to choose from.
local function own_option(types)
  if type(types) == "table" then
    return { "string", read = read_choice(types) }
  end
  return { types, read = read_table }
end

local by_provider = setmetatable({}, { __mode = "k" })

-- The schema of all that a provider takes.
local function options_of(provider)
  local all = by_provider[provider]
  if all then
    return all
  end
  all = {}
  for name, types in pairs(provider.options or {}) do
    all[name] = own_option(types)
  end
  for _, credential in ipairs(provider.credentials) do
    all[credential.name] = text
  end
  for _, more in ipairs { _M.shared, _M.of_provider } do
    for name, option in pairs(more) do
      all[name] = option
    end
  end
  by_provider[provider] = all
  return all
end

local has_identity = { string = true, number = true, boolean = true,
  table = true }

--- Whether a provider's own option may be of these types. A function is none:
-- a cache could not tell one from another.
-- @param types as the provider has them
-- @treturn boolean
function _M.is_type(types)
  if type(types) == "table" then
    return is_list_of_strings(types)
  elseif type(types) ~= "string" then
    return false
  end
  local count = 0
  for each in types:gmatch "%S+" do
    if not has_identity[each] then
      return false
    end
    count = count + 1
  end
  return count > 0
end

--- Whether a client has a setting of this name, which no provider may have.
-- @tparam string name
-- @treturn boolean
function _M.is_setting(name)
  return (_M.shared[name] or _M.of_client[name]) ~= nil
end

-- Reading -----------------------------------------------------------------------

--- Reads the options of a call.
-- @tparam table provider
-- @param given nil is no options
-- @treturn ?table a copy; nil where something is wrong
-- @treturn ?string then, what: a message without any value in it
function _M.read(provider, given)
  return schema.read_options(given, options_of(provider))
end

--- Reads a client's settings.
-- @tparam {[string]=table} providers
-- @param given nil is no settings
-- @treturn ?table a copy; nil where something is wrong
-- @treturn ?string then, what
function _M.read_settings(providers, given)
  if given == nil then
    return {}
  elseif type(given) ~= "table" then
    return nil, "settings must be a table, not a " .. type(given)
  end
  local known = core.copy(_M.shared)
  for name, option in pairs(_M.of_client) do
    known[name] = option
  end
  for name, provider in pairs(providers) do
    known[name] = { "table", read = function(value)
      local own, mistake = _M.read(provider, value)
      return own, mistake and name .. ": " .. mistake
    end }
  end
  return schema.read("setting", given, known)
end

local with_provider = { provider = text }

local function read_account(providers, name, given)
  if type(given) ~= "table" then
    return nil, "options must be a table, not a " .. type(given)
  end
  local wanted = schema.copy(given, with_provider).provider
  if wanted == nil then
    wanted = name
  end
  local provider = providers[wanted]
  if not provider then
    return nil, spelling.unknown("provider", wanted, providers)
  end
  local own = schema.copy(given, options_of(provider))
  own.provider = nil
  local options, mistake = _M.read(provider, own)
  return options and { name = name, provider = provider, options = options },
    mistake
end

--- Reads the accounts that `balance.all` is to ask.
-- @tparam {[string]=table} providers
-- @param accounts by the caller's names
-- @treturn ?table of { name, provider, options }; nil where something is wrong
-- @treturn ?string then, what
function _M.read_accounts(providers, accounts)
  if type(accounts) ~= "table" then
    return nil, "accounts must be a table, not a " .. type(accounts)
  end
  local metatable = getmetatable(accounts)
  if metatable ~= nil
    and (type(metatable) ~= "table" or rawget(metatable, "__index")) then
    return nil, "accounts must be a table that shows all of its names"
  end
  local calls = {}
  for name, given in pairs(accounts) do
    local one, mistake = read_account(providers, name, given)
    if not one then
      return nil, tostring(name) .. ": " .. mistake
    end
    calls[#calls + 1] = one
  end
  return calls
end

return _M
