-- SPDX-License-Identifier: MIT
--- The envelope of an answer of Tencent Cloud API 3.0, and its error codes.
-- @module balance.provider.tencent_refusal

local answer = require "balance.answer"
local refusal = require "balance.refusal"

local _M = {}

-- The beginning of a code, the kind, and whether it is retryable. The first one
-- that fits counts.
local codes = {
  { "RequestLimitExceeded", "rate_limit", true },
  { "AuthFailure", "auth" },
  { "UnauthorizedOperation", "auth" },
  { "IpInBlacklist", "auth" },
  { "IpNotInWhitelist", "auth" },
  { "InternalError", "api", true },
  { "ServiceUnavailable", "api", true },
  { "FailedOperation", "api" },
  { "ResourceUnavailable", "api" },
  { "InvalidAction", "api" },
  { "InvalidParameter", "api" },
  { "MissingParameter", "api" },
  { "UnknownParameter", "api" },
  { "NoSuchProduct", "api" },
  { "NoSuchVersion", "api" },
  { "Unsupported", "api" },
  { "ActionOffline", "api" },
}

local function meaning(code)
  -- some services have their own name before it
  local text = tostring(code):gsub("^.*%.RequestLimitE", "RequestLimitE")
  for _, rule in ipairs(codes) do
    if text:find(rule[1], 1, true) == 1 then
      return { kind = rule[2], retryable = rule[3] }
    end
  end
end

local function refused(status, code, message, request_id)
  return refusal.refused(status, meaning(code), {
    code = code, message = message, request_id = request_id,
  })
end

-- The envelope of API 2.0, which gateways still send.
local function read_old(status, body)
  local code = body and answer.number(body.code)
  if not code or code == 0 then
    return nil, refusal.not_the_services(status, body)
  end
  return nil, refused(status,
    type(body.codeDesc) == "string" and body.codeDesc or code,
    refusal.words(body) or body.message)
end

--- The content of the envelope.
-- @tparam integer status of HTTP
-- @tparam ?table body as it was decoded; nil where it was not JSON
-- @treturn ?table the service's response; nil where it refused
-- @treturn ?table then, the failure
function _M.open(status, body)
  local response = body and body.Response
  if type(response) ~= "table" then
    return read_old(status, body)
  end
  local err = response.Error
  if type(err) == "table" and type(err.Code) == "string" then
    return nil, refused(status, err.Code, refusal.words(err) or err.Message,
      response.RequestId)
  elseif err ~= nil or status ~= 200 then
    return nil, refusal.not_the_services(status, response)
  end
  return response
end

local max_offset = 86400 -- seconds; beyond it the server's clock is wrong too

local hints = {
  ["AuthFailure.SecretIdNotFound"] = "this site does not know the key; keys"
    .. " of the international and the mainland site (site = 'cn') differ",
  ["AuthFailure.TokenFailure"] = "temporary keys need their own token, and"
    .. " run out",
}

--- Whether the service refused the time of the signature.
-- @tparam table failure
-- @treturn boolean
function _M.is_clock_refused(failure)
  return failure.code == "AuthFailure.SignatureExpire"
end

--- Whether the service refused the token, which may have expired.
-- @tparam table failure
-- @treturn boolean
function _M.is_token_refused(failure)
  return failure.code == "AuthFailure.TokenFailure"
end

--- The hint about a failure.
-- @tparam table failure
-- @tparam table context `now` and, where the answer had it, `date`
-- @treturn ?string
function _M.hint(failure, context)
  local code = failure.code
  if _M.is_clock_refused(failure) and context.date then
    local off = math.abs(context.now - context.date)
    return "this machine's clock is off by " .. (off <= max_offset
      and ("%d seconds"):format(off) or "more than a day")
  elseif type(code) == "string" and code:find("^UnauthorizedOperation") then
    return "the key needs the CAM action finance:DescribeAccountBalance"
  end
  return hints[code]
end

return _M
