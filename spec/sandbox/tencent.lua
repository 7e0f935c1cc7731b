-- SPDX-License-Identifier: MIT
--
-- Tencent Cloud's DescribeAccountBalance, and AssumeRole of its service sts:
-- POST / signed with TC3-HMAC-SHA256, failures as Response.Error of an HTTP
-- 200. On a wrong signature the message shows what should have been signed.

local sts = require "sandbox.sts"
local tc3 = require "sandbox.tc3"

local MAX_CLOCK_SKEW = 300 -- seconds

local by_id = {}
for _, account in pairs(require("sandbox.accounts").tencent) do
  by_id[account.secret_id] = account
end

-- By the action: the service that it belongs to, and its version.
local actions = {
  DescribeAccountBalance = { service = "billing", version = "2018-07-09" },
  AssumeRole = { service = "sts", version = "2018-08-13" },
}

-- In English, and in Chinese for X-TC-Language: zh-CN.
local messages = {
  ["AuthFailure.InvalidAuthorization"] = {
    "The Authorization header does not comply with the standard",
    "请求头部的 Authorization 不符合标准" },
  ["AuthFailure.SecretIdNotFound"] = {
    "The SecretId is not found", "密钥不存在" },
  ["AuthFailure.SignatureExpire"] = {
    "The signature has expired: the timestamp is over five minutes off",
    "签名过期，时间戳和服务器时间相差不得超过五分钟" },
  ["AuthFailure.SignatureFailure"] = {
    "The provided credentials could not be validated", "请求签名验证失败" },
  ["AuthFailure.TokenFailure"] = { "The token is wrong", "Token 错误" },
  ["FailedOperation"] = { "Operation failed", "操作失败" },
  ["FailedOperation.PayPriceError"] = { "Payment failed", "支付失败" },
  ["InvalidParameter.RoleNotExist"] = {
    "The role does not exist", "角色不存在" },
  ["InternalError"] = { "Internal error", "内部错误" },
  ["InternalError.GatewayError"] = { "Gateway error", "网关错误" },
  ["InvalidAction"] = { "The action does not exist", "接口不存在" },
  ["InvalidParameter"] = { "Invalid parameter", "参数错误" },
  ["InvalidParameterValue"] = { "Invalid parameter value", "参数取值错误" },
  ["MissingParameter"] = { "A parameter is missing", "缺少参数" },
  ["NoSuchVersion"] = { "The version does not exist", "接口版本不存在" },
  ["RequestLimitExceeded"] = {
    "The number of requests exceeds the frequency limit",
    "请求的次数超过了频率限制" },
  ["UnauthorizedOperation.CamNoAuth"] = {
    "The account does not have CAM permission", "没有 CAM 权限" },
  ["UnknownParameter"] = { "Unknown parameter", "未知参数" },
  ["UnsupportedOperation"] = { "Operation unsupported", "操作不支持" },
  ["UnsupportedProtocol"] = { "Only POST is supported", "仅支持 POST 请求" },
}

local _M = { path = "/" }

local function failure(request, code, detail)
  local language = request.headers["x-tc-language"] == "zh-CN" and 2 or 1
  local message = messages[code] and messages[code][language] or code
  if detail then message = message .. ": " .. detail end
  return 200, { Response = {
    Error = { Code = code, Message = message }, RequestId = request.id,
  } }
end

-- Each check returns nothing, or the code and the detail of what is wrong.

local function well_formed(request)
  if request.method ~= "POST" then return "UnsupportedProtocol" end
  for _, name in ipairs { "Action", "Version", "Timestamp" } do
    if not request.headers["x-tc-" .. name:lower()] then
      return "MissingParameter", "X-TC-" .. name
    end
  end
  if not request.headers["x-tc-timestamp"]:find("^%d+$") then
    return "InvalidParameterValue", "X-TC-Timestamp"
  end
end

local function authentic(request)
  local headers = request.headers
  local id, scope, list, signature = (headers.authorization or ""):match(
    "^TC3%-HMAC%-SHA256 Credential=([^/]+)/(%S+), " ..
    "SignedHeaders=(%S+), Signature=(%x+)$")
  if not id then return "AuthFailure.InvalidAuthorization" end

  local names, signed = {}, {}
  for name in list:gmatch("[^;]+") do
    if not headers[name] or name <= (names[#names] or "") then
      return "AuthFailure.InvalidAuthorization", "SignedHeaders, " .. name
    end
    names[#names + 1], signed[name] = name, true
  end
  if not (signed["content-type"] and signed.host) then
    return "AuthFailure.InvalidAuthorization",
      "SignedHeaders needs content-type and host"
  end

  local timestamp = tonumber(headers["x-tc-timestamp"])
  if math.abs(ngx.time() - timestamp) > MAX_CLOCK_SKEW then
    return "AuthFailure.SignatureExpire"
  end
  local account = by_id[id] or sts.account(id)
  if not account then return "AuthFailure.SecretIdNotFound" end

  -- The scope is ours and not the request's: a date that is not the
  -- timestamp's in UTC, or another service, shows in the string to sign.
  local action = actions[headers["x-tc-action"]]
  local right_scope = tc3.scope(timestamp,
    action and action.service or "billing")
  local canonical_request = tc3.canonical_request(request.method,
    request.path, request.query, headers, names, request.body)
  local string_to_sign = tc3.string_to_sign(timestamp, right_scope,
    canonical_request)
  if scope ~= right_scope or signature
      ~= tc3.signature(account.secret_key, right_scope, string_to_sign) then
    return "AuthFailure.SignatureFailure",
      "the canonical request is\n" .. canonical_request ..
      "\n\nand the string to sign is\n" .. string_to_sign
  end
  if headers["x-tc-token"] ~= account.token then
    return "AuthFailure.TokenFailure"
  end
  request.account = account
end

-- The list holds when the last `rate` requests of the account came, over all
-- workers; the one that falls out of it must be a second old.
local function within_rate(request)
  local rate, seen = request.account.rate, ngx.shared.seen
  if not rate then return end
  local length = assert(seen:lpush(request.account.secret_id, ngx.now()))
  if length <= rate then return end
  if ngx.now() - seen:rpop(request.account.secret_id) < 1 then
    return "RequestLimitExceeded"
  end
end

local function understood(request)
  local name = request.headers["x-tc-action"]
  local action = actions[name]
  if not action then return "InvalidAction", name end
  if request.headers["x-tc-version"] ~= action.version then
    return "NoSuchVersion", request.headers["x-tc-version"]
  end
  if not request.object then
    return "InvalidParameter", "the request must be a JSON object"
  end
  request.action = name
  if name == "AssumeRole" then return sts.check(request) end
  for field, value in pairs(request.object) do
    if field ~= "TempCredit" then return "UnknownParameter", field end
    if type(value) ~= "boolean" then return "InvalidParameterValue", field end
  end
end

function _M.refuse(request)
  for _, check in ipairs { well_formed, authentic, within_rate, understood } do
    local code, detail = check(request)
    if code then return failure(request, code, detail) end
  end
end

function _M.succeed(request)
  if request.action == "AssumeRole" then
    return 200, { Response = sts.assume(request) }
  end
  local response = { RequestId = request.id }
  for name, value in pairs(request.account.amounts) do
    response[name] = value
  end
  if request.object.TempCredit then
    for name, value in pairs(request.account.temp_credit) do
      response[name] = value
    end
  end
  return 200, { Response = response }
end

function _M.choose(request, answer)
  if answer == "old" then
    return 200, {
      code = 4000, codeDesc = "InvalidParameter",
      message = messages.InvalidParameter[1],
    }
  end
  if answer:find("^[%w.]+$") then return failure(request, answer) end
end

return _M
