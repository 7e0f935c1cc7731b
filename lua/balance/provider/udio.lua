-- SPDX-License-Identifier: MIT
--- Udio (udioapi.pro): "Query credits", GET /api/v2/credits.
-- @module balance.provider.udio

local answer = require "balance.answer"
local refusal = require "balance.refusal"

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
  local retryable = refusal.is_retryable(code)
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

local function refuse(status, body, code)
  if type(code) ~= "number" then
    return refusal.not_the_services(status, body)
  elseif code == success then
    return refusal.not_the_services(status, {}) -- its words say "success"
  end
  return refusal.refused(status, meaning(code), {
    code = code, message = refusal.words(body) or body.message,
  })
end

function _M.read(status, body)
  local code = body and body.code
  if type(code) == "string" then
    code = answer.number(code)
  end
  if code ~= success or status ~= 200 then
    return nil, refuse(status, body, code)
  end
  return answer.balance(body, "credits", envelope, fields)
end

--- What is wrong with a key by its look.
-- @tparam table config with the key
-- @treturn ?string nil where it looks like a key
function _M.odd(config)
  return config.api_key:find("^Bearer%s")
    and "'Bearer ' is put before the key for you, give the key alone"
    or nil
end

function _M.hint(failure, context)
  return failure.kind == "auth" and _M.odd(context.config) or nil
end

return _M
