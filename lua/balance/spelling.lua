-- SPDX-License-Identifier: MIT
--- Finds the name that was probably meant by one that does not exist.
-- @module balance.spelling

local text = require "balance.text"

local _M = {}

local max_length = 32 -- bytes; no name here is longer

-- The number of edits between two texts, where an edit adds, removes or
-- replaces a letter or swaps two neighbours (optimal string alignment).
local function distance(a, b)
  local before, last = {}, {}
  for j = 0, #b do
    last[j] = j
  end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(last[j] + 1, row[j - 1] + 1,
        last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
        and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
    end
    before, last = last, row
  end
  return last[#b]
end

-- A name to compare: "apiKey", "API-KEY" and "api_key" are all "apikey".
local function letters(name)
  return text.lower((name:gsub("[^A-Za-z0-9]", "")))
end

--- The one of several names that is nearest to another.
-- @param name of any type
-- @tparam {[string]=any,...} names
-- @treturn ?string nil where none is near
function _M.nearest(name, names)
  if type(name) ~= "string" or #name > max_length then
    return nil
  end
  local written = letters(name)
  local best, min_edits = nil, math.max(#written / 3, 1)
  for candidate in pairs(names) do
    local edits = distance(written, letters(candidate))
    if edits < min_edits or edits == min_edits
      and (not best or text.is_before(candidate, best)) then
      best, min_edits = candidate, edits
    end
  end
  return best
end

--- A name as a message shows it, with the one that was probably meant.
-- @tparam string what "option", "setting"
-- @param name of any type
-- @tparam {[string]=any,...} names
-- @treturn string
function _M.unknown(what, name, names)
  local shown = tostring(name):sub(1, max_length)
  shown = shown:gsub("[^\32-\126]", "?")
  local nearest = _M.nearest(name, names)
  return ("unknown %s '%s'"):format(what, shown)
    .. (nearest and ("; did you mean '%s'?"):format(nearest) or "")
end

return _M
