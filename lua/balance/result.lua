-- SPDX-License-Identifier: MIT
--- What a call that went well returns: the service's own fields, and ours
-- beside them.
-- @module balance.result

local core = require "balance.core"
local text = require "balance.text"

local _M = {}

-- What is ours. Of a service that sends such a field it is in `raw`.
local own_names = { "provider", "unit", "available", "fetched_at", "raw",
  "attempts", "timing", "unexpected", "clock_offset", "cached", "age", "stale",
  "refresh_error" }

-- The names of what is not as documented, sorted; nil where all is.
local function unexpected_in(fields, names)
  local is_named, list = {}, {}
  for _, name in ipairs(names or {}) do
    is_named[name] = true
  end
  if type(fields[fields.available_from]) ~= "number" then
    is_named[fields.available_from] = true
  end
  for name in pairs(is_named) do
    list[#list + 1] = name
  end
  table.sort(list, text.is_before)
  return list[1] and list or nil
end

--- Makes a result of what a provider has read.
-- @tparam table provider
-- @tparam table fields what its read() returned; it may be the body itself
-- @tparam ?{string,...} unexpected names of fields, of the same
-- @tparam table own `available`, `raw`, `timing`
-- @treturn table
function _M.new(provider, fields, unexpected, own)
  local result = core.copy(fields)
  for _, name in ipairs(own_names) do
    result[name] = own[name]
  end
  result.provider, result.unit = provider.name, provider.unit
  result.unexpected = unexpected_in(fields, unexpected)
  result.fetched_at = os.time()
  if type(result.request_id) ~= "string" then
    result.request_id = nil -- it is in `raw`
  end
  return result
end

return _M
