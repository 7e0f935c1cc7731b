-- SPDX-License-Identifier: MIT
--- Keys that cannot be one, by what is in them: a service says of such only
-- that it does not know it.
-- @module balance.credentials.odd

local _M = {}

-- What is wrong with a key, in words that go behind its name. Never gsub, see
-- `balance.text`.
local function complaint(value)
  local _, scheme = value:find "^[Bb]earer +" -- of it the providers know more
  local first = (scheme or 0) + 1
  if value:find("^[\"']", first) or value:find "[\"']$" then
    return "has quotes around it, which are no part of a key"
  elseif value:find("[\1-\32]", first) then
    return "has a blank inside, which no key has"
  elseif value:find("[\127-\255]", first) then
    return "has a character that is not ASCII, which no key has"
  end
end

--- What to do about a refused key, where it can be seen that it is none.
-- @tparam table credentials of a provider: a list with `name`
-- @tparam {[string]=string} set by these names
-- @treturn ?string
---@param credentials table[]
---@param set table<string, string>
---@return string?
function _M.hint(credentials, set)
  for _, credential in ipairs(credentials) do
    local name = credential.name
    local what = set[name] and complaint(set[name])
    if what then
      return name .. " " .. what
    end
  end
end

return _M
