-- SPDX-License-Identifier: MIT
--- What the error codes of Tencent Cloud API 3.0 mean.
-- @module balance.provider.tencent_refusal

local answer = require "balance.answer"

local _M = {}

-- By what the code begins with, the first that fits.
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
  -- some services put their own name before this one
  local text = tostring(code):gsub("^.*%.RequestLimitE", "RequestLimitE")
  for _, rule in ipairs(codes) do
    if text:find(rule[1], 1, true) == 1 then
      return { kind = rule[2], retryable = rule[3] }
    end
  end
end

--- A code as a failure.
-- @tparam integer status of HTTP
-- @tparam string|number code
-- @param message
-- @param request_id
-- @treturn table
function _M.read(status, code, message, request_id)
  return answer.refused(status, meaning(code), {
    code = code, message = message, request_id = request_id,
  })
end

local farthest = 86400 -- seconds; who says more has a wrong clock too

local hints = {
  ["AuthFailure.SecretIdNotFound"] = "this site does not know the key; keys"
    .. " of the international and the mainland site (site = 'cn') differ",
  ["AuthFailure.TokenFailure"] = "temporary keys need their own token, and"
    .. " run out",
}

--- Whether a failure is about the time of the signature.
-- @tparam table failure
-- @treturn boolean
function _M.is_clock_refused(failure)
  return failure.code == "AuthFailure.SignatureExpire"
end

--- Whether a failure is about the token, which may have run out.
-- @tparam table failure
-- @treturn boolean
function _M.is_token_refused(failure)
  return failure.code == "AuthFailure.TokenFailure"
end

--- What to do about a failure.
-- @tparam table failure
-- @tparam table context `now` and, where the server said it, `date`
-- @treturn ?string
function _M.hint(failure, context)
  local code = failure.code
  if _M.is_clock_refused(failure) and context.date then
    local off = math.abs(context.now - context.date)
    return "this machine's clock is off by " .. (off <= farthest
      and ("%d seconds"):format(off) or "more than a day")
  elseif type(code) == "string" and code:find("^UnauthorizedOperation") then
    return "the key needs the CAM action finance:DescribeAccountBalance"
  end
  return hints[code]
end

return _M
