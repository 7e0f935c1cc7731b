-- SPDX-License-Identifier: MIT
--
-- Udio's GET /api/v2/credits: a bearer token and no body; a failure has its
-- code both in the envelope and as the HTTP status.

local by_authorization = {}
for _, account in pairs(require("sandbox.accounts").udio) do
  by_authorization["Bearer " .. account.api_key] = account
end

local messages = {
  [400] = "Bad Request: This call takes no body",
  [401] = "Unauthorized: Invalid or missing API key",
  [403] = "Forbidden: No permission",
  [429] = "Too Many Requests: Rate limit exceeded",
  [500] = "Internal Server Error",
}

local _M = { path = "/api/v2/credits" }

local function failure(code)
  return code, { code = code, message = messages[code] or "Unknown" }
end

function _M.refuse(request)
  if request.method ~= "GET" then return 405 end
  request.account = by_authorization[request.headers.authorization]
  if not request.account then return failure(401) end
  if request.body ~= "" then return failure(400) end
end

function _M.succeed(request)
  local account = request.account
  return 200, {
    code = 200, message = "success",
    data = { credits = account.credits, used_credits = account.used_credits },
  }
end

function _M.choose(_, answer)
  if answer:find("^[2-5]%d%d$") then return failure(tonumber(answer)) end
end

return _M
