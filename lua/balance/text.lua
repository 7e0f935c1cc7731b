-- SPDX-License-Identifier: MIT
--- Text, the same in every locale: the host program may have set one, and
-- with it other digits, letters and space.
-- @module balance.text

local _M = {}

--- Cuts off the space and the line ends around a text, whatever the process's
-- locale calls space. The caller's own string wherever it will do: what is
-- made of a key is a copy that nobody wipes. Never gsub, which makes it on the
-- C stack.
-- @tparam string text
-- @treturn string
---@param text string
---@return string
function _M.trim(text)
  local first, last = text:byte(1), text:byte(-1)
  if first and (first <= 32 or last <= 32) then -- a space or a control
    first = text:find "[^ \t-\r]"
    return first and text:sub(first, text:match "^.*()[^ \t-\r]") or ""
  end
  return text
end

--- A text with small letters for A to Z.
-- @tparam string text
-- @treturn string
---@param text string
---@return string
function _M.lower(text)
  return (text:gsub("[A-Z]", function(letter)
    return string.char(letter:byte() + 32)
  end))
end

--- Whether a text comes before another, by their bytes: `<` asks the locale.
-- @tparam string a
-- @tparam string b
-- @treturn boolean
---@param a string
---@param b string
---@return boolean
function _M.is_before(a, b)
  for i = 1, math.min(#a, #b) do
    local left, right = a:byte(i), b:byte(i)
    if left ~= right then
      return left < right
    end
  end
  return #a < #b
end

local to_type = math.type -- nil before Lua 5.3

--- A number, exactly: two that differ have different texts.
-- @tparam number number
-- @treturn string
---@param number number
---@return string
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

return _M
