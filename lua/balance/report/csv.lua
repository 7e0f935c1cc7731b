-- SPDX-License-Identifier: MIT
--- The samples of a snapshot as comma-separated values, RFC 4180: `account`,
-- `time`, `left`, `unit`, `top_up` (empty where there was none).
-- @module balance.report.csv

local clean = require("balance.failure").clean
local recent = require "balance.report.recent"
local words = require "balance.report.words"

local _M = {}

local function field(text)
  text = clean(text, {}) or ""
  return text:find '[",]' and '"' .. text:gsub('"', '""') .. '"' or text
end

--- Writes the lines, a head first.
-- @tparam balance.Snapshot snapshot
-- @tparam ?number days how far back (7)
-- @treturn string
function _M.write(snapshot, days)
  local lines = { "account,time,left,unit,top_up" }
  for _, account in ipairs(snapshot.accounts) do
    for _, sample in ipairs((recent.of(account.history, snapshot.at, days))) do
      local left, unit = words.amount(account, sample.left)
      local top_up = sample.top_up and words.amount(account, sample.top_up)
      lines[#lines + 1] = table.concat({ field(account.name),
        words.time(sample.at), left, field(unit), top_up or "" }, ",")
    end
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end

return _M
