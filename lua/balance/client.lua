-- SPDX-License-Identifier: MIT
--- A client: its methods and what it keeps from one call to the next.
-- @module balance.client

local attempt = require "balance.attempt"
local calls = require "balance.call"
local configs = require "balance.config"
local hits = require "balance.hits"
local loops = require "balance.loop"
local options = require "balance.options"
local retry = require "balance.retry"
local schema = require "balance.schema"

local _M = {}

--- The providers by name; `balance.register` adds one.
_M.providers = require("balance.providers").known

local settings_of = setmetatable({}, { __mode = "k" }) -- by client

--- The settings of a client.
-- @tparam table object
-- @treturn ?table nil where it is none
function _M.settings_of(object)
  return settings_of[object]
end

-- A method, to be called with a dot or a colon. It checks the options itself, so
-- that a mistake is raised where the caller wrote it.
local function new_method(client, object, provider)
  local known = options.of(provider)
  return function(first, second)
    local given = first
    if first == object then
      given = second
    end
    local kept = client.hits[provider]
    local result = kept and hits.find(client, kept, provider, given)
    if result then
      return result
    end
    local read, mistake = schema.read_options(given, known)
    if read and client.mistake then
      mistake = client.mistake(provider)
    end
    if mistake then
      error(("balance.%s: %s"):format(provider.name, mistake), 2)
    end
    return calls.run(client, provider, read)
  end
end

-- Calls of one `all` that are under way at once. The time of the others begins
-- when they do.
local max_at_once = 512

-- The accounts that the caller names.
local function read_accounts(client, accounts)
  local list, mistake = options.read_accounts(_M.providers, accounts)
  for _, one in ipairs(client.mistake and list or {}) do
    mistake = client.mistake(one.provider, one.name)
    if mistake then
      return nil, tostring(one.name) .. ": " .. mistake
    end
  end
  return list, mistake
end

-- The accounts that `all` is to ask: where none is named, those of all
-- providers that have their keys somewhere.
local function accounts_of(client, accounts)
  if accounts ~= nil then
    return read_accounts(client, accounts)
  elseif client.accounts then
    return client.accounts
  end
  local list = {}
  for name, provider in pairs(_M.providers) do
    if configs.has_credentials(provider, client.settings) then
      list[#list + 1] = { name = name, provider = provider, options = {} }
    end
  end
  return list
end

-- The method `all`. It returns two tables, by the caller's names.
local function new_all(client, object)
  return function(first, second)
    local accounts = first
    if first == object then
      accounts = second
    end
    local list, mistake = accounts_of(client, accounts)
    if not list then
      error("balance.all: " .. mistake, 2)
    end
    local results, failures, begun = {}, {}, 0
    local function work()
      while begun < #list do
        begun = begun + 1
        local one = list[begun]
        results[one.name], failures[one.name] =
          calls.run(client, one.provider, one.options, one.name)
      end
    end
    local workers = {}
    for i = 1, math.min(#list, max_at_once) do
      workers[i] = work
    end
    local loop = loops.choose(client.settings.loop)
    if loop then
      loop.gather(workers)
    else
      work() -- each of them fails
    end
    return results, failures
  end
end

--- Makes a client with settings of its own. They stay inside: printing or
-- encoding a client shows no key.
-- @tparam table settings as `balance.options` reads them
-- @tparam ?table fake of `balance.fake`: `attempt`, in place of
-- `balance.attempt`'s run; `accounts`, those that `all` asks where none is
-- named; `mistake(provider, account)`, a message where the call cannot be made
-- @treturn table with a method for each provider
function _M.new(settings, fake)
  fake = fake or {}
  local client = {
    settings = settings, budget = retry.new_budget(),
    attempt = fake.attempt or attempt.run,
    accounts = fake.accounts, mistake = fake.mistake,
    clock_offset = 0, -- seconds, added to this machine's clock
    bases = {}, -- by provider, from `balance.config`
    hits = {}, -- by provider, from `balance.hits`
  }
  local object = {}
  settings_of[object] = settings
  local methods = setmetatable({ all = new_all(client, object) }, {
    __index = function(methods, name)
      local provider = _M.providers[name]
      if provider then
        methods[name] = new_method(client, object, provider)
        return methods[name]
      end
    end,
  })
  return setmetatable(object, {
    __index = methods,
    __tostring = function() return "balance client" end,
    __metatable = "balance.client",
  })
end

return _M
