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

-- Its codes are HTTP's.
local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

local function meaning(code)
  local retryable = answer.is_retryable(code)
  return (kinds[code] or retryable)
    and { kind = kinds[code] or "api", retryable = retryable }
end

local envelope = answer.fields { "code number" }
local fields = answer.fields { "credits number", "used_credits number?" }

function _M.request(config)
  return {
    path = "/api/v2/credits",
    authorization = config.api_key,
    scheme = "Bearer",
  }
end

function _M.read(status, body)
  local code = body and answer.number(body.code)
  if not code then
    return nil, answer.not_the_services(status, body)
  elseif code ~= success then
    return nil, answer.refused(status, meaning(code), {
      code = code, message = answer.words(body) or body.message,
    })
  elseif status ~= 200 then
    return nil, answer.not_the_services(status, {}) -- its words say "success"
  end
  local failure = answer.needs(body.data, "data", "credits")
  if failure then
    return nil, failure
  end
  local unexpected = {}
  answer.compare(unexpected, body, envelope)
  answer.compare(unexpected, body.data, fields)
  local result = core.copy(body.data)
  result.available_from, result.request_id = "credits", nil
  return result, nil, unexpected
end

function _M.hint(failure, context)
  if failure.kind == "auth" and context.config.api_key:find("^Bearer%s") then
    return "'Bearer ' is put before the key for you, give the key alone"
  end
end

return _M
