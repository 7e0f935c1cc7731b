-- SPDX-License-Identifier: MIT
--- TemPolor: "Query Information", POST /open-apis/v1/account/billing.
-- @module balance.provider.tempolor

local answer = require "balance.answer"
local core = require "balance.core"

local _M = {
  name = "tempolor",
  unit = "credit",
  endpoint = "https://api.tempolor.com",
  endpoint_variable = "TEMPOLOR_ENDPOINT",
  credentials = { { name = "api_key", variable = "TEMPOLOR_API_KEY" } },
}

local success = 200000

-- Every other code is an "api" that asking again does not change.
local codes = {
  [400001] = { kind = "api", retryable = true }, -- internal error
  [400002] = { kind = "auth" }, -- key verification failed
  [400006] = { kind = "api", retryable = true }, -- server busy
  [400007] = { kind = "rate_limit" }, -- queue full, too many at once
}

local envelope = answer.fields { "request_id string?" }
local fields = answer.fields { "balance number" }

function _M.request(config)
  return {
    path = "/open-apis/v1/account/billing",
    body = "{}",
    headers = { ["Content-Type"] = "application/json; charset=utf-8" },
    authorization = config.api_key,
  }
end

function _M.read(status, body)
  local code = body and body.status
  if type(code) ~= "number" or code == success and status ~= 200 then
    return nil, answer.not_the_services(status)
  end
  if code ~= success then
    local known = codes[code] or { kind = "api" }
    return nil, {
      kind = known.kind,
      retryable = known.retryable,
      code = code,
      message = body.message,
      request_id = body.request_id,
    }
  end
  local failure = answer.check(body, nil, envelope)
    or answer.check(body.data, "data", fields)
  if failure then
    failure.request_id = body.request_id
    return nil, failure
  end
  local result = core.copy(body.data)
  result.available_from = "balance"
  result.request_id = body.request_id
  return result
end

function _M.hint(failure, context)
  if failure.kind == "auth" and context.config.api_key:find("^Bearer%s") then
    return "TemPolor takes the bare key, without 'Bearer ' before it"
  end
end

return _M
