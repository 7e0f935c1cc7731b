-- SPDX-License-Identifier: MIT
--- Text that comes from the world.
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

return _M
