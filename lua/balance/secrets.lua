-- SPDX-License-Identifier: MIT
--- The values of a call that must not leave it: its keys, and what was made of
-- them for its requests.
-- @module balance.secrets

local core = require "balance.core"
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

-- The same configuration with other keys, of the same lengths.
local function with_other_keys(provider, config)
  local other = core.copy(config)
  for _, credential in ipairs(provider.credentials) do
    local key = config[credential.name]
    other[credential.name] = key and ("0"):rep(#key)
  end
  return other
end

-- The part of a text that is not in its twin, between what both begin and end
-- with.
local function difference(whole, twin)
  local first, last, last_of_twin = 1, #whole, #twin
  while first <= last and whole:byte(first) == twin:byte(first) do
    first = first + 1
  end
  while last >= first and last_of_twin >= first
    and whole:byte(last) == twin:byte(last_of_twin) do
    last, last_of_twin = last - 1, last_of_twin - 1
  end
  return whole:sub(first, last)
end

-- All texts of a request by their places. A path is taken apart.
local function texts_of(request)
  local texts = {}
  local function add(place, value)
    if type(value) == "string" then
      texts[place] = value
    end
  end
  local count = 0
  for part in (request.path or ""):gmatch "[^/?&=]+" do
    count = count + 1
    add("path " .. count, part)
  end
  for _, name in ipairs { "headers", "basic" } do
    for key, value in pairs(request[name] or {}) do
      add(name .. " " .. tostring(key), value)
    end
  end
  add("body", request.body)
  add("authorization", request.authorization)
  return texts
end

-- The texts of the request for other keys. None where request() minds these:
-- then all may be made of the keys.
local function twin_of(call)
  local config = with_other_keys(call.provider, call.config)
  local ok, request = pcall(call.provider.request, config, call.clock_offset)
  local is_request = ok and type(request) == "table"
    and type(request.path) == "string"
  return is_request and texts_of(request) or {}
end

--- What a request has of the keys, in whatever form its provider put it there:
-- what is another text where the keys are others. Nobody asks the provider for
-- that unless a text of the request is repeated.
-- @tparam table call see `balance.call`
-- @tparam table request what the provider's request() returned
-- @tparam function is_repeated whether one of these texts may be shown
-- @treturn {string,...}
function _M.made(call, request, is_repeated)
  local texts, long, made = texts_of(request), {}, {}
  for _, own in pairs(texts) do
    if #own >= min_made then
      long[#long + 1] = own
    end
  end
  if not long[1] or not is_repeated(long) then
    return made
  end
  local twin = twin_of(call)
  for place, own in pairs(texts) do
    local other = twin[place]
    if own ~= other then
      made[#made + 1] = other and difference(own, other) or own
    end
  end
  return made
end

--- Whether a decoded value has a secret in one of its strings, names or
-- numbers: JSON can write each in other ways.
-- @param value
-- @tparam {string|userdata,...} secrets a transfer stands for what was made
-- for its request
-- @treturn boolean
function _M.are_in(value, secrets)
  local kind = type(value)
  if kind == "string" then
    return core.has_secret(value, secrets)
  elseif kind == "number" then
    return core.has_secret(text.of_number(value), secrets)
  elseif kind == "table" then
    for name, item in next, value do
      if _M.are_in(name, secrets) or _M.are_in(item, secrets) then
        return true
      end
    end
  end
  return false
end

return _M
