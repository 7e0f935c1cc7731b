-- SPDX-License-Identifier: MIT
--- A snapshot as a table that a person reads, and what is to be said beneath.
-- @module balance.report.text

local clean = require("balance.failure").clean
local words = require "balance.report.words"

local _M = {}

local function plain(value)
  return clean(value, {}) or ""
end

-- The number of a character of three or four bytes.
local function code_of(character)
  local a, b, c, d = character:byte(1, 4)
  return d and (a % 8 * 64 + b % 64) * 4096 + c % 64 * 64 + d % 64
    or a % 16 * 4096 + b % 64 * 64 + c % 64
end

local wide = { { 0x1100, 0x115F }, { 0x2E80, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFF01, 0xFF60 }, { 0x1F300, 0x3FFFF } }

-- How many columns a text takes: two for each character of those alphabets
-- that are written in squares.
local function width_of(text)
  local width = 0
  for character in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    width = width + 1
    local code = #character >= 3 and code_of(character) or 0
    for _, range in ipairs(wide) do
      width = width + (code >= range[1] and code <= range[2] and 1 or 0)
    end
  end
  return width
end

local function pad(text, width, is_number)
  local blanks = (" "):rep(width - width_of(text))
  return is_number and blanks .. text or text .. blanks
end

local function ago(account, now)
  if not account.fetched_at then
    return "never"
  end
  return words.duration(math.max(now - account.fetched_at, 0)) .. " ago"
end

-- The rows, the head first.
local function rows_of(snapshot)
  local rows = { { "account", "left", "per day", "empty in", "as of",
    "state" } }
  for i, account in ipairs(snapshot.accounts) do
    rows[i + 1] = {
      plain(account.name),
      account.available and words.phrase(account, account.available)
        or "unknown",
      words.per_day(account) or "-", words.outlook(account),
      ago(account, snapshot.at),
      account.state .. (account.is_stale and account.available
        and ", stale" or ""),
    }
  end
  return rows
end

local is_number = { false, true, true, true, true, false }

local function write_table(rows, lines)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, width_of(cell))
    end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      cells[i] = pad(plain(cell), widths[i], is_number[i])
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub(" +$", ""))
  end
end

local function write_notes(snapshot, lines)
  for _, account in ipairs(snapshot.accounts) do
    local failure = account.failure
    if failure then
      lines[#lines + 1] = plain(("%s: %s: %s"):format(account.name,
        failure.kind, failure.message))
      lines[#lines + 1] = failure.hint and "  " .. plain(failure.hint) or nil
    end
    for _, event in ipairs(account.undelivered) do
      lines[#lines + 1] = plain(("%s: nobody was told of '%s': %s"):format(
        account.name, event.event, event.message))
    end
  end
  lines[#lines + 1] = snapshot.problem and plain(snapshot.problem) or nil
end

--- Writes the table.
-- @tparam balance.Snapshot snapshot
-- @treturn string lines
function _M.write(snapshot)
  local lines = {}
  write_table(rows_of(snapshot), lines)
  write_notes(snapshot, lines)
  return table.concat(lines, "\n") .. "\n"
end

return _M
