-- SPDX-License-Identifier: MIT
--
-- AssumeRole: any account may assume any role that accounts.lua has, and gets
-- keys that answer as the role's account for as long as it wanted.

local by_role = {}
for _, account in pairs(require("sandbox.accounts").tencent) do
  if account.role then by_role[account.role] = account end
end

local LONGEST = 43200 -- seconds

local _M = {}

-- Each number is given once, over all workers.
local function keys(number)
  return {
    TmpSecretId = ("AKIDSandboxAssumed%dEXAMPLE"):format(number),
    TmpSecretKey = ("SandboxAssumedKey%dEXAMPLE"):format(number),
    Token = ("SandboxAssumedToken%dEXAMPLE"):format(number),
  }
end

--- The account of keys that were given before; nil once they have expired.
function _M.account(id)
  local number = id:match("^AKIDSandboxAssumed(%d+)EXAMPLE$")
  local role = number and ngx.shared.assumed:get(number)
  if not role then return nil end
  local own = keys(number)
  return {
    secret_id = id, secret_key = own.TmpSecretKey, token = own.Token,
    amounts = by_role[role].amounts, temp_credit = {},
  }
end

--- What is wrong with the parameters: a code and a detail.
function _M.check(request)
  local object = request.object
  local types = { RoleArn = "string", RoleSessionName = "string",
    DurationSeconds = "number" }
  for name, value in pairs(object) do
    if not types[name] then return "UnknownParameter", name end
    if type(value) ~= types[name] then return "InvalidParameterValue", name end
  end
  for _, name in ipairs { "RoleArn", "RoleSessionName" } do
    if not object[name] then return "MissingParameter", name end
  end
  if not object.RoleSessionName:find("^[%w_+=,.@-]+$") then
    return "InvalidParameterValue", "RoleSessionName"
  end
  local seconds = object.DurationSeconds or 7200
  if seconds < 1 or seconds > LONGEST or seconds % 1 ~= 0 then
    return "InvalidParameterValue", "DurationSeconds"
  end
  if not by_role[object.RoleArn] then
    return "InvalidParameter.RoleNotExist"
  end
end

--- The response.
function _M.assume(request)
  local seconds = request.object.DurationSeconds or 7200
  local number = assert(ngx.shared.assumed:incr("count", 1, 0))
  assert(ngx.shared.assumed:set(number, request.object.RoleArn, seconds))
  local expires = ngx.time() + seconds
  return {
    Credentials = keys(number), ExpiredTime = expires,
    Expiration = os.date("!%Y-%m-%dT%H:%M:%SZ", expires),
    RequestId = request.id,
  }
end

return _M
