-- SPDX-License-Identifier: MIT
--- The values of a call that must not leave it: its keys, and what was made of
-- them for its requests.
-- @module balance.secrets

local core = require "balance.core"
local options = require "balance.options"
local text = require "balance.text"

local _M = {}

--- The keys of a configuration.
-- @tparam table provider
-- @tparam table config
-- @tparam ?{string,...} more others, added to these
-- @treturn {string,...} a new list
function _M.of(provider, config, more)
  local secrets = {}
  for _, credential in ipairs(provider.credentials) do
    local secret = config[credential.name]
    secrets[#secrets + 1] = secret
    -- a service that was given "Bearer KEY" may repeat the key alone
    secrets[#secrets + 1] = secret and secret:match("^[A-Za-z]+[ \t-\r]+(.+)$")
  end
  for _, secret in ipairs(more or {}) do
    secrets[#secrets + 1] = secret
  end
  return secrets
end

local min_made = 8 -- bytes; what is made of a key is not shorter

-- Another character of the same sort; punctuation is as it is.
local function another(character)
  return character:find "[0-9]" and (character == "0" and "1" or "0")
    or character:find "[a-z]" and (character == "x" and "y" or "x")
    or character:find "[A-Z]" and (character == "X" and "Y" or "X")
    or character
end

-- A key that looks as another one does.
local function like(key)
  local characters = {}
  for i = 1, #key do
    characters[i] = another(key:sub(i, i))
  end
  return table.concat(characters)
end

-- The same configuration with other keys.
local function with_other_keys(provider, config)
  local other = options.copy(provider, config)
  for _, credential in ipairs(provider.credentials) do
    local key = config[credential.name]
    other[credential.name] = key and like(key)
  end
  return other
end

-- What stands between the parts of a path or a body, and of a header.
local in_text = "%s/?&=:,;\"'<>(){}%[%]|"
local in_header = "%s,;"

-- The parts of all texts of a request, as a set. A text that is one part is
-- taken as it is: a copy of a key would stay in memory.
local function parts_of(request)
  local parts = {}
  local function add(value, separators)
    if type(value) ~= "string" then
      return
    elseif not value:find("[" .. separators .. "]") then
      parts[value] = true
      return
    end
    for part in value:gmatch("[^" .. separators .. "]+") do
      parts[part] = true
    end
  end
  add(request.path, in_text)
  add(request.body, in_text)
  add(request.authorization, in_header)
  add(request.scheme, in_header)
  for _, name in ipairs { "headers", "basic", "tc3" } do
    local values = request[name]
    for _, value in next, type(values) == "table" and values or {} do
      add(value, in_header)
    end
  end
  return parts
end

-- The parts of the request for other keys; none where it cannot be made.
local function twin_of(call)
  local config = with_other_keys(call.provider, call.config)
  local ok, request = pcall(call.provider.request, config, call.clock_offset)
  return ok and type(request) == "table" and parts_of(core.copy(request))
    or {}
end

--- What a request has of the keys, in whatever form its provider put it there:
-- the parts that the request for other keys does not have. Where request()
-- cannot make that, all may be of the keys. Nobody asks it unless a part is
-- repeated.
-- @tparam table call see `balance.call`
-- @tparam table request for transport:start(), with what request() returned
-- @tparam function is_repeated whether one of these texts may be shown
-- @treturn {string,...}
function _M.made(call, request, is_repeated)
  local parts, made = {}, {}
  for part in next, parts_of(request) do
    if #part >= min_made then
      parts[#parts + 1] = part
    end
  end
  if parts[1] and is_repeated(parts) then
    local twin = twin_of(call)
    for _, part in ipairs(parts) do
      if not twin[part] then
        made[#made + 1] = part
      end
    end
  end
  return made
end

--- Whether a decoded value has a secret in one of its strings, names or
-- numbers: JSON can write each in other ways.
-- @param value
-- @tparam {string|userdata,...} secrets a transfer stands for what was made
-- for its request
-- @tparam ?table seen tables that were looked at
-- @treturn boolean
function _M.are_in(value, secrets, seen)
  local kind = type(value)
  if kind == "string" then
    return core.has_secret(value, secrets)
  elseif kind == "number" then
    return core.has_secret(text.of_number(value), secrets)
  elseif kind == "table" and not (seen and seen[value]) then
    seen = seen or {}
    seen[value] = true
    for name, item in next, value do
      if _M.are_in(name, secrets, seen) or _M.are_in(item, secrets, seen) then
        return true
      end
    end
  end
  return false
end

return _M
