-- SPDX-License-Identifier: MIT
--- The names of a configuration: the key of its answer in a store, and the
-- name under which the requests with its keys are counted. Both are digests,
-- and made once.
-- @module balance.names

local core = require "balance.core"
local identity = require "balance.identity"
local options = require "balance.options"

local _M = {}

-- By configuration, which `balance.config` keeps for the next calls.
local answers = setmetatable({}, { __mode = "k" })
local keys = setmetatable({}, { __mode = "k" })

-- Without the options that an answer does not depend on, such as `timeout`.
local function answer_identity(call)
  local config = core.copy(call.config)
  for name, option in pairs(options.shared) do
    if option.identity == false then
      config[name] = nil
    end
  end
  config.endpoint_variable = nil
  local name, kind, message = identity.of(call.provider.name, config)
  return name and "balance:" .. name, kind, message
end

local function key_identity(call)
  local own = {}
  for _, credential in ipairs(call.provider.credentials) do
    own[credential.name] = call.config[credential.name]
  end
  return identity.of(call.provider.name, own)
end

local function name_of(kept, make, call)
  local name, kind, message = make(call)
  if not name then
    return nil, { kind = kind, message = message }
  end
  kept[call.config] = name
  return name
end

--- The key of a call's answer in a store.
-- @tparam table call see `balance.call`
-- @treturn ?string
-- @treturn ?table where that is nil, the fields of a failure
function _M.of_answer(call)
  return answers[call.config] or name_of(answers, answer_identity, call)
end

--- The name of a call's keys.
-- @tparam table call see `balance.call`
-- @treturn ?string
-- @treturn ?table where that is nil, the fields of a failure
function _M.of_keys(call)
  return keys[call.config] or name_of(keys, key_identity, call)
end

return _M
