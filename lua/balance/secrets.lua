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
