-- SPDX-License-Identifier: MIT
--- The accounts file: JSON, so that its parser is always there.
--
--     {
--       "accounts": {
--         "studio": { "provider": "udio", "api_key": "env:STUDIO_KEY",
--                     "min": 50, "min_days": 3 },
--         "cloud": { "provider": "tencent", "profile": "prod", "min": 100 }
--       },
--       "notify": [ { "service": "slack", "url": "file:~/.slack-url" } ]
--     }
--
-- An account has its provider (where the name is not the provider's), options of
-- a call, alarms of a monitor, and keys, each as `balance.command.reference` has
-- it; without keys they are looked for as in Lua. Amounts are what the table
-- shows: credits, or whole units of the account's currency.
-- @module balance.command.accounts

local clean = require("balance.failure").clean
local core = require "balance.core"
local environment = require "balance.environment"
local json = require "balance.json"
local of_alarms = require("balance.monitor.settings").of_alarms
local options = require "balance.options"
local paths = require "balance.command.paths"
local providers = require "balance.providers"
local reference = require "balance.command.reference"
local safe = require "cjson.safe"
local schema = require "balance.schema"
local spelling = require "balance.spelling"
local stop = require "balance.command.stop"
local words = require "balance.report.words"

local _M = {}

local max_file = 65536 -- bytes

-- Of the options of a call, those that make sense in a file.
local of_call = { "endpoint", "timeout", "connect_timeout", "retries", "rate",
  "ca_file", "ca_path", "proxy", "http2" }

-- What an account of a provider may have: a schema. The values of a provider's
-- own options are looked at later.
local function fields_of(provider)
  local fields, all = { provider = { "string" } }, options.of(provider)
  for name, rule in pairs(of_alarms) do
    fields[name] = rule
  end
  for _, name in ipairs(of_call) do
    fields[name] = all[name]
  end
  for name in pairs(provider.options or {}) do
    fields[name] = all[name]
  end
  for _, credential in ipairs(provider.credentials) do
    fields[credential.name] = { "string", read = function(value, what)
      if not core.is_text(value) then
        return nil, what .. " has a control character"
      end
      return value
    end }
  end
  return fields
end

-- Moves the fields of these names into a table of their own, nil where there are
-- none.
local function take(fields, names)
  local taken
  for name in pairs(names) do
    if fields[name] ~= nil then
      taken = taken or {}
      taken[name], fields[name] = fields[name], nil
    end
  end
  return taken
end

local function names_of_keys(provider)
  local names = {}
  for _, credential in ipairs(provider.credentials) do
    names[credential.name] = true
  end
  return names
end

--- An amount as people write it, in the unit of a provider's answers.
-- @tparam table provider
-- @tparam table given the options of the account
-- @tparam number amount credits, or whole units of its currency
-- @treturn number
function _M.in_units(provider, given, amount)
  local currency = provider.currency and provider.currency(given)
  if words.is_money { unit = provider.unit, currency = currency } then
    return math.floor(amount * 100 + 0.5)
  end
  return amount
end

-- Returns an account: `provider`, `given`, `keys` and `alarms`; or nil and what
-- is wrong.
local function read_account(name, fields)
  if type(fields) ~= "table" then
    return nil, "it must be an object"
  end
  local wanted = fields.provider
  if wanted == nil then
    wanted = name
  end
  local provider = providers.known[wanted]
  if not provider then
    return nil, spelling.unknown("provider", wanted, providers.known)
      .. "; say which with \"provider\""
  end
  if providers.known[name] and provider.name ~= name then
    return nil, "the name is another provider's"
  end
  local read, mistake = schema.read("field", fields, fields_of(provider))
  if not read then
    return nil, mistake
  end
  read.provider = nil
  local keys = take(read, names_of_keys(provider))
  local alarms = take(read, of_alarms)
  if alarms and alarms.min then
    alarms.min = _M.in_units(provider, read, alarms.min)
    if math.abs(alarms.min) == math.huge then
      return nil, "field 'min' is too large"
    end
  end
  return { name = name, provider = provider, given = read, keys = keys,
    alarms = alarms }
end

local function has_literal(values)
  for _, value in pairs(values or {}) do
    if type(value) == "string" and reference.is_literal(value) then
      return true
    end
  end
  return false
end

-- The line of a character.
local function line_of(content, at)
  local _, breaks = content:sub(1, at):gsub("\n", "")
  return breaks + 1
end

local function decode(content)
  local document, problem = json.decode(content)
  if document then
    return document
  elseif problem then
    return nil, "it has too many fields"
  end
  local _, why = safe.decode(content)
  local at = tonumber((why or ""):match "at character (%d+)")
  return nil, at and ("it is no JSON: line %d"):format(line_of(content, at))
    or "it is no JSON"
end

local sections = { accounts = { "table" }, notify = { "table" } }

-- Whether an option has a password in it.
local function has_password(given)
  return type(given.proxy) == "string" and given.proxy:find "@" ~= nil
end

-- Returns the webhooks, and whether a secret is in them; or nil and what is
-- wrong.
local function read_notify(list)
  local webhooks, is_secret = {}, false
  for position, webhook in pairs(list) do
    if type(position) ~= "number" or type(webhook) ~= "table" then
      return nil, "\"notify\" must be a list of objects"
    end
    webhooks[#webhooks + 1] = webhook
    is_secret = is_secret
      or has_literal { webhook.url or nil, webhook.secret or nil }
  end
  return webhooks, is_secret
end

-- Returns the accounts, those of `notify`, and whether a secret is in them; or
-- nil and what is wrong.
local function read_document(content)
  local document, mistake = decode(content)
  if document then
    document, mistake = schema.read("section", document, sections)
  end
  if not document then
    return nil, mistake
  end
  local list, is_secret = {}, false
  for name, fields in pairs(document.accounts or {}) do
    local one
    if type(name) ~= "string" or clean(name, {}) ~= name then
      return nil, "the name of an account must be a text without control"
        .. " characters"
    end
    one, mistake = read_account(name, fields)
    if not one then
      return nil, ("account '%s': %s"):format(name, mistake)
    end
    is_secret = is_secret or has_literal(one.keys) or has_password(one.given)
    list[name] = one
  end
  local webhooks, more = read_notify(document.notify or {})
  if not webhooks then
    return nil, more
  end
  return { accounts = list, notify = webhooks }, is_secret or more
end

--- Reads the accounts file.
-- @tparam ?string named the path, where the user gave one
-- @treturn ?table `path`, `accounts` (by name: `name`, `provider`, `given`,
-- `keys`, `alarms`), `notify`, and maybe a `warning`; nil where no file was named
-- and there is none
-- @raise an end of the command where something is wrong
function _M.read(named)
  named = named or environment.get "BALANCE_ACCOUNTS"
  if named == "" then
    stop.with("usage", "--accounts is empty")
  end
  local path = named and paths.expand(named) or paths.accounts()
  if not path then
    return nil
  end
  local content, mode = core.read_file(path, max_file)
  if not content then
    if not named and mode == "missing" then
      return nil
    end
    stop.with("usage", ("%s %s"):format(paths.shown(path),
      reference.problems[mode]))
  end
  local shown = paths.shown(path)
  local read, more = read_document(content)
  if not read then
    stop.with("usage", ("%s: %s"):format(shown, more),
      "`balance manual | man -l -` shows how it looks")
  end
  if reference.is_writable(mode) then
    stop.with("usage", ("%s can be changed by others (mode %03o)"):format(
      shown, mode), "chmod 600 it: they could have any command run")
  end
  read.path, read.warning = path, reference.warning(path, mode)
  if read.warning and more then
    stop.with("usage", read.warning .. ", for it has a key in it",
      "better, put the key elsewhere, and write env:NAME, file:PATH or"
      .. " cmd:COMMAND")
  end
  return read
end

return _M
