-- SPDX-License-Identifier: MIT
--- Providers like others, but for what they ask: so the sandbox gives answers
-- that it does not give by itself.
local balance = require "balance"

local _M = {}

local count = 0

--- Registers one. Its requests are those of the provider `name`, with headers
-- in any case, after `change(request, config, clock_offset)`; `fields` go over its others.
-- Returns its name, which nobody has if it is not among these.
function _M.register(name, change, fields)
  count = count + 1
  local original, provider = require("balance.provider." .. name), {}
  for field, value in pairs(original) do
    provider[field] = value
  end
  provider.name = name .. count
  for field, value in pairs(fields or {}) do
    provider[field] = value
  end
  function provider.request(config, clock_offset)
    local request = original.request(config, clock_offset)
    request.headers = request.headers or {}
    change(request, config, clock_offset)
    return request
  end
  balance.register(provider)
  return provider.name
end

--- Calls one that sends some headers more.
-- @tparam string name of the provider
-- @tparam table headers
-- @tparam ?table options of the call
function _M.call(name, headers, options)
  return balance[_M.register(name, function(request)
    for header, value in pairs(headers) do
      request.headers[header] = value
    end
  end)](options)
end

return _M
