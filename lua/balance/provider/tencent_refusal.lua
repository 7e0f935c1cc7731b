-- SPDX-License-Identifier: MIT
--- What the error codes of Tencent Cloud API 3.0 mean.
-- @module balance.provider.tencent_refusal

local _M = {}

-- By what the code begins with, the first that fits; all else is an "api"
-- that asking again does not change.
local codes = {
  { "RequestLimitExceeded", "rate_limit", true },
  { "AuthFailure", "auth" },
  { "UnauthorizedOperation", "auth" },
  { "IpInBlacklist", "auth" },
  { "IpNotInWhitelist", "auth" },
  { "InternalError", "api", true },
  { "ServiceUnavailable", "api", true },
}

--- A code as a failure.
-- @tparam string|integer code
-- @param message
-- @param request_id
-- @treturn table
function _M.read(code, message, request_id)
  local failure = {
    kind = "api", code = code, message = message, request_id = request_id,
  }
  -- some services put their own name before this one
  local text = tostring(code):gsub("^.*%.RequestLimitE", "RequestLimitE")
  for _, rule in ipairs(codes) do
    if text:find(rule[1], 1, true) == 1 then
      failure.kind, failure.retryable = rule[2], rule[3]
      break
    end
  end
  return failure
end

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
    return ("this machine's clock is off by %d seconds"):format(
      math.abs(context.now - context.date))
  elseif type(code) == "string" and code:find("^UnauthorizedOperation") then
    return "the key needs the CAM action finance:DescribeAccountBalance"
  end
  return hints[code]
end

return _M
