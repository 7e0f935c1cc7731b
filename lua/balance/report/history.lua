-- SPDX-License-Identifier: MIT
--- The history of each account of a snapshot, for a person: a line, the rate,
-- the top-ups, and when it is empty.
-- @module balance.report.history

local blocks = require "balance.report.blocks"
local clean = require("balance.failure").clean
local recent = require "balance.report.recent"
local words = require "balance.report.words"

local _M = {}

local default_width, margin = 80, 2

local function head_of(account, now)
  local parts = { account.name .. ": " }
  if not account.available then
    return parts[1] .. "nothing is known yet"
  end
  parts[2] = words.phrase(account, account.available) .. " left"
  local rate = words.per_day(account)
  if rate and account.rate > 0 then
    parts[#parts + 1] = (", %s a day"):format(rate)
  end
  parts[#parts + 1] = account.time_to_empty
    and ", empty in " .. words.outlook(account)
    or ", " .. words.outlook(account)
  parts[#parts + 1] = (" (%s ago)"):format(
    words.duration(math.max(now - account.fetched_at, 0)))
  return table.concat(parts)
end

local function bounds_of(account, samples)
  local low, high = samples[1].left, samples[1].left
  for _, sample in ipairs(samples) do
    low, high = math.min(low, sample.left), math.max(high, sample.left)
  end
  return ("highest %s, lowest %s"):format(words.phrase(account, high),
    words.phrase(account, low))
end

local function describe(account, now, days, width)
  local lines = { clean(head_of(account, now), {}) }
  local samples, began = recent.of(account.history, now, days)
  local indent = (" "):rep(margin)
  if not samples[1] then
    return lines
  end
  lines[2] = indent .. blocks.draw(samples, began, now,
    math.max(width - 2 * margin, 1))
  lines[3] = ("%sfrom %s on: %s"):format(indent, words.time(began),
    clean(bounds_of(account, samples), {}))
  for _, sample in ipairs(samples) do
    if sample.top_up then
      lines[#lines + 1] = ("%s%s top-up of %s"):format(indent,
        words.time(sample.at),
        clean(words.phrase(account, sample.top_up), {}))
    end
  end
  return lines
end

--- Writes it.
-- @tparam balance.Snapshot snapshot
-- @tparam ?number days how far back (7)
-- @tparam ?integer width columns of the terminal (80)
-- @treturn string
function _M.write(snapshot, days, width)
  local parts = {}
  for i, account in ipairs(snapshot.accounts) do
    parts[i] = table.concat(describe(account, snapshot.at, days,
      width or default_width), "\n") .. "\n"
  end
  return table.concat(parts, "\n")
end

return _M
