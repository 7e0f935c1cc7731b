-- SPDX-License-Identifier: MIT
--- The names of a call: one for its answer in a cache, one for its keys, whose
-- requests are counted together. Both are digests; each is made once for a
-- configuration and kept for the next calls with an equal one.
-- @module balance.names

local core = require "balance.core"
local identity = require "balance.identity"
local options = require "balance.options"

local _M = {}

local max_kept = 16 -- configurations of a client and a provider

-- The last configuration with the same first key, and its names.
local kept = setmetatable({}, { __mode = "k" }) -- by base, then by that key

-- Whether two configurations say the same, with the same tables in them.
local function are_equal(one, other)
  for name, value in next, one do
    if other[name] ~= value then
      return false
    end
  end
  for name in next, other do
    if one[name] == nil then
      return false
    end
  end
  return true
end

local function names_of(call)
  local config, first = call.config, call.provider.credentials[1]
  local key = first and config[first.name] or ""
  local its = kept[call.base]
  local found = its and its.by_key[key]
  if found and are_equal(found.config, config) then
    return found
  end
  if not its or not found and its.count >= max_kept then
    its = { count = 0, by_key = {} }
    kept[call.base] = its
  end
  its.count = its.count + (found and 0 or 1)
  its.by_key[key] = { config = config }
  return its.by_key[key]
end

-- All that an answer depends on: not for how long and how often it is tried.
local function answer_identity(call)
  local config = core.copy(call.config)
  for name, option in pairs(options.shared) do
    if option.identity == false then
      config[name] = nil
    end
  end
  config.endpoint_variable = nil
  return identity.of(call.provider.name, config)
end

local function key_identity(call)
  local keys = {}
  for _, credential in ipairs(call.provider.credentials) do
    keys[credential.name] = call.config[credential.name]
  end
  return identity.of(call.provider.name, keys)
end

local function failed(kind, message)
  return nil, { kind = kind, message = message }
end

--- The key of a call's answer in a store.
-- @tparam balance.Call call
-- @treturn ?string
-- @treturn ?table where that is nil, the fields of a failure
function _M.of_answer(call)
  local names = names_of(call)
  if not names.answer then
    local name, kind, message = answer_identity(call)
    if not name then
      return failed(kind, message)
    end
    names.answer = "balance:" .. name
  end
  return names.answer
end

--- The name of a call's keys.
-- @tparam balance.Call call
-- @treturn ?string
-- @treturn ?table where that is nil, the fields of a failure
function _M.of_keys(call)
  local names = names_of(call)
  if not names.keys then
    local name, kind, message = key_identity(call)
    if not name then
      return failed(kind, message)
    end
    names.keys = name
  end
  return names.keys
end

return _M
