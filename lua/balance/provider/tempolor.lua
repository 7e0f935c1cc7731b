-- SPDX-License-Identifier: MIT
--- TemPolor: "Query Information", POST /open-apis/v1/account/billing.
-- @module balance.provider.tempolor

local answer = require "balance.answer"
local refusal = require "balance.refusal"

local _M = {
  name = "tempolor",
  unit = "credit",
  endpoint = "https://api.tempolor.com",
  endpoint_variable = "TEMPOLOR_ENDPOINT",
  credentials = { { name = "api_key", variable = "TEMPOLOR_API_KEY" } },
}

local success = 200000

local codes = {
  [400001] = { kind = "api", retryable = true }, -- internal error
  [400002] = { kind = "auth" }, -- key verification failed
  [400003] = { kind = "api" }, -- a bad parameter
  [400005] = { kind = "api" }, -- not enough points
  [400006] = { kind = "api", retryable = true }, -- server busy
  [400007] = { kind = "rate_limit" }, -- queue full, too many at once
}

local envelope = answer.fields { "status number", "request_id string?" }
local fields = answer.fields { "balance number" }

function _M.request(config)
  return {
    path = "/open-apis/v1/account/billing",
    body = "{}",
    headers = { ["Content-Type"] = "application/json; charset=utf-8" },
    authorization = config.api_key,
  }
end

local function refuse(status, body, code)
  if type(code) ~= "number" then
    return refusal.not_the_services(status, body)
  elseif code == success then
    return refusal.not_the_services(status, {}) -- its words say "success"
  end
  return refusal.refused(status, codes[code], {
    code = code, message = refusal.words(body) or body.message,
    request_id = body.request_id,
  })
end

function _M.read(status, body)
  local code = body and body.status
  if type(code) == "string" then
    code = answer.number(code)
  end
  if code ~= success or status ~= 200 then
    return nil, refuse(status, body, code)
  end
  return answer.balance(body, "balance", envelope, fields)
end

--- What is wrong with a key by its look.
-- @tparam table config with the key
-- @treturn ?string nil where it looks like a key
function _M.odd(config)
  return config.api_key:find("^Bearer%s")
    and "TemPolor takes the bare key, without 'Bearer ' before it"
    or nil
end

function _M.hint(failure, context)
  return failure.kind == "auth" and _M.odd(context.config) or nil
end

return _M
