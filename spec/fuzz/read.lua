-- SPDX-License-Identifier: MIT
--
-- An answer, whatever it says, becomes a result with a balance in it, or a
-- failure that is fit for a log. It goes the way of every answer: decoded,
-- read by its provider, completed; only the transport is not there.
--
-- An input is the body, Retry-After and Date, with bars between them, and at
-- the end bytes for the provider, the status, and whether the body stands
-- there (0) or is put together from what the documents name, as the bytes
-- before say.
local core = require "balance.core"

local answer -- the current one

local transfer = {}
transfer.__index = transfer
function transfer:result()
  return { status = self.status, body = self.body, timing = {} }
end
function transfer:header(name)
  local value = self.headers[name]
  return value ~= "" and value or nil
end
function transfer.stalled() return false end
function transfer.close() end

function core.transport()
  return { start = function() return setmetatable(answer, transfer) end }
end

-- It is not the userdata that knows what was made for a request.
for _, name in ipairs { "clean", "has_secret" } do
  local original = core[name]
  core[name] = function(text, secrets)
    local strings = {}
    for _, secret in ipairs(secrets) do
      strings[#strings + 1] = type(secret) == "string" and secret or nil
    end
    return original(text, strings)
  end
end

local attempt = require "balance.attempt"
local failure = require "balance.failure"
local json = require "balance.json"
local input = require "fuzz.input"
local promise = require "fuzz.promise"

local providers = {
  require "balance.provider.tempolor",
  require "balance.provider.udio",
  (require "balance.provider.tencent"),
}
local statuses = { 200, 200, 200, 200, 204, 301, 400, 401, 403, 404, 408, 413,
  425, 429, 500, 501, 502, 503, 504, 505, 599, 999 }

-- Bodies may well have them: they are in the dictionary.
local key, id, token =
  "KEY-of-the-caller", "ID-of-the-caller", "TOKEN-of-the-caller"
local keys = {
  tempolor = { key }, udio = { key }, tencent = { key, id, token },
}
local config = {
  api_key = "Bearer " .. key, secret_key = key, secret_id = id, token = token,
}

local members = { "status", "message", "data", "balance", "request_id",
  "code", "credits", "used_credits", "Response", "Error", "Code", "Message",
  "RequestId", "codeDesc", "Balance", "RealBalance", "CreditAmount",
  "RealCreditBalance", "TempAmountInfoList", "Uin", "TempAmount", "StartTime",
  "IsAllowArrears", "available", "available_from", "provider", "raw",
  "timing", "kind", "hint", "retryable", "unexpected", "cached", "stale",
  "age", "attempts", "msg", "detail", "error", "errors" }
local values = { "null", "true", "false", "0", "1", "-1", "200", "200000",
  "400002", "400006", "401", "429", "0.5", "1e308", "1e400", "-0", "1e-400",
  "12345678901234567890", '""', '"text"', '"1"', '"-0.50"', '"1e3"',
  '"\\u0000\\n"',
  '"AuthFailure.SignatureExpire"', '"UnauthorizedOperation.x"',
  '"x.RequestLimitExceeded"', '"' .. key .. '"', '"Bearer ' .. key .. '"',
  '"' .. ("x"):rep(290) .. id .. '"', '"' .. ("%"):rep(310) .. '"' }

-- Objects are what a document is made of, so most are.
local function build(bytes, depth)
  local kind, parts = bytes:byte(), {}
  if kind < 100 or depth == 0 then
    return values[kind % #values + 1]
  elseif kind > 230 then
    for i = 1, kind % 4 do
      parts[i] = build(bytes, depth - 1)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for i = 1, kind % 8 do
    parts[i] = ('"%s":%s'):format(bytes:choose(members),
      build(bytes, depth - 1))
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local loop = { wait = function() return true end }

local to_integer = math.tointeger

local function is_plain(value, depth)
  local kind = type(value)
  if kind == "table" then
    promise.that(depth > 0, "a body is not deep", depth)
    for name, item in pairs(value) do
      is_plain(name, depth - 1)
      is_plain(item, depth - 1)
    end
  elseif kind == "number" then
    promise.that(value == value and value ~= math.huge and value ~= -math.huge,
      "numbers are finite", value)
    promise.that(math.type(value) == "integer" or not to_integer(value),
      "whole numbers are integers", value)
  else
    promise.that(kind == "string" or kind == "boolean",
      "there is nothing but JSON", kind)
  end
end

-- What the documents say of these, where they are.
local amounts = {
  tempolor = { "balance" },
  udio = { "credits", "used_credits" },
  tencent = { "Balance", "RealBalance", "CreditAmount", "RealCreditBalance",
    "Uin" },
}

-- What no answer may bring: it is set elsewhere, or not at all.
local ours = { "attempts", "cached", "age", "stale", "refresh_error",
  "clock_offset" }

local function is_result(result, provider, body)
  local is_listed, count = {}, 0
  for _, name in ipairs(result.unexpected or {}) do
    is_listed[name], count = true, count + 1
    promise.that(type(name) == "string", "a name is text", name)
  end
  promise.that(count <= 32, "a list has an end", count)
  for _, name in ipairs(amounts[provider.name]) do
    promise.that(result[name] == nil or type(result[name]) == "number"
      or is_listed[name] or count == 32, "an amount is a number", name)
  end
  for _, name in ipairs(ours) do
    promise.that(result[name] == nil, "it is not the service's", name)
  end
  promise.that(result.provider == provider.name, "it names its provider",
    result.provider)
  promise.that(result.unit == provider.unit, "it has its unit", result.unit)
  promise.that(type(result.available) == "number", "there is a balance",
    result.available)
  promise.that(result.available
    == tonumber((result[result.available_from])),
    "available is the field it says", result.available_from)
  promise.that(type(result.request_id) == "string"
    or result.request_id == nil, "a request id is text", result.request_id)
  promise.that(type(result.raw) == "table" and json.decode(body) ~= nil,
    "raw is the body", result.raw)
  is_plain(result.raw, 17)
  local raw, timing = result.raw, result.timing
  promise.that(type(timing) == "table", "it has its timing", timing)
  result.raw, result.timing = nil, nil
  is_plain(result, 17)
  result.raw = raw
end

return function(data)
  local bytes = input.new(data)
  local provider = bytes:choose(providers)
  local status = bytes:choose(statuses)
  local is_built = bytes:byte() % 2 == 1
  answer = {
    status = status, body = is_built and build(bytes, 5) or bytes:field(),
    headers = { ["retry-after"] = bytes:field(), date = bytes:field(),
      ["content-type"] = "text/html" },
  }
  local body = answer.body
  local outcome = attempt.run({ provider = provider, config = config,
    loop = loop, clock_offset = 0 }, "https://localhost", 1)
  local result, refused, ahead =
    outcome.result, outcome.failure, outcome.clock_ahead
  if result then
    result.timing = outcome.timing -- as its call does
    promise.that(status == 200, "only a success has a balance", status)
    promise.that(refused == nil, "there is one or the other", refused)
    is_result(result, provider, body)
  else
    promise.is_failure(refused, failure.kinds, keys[provider.name])
    promise.that(refused.status == status, "it has the status", refused.status)
    promise.that(ahead == nil or ahead == ahead, "a clock is off by a number",
      ahead)
  end
end
