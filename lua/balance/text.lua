-- SPDX-License-Identifier: MIT
--- Text, the same in every locale that the host program may have set.
-- @module balance.text

local core = require "balance.core"

local _M = {}

--- A text without the blanks and line ends around it. Returns the caller's own
-- string where it has none, and never uses gsub: it copies to the C stack, and
-- a copy of a key is not wiped.
-- @tparam string text
-- @treturn string
function _M.trim(text)
  local first, last = text:byte(1), text:byte(-1)
  if first and (first <= 32 or last <= 32) then
    first = text:find "[^ \t-\r]"
    return first and text:sub(first, text:match "^.*()[^ \t-\r]") or ""
  end
  return text
end

--- A value that is given: neither nil nor false, nor an empty text.
-- @param value
-- @return the value, or nil
function _M.non_empty(value)
  return value and value ~= "" and value or nil
end

--- A text with small letters for A to Z.
-- @tparam string text
-- @treturn string
function _M.lower(text)
  return (text:gsub("[A-Z]", function(letter)
    return string.char(letter:byte() + 32)
  end))
end

--- Whether a text comes before another, by their bytes: `<` asks the locale.
-- @tparam string a
-- @tparam string b
-- @treturn boolean
function _M.is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local left, right = a:byte(i), b:byte(i)
    if left ~= right then
      return left < right
    end
  end
  return #a < #b
end

--- The names of a set, sorted by their bytes.
-- @tparam {[string]=any,...} set
-- @treturn {string,...}
function _M.sorted(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names, _M.is_before)
  return names
end

local to_type = math.type -- nil before Lua 5.3

--- A number as text, exactly: different numbers have different texts.
-- @tparam number number
-- @treturn string
function _M.of_number(number)
  if number ~= number then
    return "nan"
  elseif number == math.huge or number == -math.huge then
    return number > 0 and "inf" or "-inf"
  elseif to_type and to_type(number) == "integer" then
    return ("%d"):format(number)
  end
  local text = ("%.17g"):format(number)
  return (text:gsub("[^0-9e+-]+", ".")) -- the locale's decimal point
end

local function shortest(number)
  for digits = 14, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then
      return (text:gsub("[^0-9e+-]+", ".")) -- the locale's decimal point
    end
  end
end

--- A finite number as text, in the fewest digits that give it back.
-- @tparam number number
-- @treturn string "776.56", "1e+22"; all digits of an integer
function _M.shortest(number)
  if to_type and to_type(number) == "integer" then
    return ("%d"):format(number)
  end
  return core.in_plain_locale(shortest, number)
end

return _M
