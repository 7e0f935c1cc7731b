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

local function parts_of(path)
  local parts = {}
  for part in path:gmatch "[^/?&=]+" do
    parts[#parts + 1] = part
  end
  return parts
end

-- Adds the texts of `values` that are others in `twins`, as far as they are.
local function add_differences(private, values, twins)
  for name, value in pairs(values) do
    local twin = twins[name]
    if type(value) == "string" and value ~= twin then
      private[#private + 1] = type(twin) == "string"
        and difference(value, twin) or value
    end
  end
end

--- Adds what a request has of the keys, in whatever form its provider put it
-- there: what is another text where the keys are others.
-- @tparam {string|userdata,...} private the list
-- @tparam table call see `balance.call`
-- @tparam table request what the provider's request() returned
function _M.add_made(private, call, request)
  local provider = call.provider
  local ok, twin = pcall(provider.request,
    with_other_keys(provider, call.config), call.clock_offset)
  if not ok or type(twin) ~= "table" then
    twin = {} -- it minds the other keys: all of it may be made of them
  end
  local function twin_of(name)
    return type(twin[name]) == "table" and twin[name] or {}
  end
  local twin_path = type(twin.path) == "string" and twin.path or ""
  add_differences(private, parts_of(request.path), parts_of(twin_path))
  add_differences(private, request.headers or {}, twin_of "headers")
  add_differences(private, request.basic or {}, twin_of "basic")
  add_differences(private, { request.body, request.authorization },
    { twin.body, twin.authorization })
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
