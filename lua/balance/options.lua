-- SPDX-License-Identifier: MIT
--- What a caller may give: the options of a call, the settings of a client.
--
-- A wrong name, type or range is a mistake in the program: it comes back as a
-- message, for the caller to raise. What a string contains comes from the
-- world; `balance.config` sees to that.
-- @module balance.options

local core = require "balance.core"
local loops = require "balance.loop"
local schema = require "balance.schema"
local spelling = require "balance.spelling"

local _M = {}

-- A dict of nginx by its name: a misspelt one would be nil, and each worker
-- would go without it.
local function find_dict(name, what)
  local ngx = loops.nginx()
  if not ngx then
    return nil, what .. " needs a lua_shared_dict, and there is no nginx here"
  elseif not ngx.shared[name] then
    return nil, what .. ": "
      .. spelling.unknown("lua_shared_dict", name, ngx.shared)
  end
  return ngx.shared[name]
end

local is_dict = schema.object("an ngx.shared.DICT", { "incr", "get", "set" })

local function read_dict(dict, what)
  return (type(dict) == "string" and find_dict or is_dict)(dict, what)
end

--- The settings of a cache: a schema.
_M.of_cache = {
  ttl = { "number", range = "more than %d seconds", above = 0 },
  stale = { "number", range = "%d seconds or more", min = 0 },
  refresh_timeout = { "number", range = "more than %d seconds", above = 0 },
  stale_first = { "boolean" },
  store = {
    "table userdata",
    read = schema.object("a store", { "get", "set", "add", "delete" }),
  },
  dict = { "string", read = find_dict },
}

local function read_cache(settings, what)
  if settings == true then
    return nil, what .. " must be a table, or false"
  elseif settings == false then
    return false
  end
  local read, mistake = schema.read("cache setting", settings, _M.of_cache)
  if read and read.dict then
    if read.store then
      return nil, "cache settings 'dict' and 'store' exclude each other"
    end
    read.store, read.dict = read.dict, nil
  end
  return read, mistake
end

local function read_loop(loop)
  local mistake = loops.mistake(loop)
  if mistake then
    return nil, mistake
  end
  return loops.checked(loop)
end

--- Every option that is not a provider's own. Each is a rule of
-- `balance.schema`, and may have:
--
-- - `scope`: "provider" for an option of a call and of a provider in the
--   settings, "client" for a setting of the client alone; without it, both.
-- - `default`
-- - `identity`: false where the answer does not depend on it, so that calls
--   that differ in it share an entry of the cache.
-- - `variable`: of the environment, where every provider has the same one.
-- - `doc`: what it is, in a line.
_M.all = {
  endpoint = {
    "string table", read = schema.read_strings, scope = "provider",
    doc = "scheme, host and port; a list: the next where one is not reached",
  },
  credentials = {
    "function", scope = "provider", identity = false,
    doc = "returns the keys",
  },
  timeout = {
    "number", above = 0, max = 86400, default = 10, identity = false,
    range = "more than %d and at most %d seconds",
    doc = "seconds for the whole call, retries included",
  },
  connect_timeout = {
    "number", above = 0, max = 86400, default = 5, identity = false,
    range = "more than %d and at most %d seconds",
    doc = "seconds until connected, TLS included",
  },
  retries = {
    "number", min = 0, max = 10, whole = true, default = 2, identity = false,
    range = "a whole number from %d to %d",
    doc = "how often to ask again",
  },
  rate = { -- its default is the provider's `rate`, else false
    "number boolean", above = 0, identity = false,
    range = "a number of more than %d, or false",
    doc = "requests a second for one key, at most",
  },
  rate_dict = {
    "string table userdata", scope = "client", identity = false,
    read = read_dict,
    doc = "a lua_shared_dict, by its name: nginx workers share the rate",
  },
  cache = {
    "table boolean", read = read_cache, default = false, identity = false,
    doc = "keep results",
  },
  trace = {
    "function", identity = false,
    doc = "is told what happens",
  },
  ca_file = {
    "string", variable = "SSL_CERT_FILE",
    doc = "whom to trust, a PEM file",
  },
  ca_path = {
    "string", variable = "SSL_CERT_DIR",
    doc = "the same, a directory of hashed names",
  },
  proxy = {
    "string", variable = "https_proxy",
    doc = "a proxy's URL; \"\" is none",
  },
  http2 = {
    "boolean", default = false,
    doc = "HTTP/2 where the server speaks it",
  },
  loop = {
    "string table", read = read_loop, scope = "client", identity = false,
    doc = "how to wait; found by itself, but for luv",
  },
}

-- The options by scope: `shared` without one, `of_provider`, `of_client`.
_M.shared, _M.of_provider, _M.of_client = {}, {}, {}

local by_scope = { provider = _M.of_provider, client = _M.of_client }

for name, option in pairs(_M.all) do
  (by_scope[option.scope] or _M.shared)[name] = option
end

local text = { "string" }

-- The rule of a provider's own option.
local function own_option(types)
  if type(types) == "table" then
    return { "string", choices = types }
  end
  return { types, read = schema.read_plain }
end

local by_provider = setmetatable({}, { __mode = "k" })

--- All that a provider takes: its own options, its credentials, and those of
-- every provider.
-- @tparam table provider
-- @treturn table a schema, the same one each time
function _M.of(provider)
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

--- A copy of a configuration, for a provider to change as it likes.
-- @tparam table provider
-- @tparam table config
-- @treturn table
function _M.copy(provider, config)
  local copy = core.copy(config)
  for name in next, provider.options or {} do
    if type(copy[name]) == "table" then
      copy[name] = schema.read_plain(copy[name], name)
    end
  end
  return copy
end

-- A function may not be an option: a cache could not tell one from another.
local has_identity = { string = true, number = true, boolean = true,
  table = true }

--- What is wrong with the types of a provider's own option.
-- @param types "boolean string", or a list of strings to choose from
-- @treturn ?string nil where all is well
function _M.mistake_in_type(types)
  if type(types) == "table" and schema.is_list_of_strings(types) then
    return nil
  elseif type(types) ~= "string" or not types:find "%S" then
    return "its type must be of string, number, boolean, table, or a list of"
      .. " strings to choose from"
  end
  for each in types:gmatch "%S+" do
    if not has_identity[each] then
      return spelling.unknown("type", each, has_identity)
    end
  end
end

--- Whether a client has a setting of this name, which no provider may have.
-- @tparam string name
-- @treturn boolean
function _M.is_setting(name)
  return (_M.shared[name] or _M.of_client[name]) ~= nil
end

--- Reads the options of a call.
-- @tparam table provider
-- @param given nil is no options
-- @treturn ?table a copy; nil where something is wrong
-- @treturn ?string then, the mistake: a message without any value in it
function _M.read(provider, given)
  return schema.read_options(given, _M.of(provider))
end

--- Reads a client's settings.
-- @tparam {[string]=table} providers
-- @param given nil is no settings
-- @treturn ?table a copy; nil where something is wrong
-- @treturn ?string then, the mistake
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

local account_options = { provider = text }

local function read_account(providers, name, given)
  if type(given) ~= "table" then
    return nil, "options must be a table, not a " .. type(given)
  end
  local provider_name = schema.copy(given, account_options).provider
  if provider_name == nil then
    provider_name = name
  end
  local provider = providers[provider_name]
  if not provider then
    return nil, spelling.unknown("provider", provider_name, providers)
  end
  local own = schema.copy(given, _M.of(provider))
  own.provider = nil
  local options, mistake = _M.read(provider, own)
  return options and { name = name, provider = provider, options = options },
    mistake
end

--- Reads the accounts that `balance.all` is to ask.
-- @tparam {[string]=table} providers
-- @param accounts by the caller's names
-- @treturn ?table of { name, provider, options }; nil where something is wrong
-- @treturn ?string then, the mistake
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
