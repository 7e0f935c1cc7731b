-- SPDX-License-Identifier: MIT
--- Hints about a refused key that cannot be one, by its characters: the
-- service only says that it does not know it.
-- @module balance.credentials.odd

local _M = {}

-- What is wrong with a key, to follow its name. Never gsub, see `text.trim`.
local function problem_of(value)
  local _, scheme = value:find "^[Bb]earer +" -- the providers' own hints
  local first = (scheme or 0) + 1
  if value:find("^[\"']", first) or value:find "[\"']$" then
    return "has quotes around it, which are no part of a key"
  elseif value:find("[\1-\32]", first) then
    return "has a blank inside, which no key has"
  elseif value:find("[\127-\255]", first) then
    return "has a character that is not ASCII, which no key has"
  end
end

--- The hint about a set of credentials.
-- @tparam table credentials of a provider: a list with `name`
-- @tparam {[string]=string} set by these names
-- @treturn ?string nil where none of them is odd
function _M.hint(credentials, set)
  for _, credential in ipairs(credentials) do
    local name = credential.name
    local problem = set[name] and problem_of(set[name])
    if problem then
      return name .. " " .. problem
    end
  end
end

return _M
