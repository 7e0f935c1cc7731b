-- SPDX-License-Identifier: MIT
--- Calls the sandbox for an answer that it does not give by itself: the same
-- provider under another name, with headers that choose the answer.
local balance = require "balance"

local count = 0

--- @tparam string name of the provider
-- @tparam table headers
-- @tparam ?table options of the call
return function(name, headers, options)
  count = count + 1
  local original = require("balance.provider." .. name)
  local variant = {}
  for field, value in pairs(original) do
    variant[field] = value
  end
  variant.name = name .. count
  function variant.request(config)
    local request = original.request(config)
    request.headers = request.headers or {}
    for header, value in pairs(headers) do
      request.headers[header] = value
    end
    return request
  end
  balance.register(variant)
  return balance[variant.name](options)
end
