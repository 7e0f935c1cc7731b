-- SPDX-License-Identifier: MIT
--- Copies of providers whose requests are changed, so that the sandbox gives
-- answers that it does not give otherwise.
local balance = require "balance"

local _M = {}

local count = 0

--- Registers a copy of the provider `name`. `change(request, config,
-- clock_offset)` changes its requests, which always have `headers`; `fields`
-- replace its other fields.
-- Returns its name, a new one unless it is among the fields.
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

--- Calls a copy that sends more headers.
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
