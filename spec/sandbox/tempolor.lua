-- SPDX-License-Identifier: MIT
--
-- TemPolor's POST /open-apis/v1/account/billing: the bare key as the
-- Authorization, `{}` as the body, failures in the envelope of an HTTP 200.

local by_key = {}
for _, account in pairs(require("sandbox.accounts").tempolor) do
  by_key[account.api_key] = account
end

local messages = {
  [400001] = "internal error",
  [400002] = "api key verification failed",
  [400003] = "parameter error",
  [400005] = "insufficient points",
  [400006] = "server busy",
  [400007] = "queue full or too many parallel requests",
}

local _M = { path = "/open-apis/v1/account/billing" }

local function failure(request, status)
  return 200, {
    status = status, message = messages[status] or "unknown",
    request_id = request.id,
  }
end

function _M.refuse(request)
  if request.method ~= "POST" then return 405 end
  request.account = by_key[request.headers.authorization]
  if not request.account then return failure(request, 400002) end
  if not request.object or next(request.object) then
    return failure(request, 400003)
  end
end

function _M.succeed(request)
  return 200, {
    status = 200000, message = "success", request_id = request.id,
    data = { balance = request.account.balance },
  }
end

function _M.choose(request, answer)
  if answer:find("^%d+$") then return failure(request, tonumber(answer)) end
end

return _M
