-- SPDX-License-Identifier: MIT
--- A snapshot as a JSON document for programs.
--
-- It is an object with `version` (1), `at`, `every`, `problem` where there is
-- one, and `accounts`: an object by name. An account has the fields of
-- `balance.WatchedAccount`, but for those that are not known, and beside them:
-- `available_text`, an exact decimal, as a number has 14 digits here; and as
-- people read it, `amount` and `amount_unit`: cents are "185.25" and "USD". A
-- sample of `history` is a list: the time, what was left, and the top-up where
-- there was one. `undelivered` is an object by alarm. The order of fields is not
-- fixed.
-- @module balance.report.json

local clean = require("balance.failure").clean
local core = require "balance.core"
local safe = require "cjson.safe"
local words = require "balance.report.words"

local _M = {}

local encoder = core.in_plain_locale(safe.new)

-- Texts of others may be no UTF-8, which is no JSON.
local function plain(value)
  if type(value) == "string" then
    return clean(value, {}) or ""
  elseif type(value) ~= "table" then
    return value
  end
  local copy = {}
  for name, item in pairs(value) do
    copy[plain(name)] = plain(item)
  end
  return copy
end

-- An empty list would become an object.
local function samples_of(history)
  local list
  for i, sample in ipairs(history) do
    list = list or {}
    list[i] = { sample.at, sample.left, sample.top_up }
  end
  return list
end

local function show(account)
  local shown = core.copy(account)
  shown.name, shown.history, shown.undelivered = nil, nil, nil
  shown = plain(shown)
  shown.history, shown.undelivered = samples_of(account.history), {}
  for _, event in ipairs(account.undelivered) do
    shown.undelivered[event.alarm] = plain(event)
  end
  if account.available then
    shown.available_text = words.decimal(account.available)
    shown.amount, shown.amount_unit =
      words.amount(account, account.available)
  end
  return shown
end

--- Writes the document.
-- @tparam balance.Snapshot snapshot
-- @treturn string
function _M.write(snapshot)
  local document = {
    version = snapshot.version, at = snapshot.at, every = snapshot.every,
    problem = plain(snapshot.problem), accounts = {},
  }
  for _, account in ipairs(snapshot.accounts) do
    document.accounts[plain(account.name)] = show(account)
  end
  return (assert(core.in_plain_locale(encoder.encode, document)))
end

return _M
