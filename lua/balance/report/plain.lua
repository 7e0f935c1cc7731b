-- SPDX-License-Identifier: MIT
--- A snapshot as lines for scripts. There is no head, and nothing is ever
-- translated or rounded. A line has these fields, with a tab between two:
--
-- 1. the account's name, 2. its provider
-- 3. what is left, a plain decimal, 4. its unit: "credits", "USD"
-- 5. a day's use, in the same unit
-- 6. seconds until it is empty
-- 7. when that was known, such as 2026-11-27T19:30:00Z
-- 8. the state, in a word or two
-- 9. where the last round failed, the kind of the failure
--
-- A field that is not known is empty. More may be added at the end.
-- @module balance.report.plain

local clean = require("balance.failure").clean
local words = require "balance.report.words"

local _M = {}

local function fields_of(account)
  local left, unit = "", ""
  if account.available then
    left, unit = words.amount(account, account.available)
  end
  local rate = account.rate and words.amount(account,
    math.floor(account.rate * 1e4 + 0.5) / 1e4)
  return {
    account.name, account.provider, left, unit, rate or "",
    account.time_to_empty and ("%.0f"):format(account.time_to_empty) or "",
    account.fetched_at and words.time(account.fetched_at) or "",
    account.state, account.failure and account.failure.kind or "",
  }
end

--- Writes the lines.
-- @tparam balance.Snapshot snapshot
-- @treturn string
function _M.write(snapshot)
  local lines = {}
  for i, account in ipairs(snapshot.accounts) do
    local fields = fields_of(account)
    for j, field in ipairs(fields) do
      fields[j] = clean(field, {}) or ""
    end
    lines[i] = table.concat(fields, "\t") .. "\n"
  end
  return table.concat(lines)
end

return _M
