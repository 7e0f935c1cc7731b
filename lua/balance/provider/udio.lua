-- SPDX-License-Identifier: MIT
--- Udio (udioapi.pro): "Query credits", GET /api/v2/credits.
-- @module balance.provider.udio

local answer = require "balance.answer"
local core = require "balance.core"

local _M = {
  name = "udio",
  unit = "credit",
  endpoint = "https://udioapi.pro",
  endpoint_variable = "UDIO_ENDPOINT",
  credentials = { { name = "api_key", variable = "UDIO_API_KEY" } },
}

local success = 200

-- Its codes are HTTP's; every other one is an "api".
local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

local fields = answer.fields { "credits number", "used_credits number?" }

function _M.request(config)
  return {
    path = "/api/v2/credits",
    authorization = config.api_key,
    scheme = "Bearer",
  }
end

function _M.read(status, body)
  local code = body and body.code
  if type(code) ~= "number" or code == success and status ~= 200 then
    return nil, answer.not_the_services(status)
  end
  if code ~= success then
    return nil, {
      kind = kinds[code] or "api",
      retryable = answer.is_retryable(code),
      code = code,
      message = body.message,
    }
  end
  local failure = answer.check(body.data, "data", fields)
  if failure then
    return nil, failure
  end
  local result = core.copy(body.data)
  result.available_from = "credits"
  return result
end

function _M.hint(failure, context)
  if failure.kind == "auth" and context.config.api_key:find("^Bearer%s") then
    return "'Bearer ' is put before the key for you, give the key alone"
  end
end

return _M
