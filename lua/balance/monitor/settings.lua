-- SPDX-License-Identifier: MIT
--- What `balance.monitor` is given.
-- @module balance.monitor.settings

local clean = require("balance.failure").clean
local clients = require "balance.client"
local core = require "balance.core"
local options = require "balance.options"
local providers = require "balance.providers"
local schema = require "balance.schema"
local spelling = require "balance.spelling"

local _M = {}

--- The settings of an account's alarms: a schema.
_M.of_alarms = {
  min = { "number", range = "a number", min = -math.huge },
  min_days = { "number", range = "more than %d days", above = 0 },
  for_rounds = { "number", range = "a whole number of %d or more", min = 1,
    whole = true },
  remind = { "number", range = "%d seconds or more", min = 60 },
}

local function read_alarms(alarms)
  local read = {}
  for name, given in pairs(alarms) do
    if type(given) ~= "table" then
      return nil, ("alarms of '%s' must be a table, not a %s"):format(
        tostring(name), type(given))
    end
    local own, mistake = schema.read("alarm", given, _M.of_alarms)
    if not own then
      return nil, ("alarms of '%s': %s"):format(tostring(name), mistake)
    end
    read[name] = own
  end
  return read
end

-- The caller may change the table later.
local function copy_accounts(accounts)
  return schema.copy(accounts, {})
end

--- The settings: a schema.
_M.schema = {
  client = { "table", read = schema.object("a client", { "all" }) },
  accounts = { "table", read = copy_accounts },
  every = { "number", range = "from %d to %d seconds", min = 60, max = 86400 },
  store = { "table userdata",
    read = schema.object("a store", { "get", "set", "add", "delete" }) },
  alarms = { "table", read = read_alarms },
  notify = { "function" },
  now = { "function" },
}

-- The accounts that are given, or can have keys: `provider` and `options`, by
-- name.
local function known_accounts(given)
  local known = {}
  if given == nil then
    for name, provider in pairs(providers.known) do
      known[name] = { provider = provider, options = {} }
    end
    return known
  end
  local list, mistake = options.read_accounts(providers.known, given)
  for _, one in ipairs(list or {}) do
    if type(one.name) ~= "string" or clean(one.name, {}) ~= one.name then
      return nil, "the name of an account must be a text of at most 300 bytes"
        .. " in UTF-8, without control characters"
    end
    known[one.name] = one
  end
  return list and known, mistake
end

-- What is known of an account before it is asked, beside its alarms.
local function account_of(one, client_settings, alarms)
  local own = core.copy(alarms or {})
  own.provider, own.unit = one.provider.name, one.provider.unit
  if one.provider.currency then
    local config = core.copy(client_settings[one.provider.name] or {})
    for name, value in pairs(one.options) do
      config[name] = value
    end
    own.currency = one.provider.currency(config)
  end
  return own
end

--- Reads the settings of a monitor.
-- @param given
-- @treturn ?table `client`, `accounts`, `every`, `store`, `notify`, `now` as
-- given; `of_client`: the client's settings; `of(name)`: what is known of an
-- account before it is asked; `wanted`: the names that are given, sorted
-- @treturn ?string where that is nil, the mistake
function _M.read(given)
  local read, mistake = schema.read_options(given, _M.schema)
  local known
  if read then
    known, mistake = known_accounts(read.accounts)
  end
  if not known then
    return nil, mistake
  end
  read.of_client = read.client and clients.settings_of(read.client) or {}
  local alarms, wanted = read.alarms or {}, {}
  for name in pairs(alarms) do
    if not known[name] then
      return nil, "alarms: " .. spelling.unknown("account", name, known)
    end
  end
  for name in pairs(read.accounts or alarms) do
    wanted[#wanted + 1] = name
  end
  read.wanted = wanted
  function read.of(name)
    local one = known[name]
    return one and account_of(one, read.of_client, alarms[name]) or {}
  end
  return read
end

return _M
