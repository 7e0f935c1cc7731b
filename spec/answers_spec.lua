-- SPDX-License-Identifier: MIT
-- What becomes of a call whose answer arrives in order and says something
-- odd: its status, its JSON, the fields of the documents, a service's words.
local cjson = require "cjson"
local failing = require "support.failing"
local faults = require "support.faults"
local process = require "support.process"

local providers = failing.providers
local not_json = "the answer is not the JSON that the document promises"

-- No format: in Lua 5.1 it stops at a NUL.
local function answer(body, status, headers)
  return "HTTP/1.1 " .. (status or 200) .. " X\r\nContent-Length: " .. #body
    .. "\r\n" .. (headers or "") .. "\r\n" .. body
end

-- Each service's answer of this balance, which is JSON or not.
local function answer_of(provider, value)
  if provider == "tempolor" then
    return '{"status":200000,"data":{"balance":' .. value .. "}}"
  elseif provider == "udio" then
    return '{"code":200,"data":{"credits":' .. value .. "}}"
  end
  return '{"Response":{"Balance":' .. value .. "}}"
end

-- Each service's refusal, with a code that asking again does not change; but
-- Udio's code is the HTTP status.
local function refusal(provider, message, status)
  local text = cjson.encode(message)
  if provider == "tempolor" then
    return '{"status":400005,"message":' .. text .. ',"request_id":"r1"}'
  elseif provider == "udio" then
    return '{"code":' .. status .. ',"message":' .. text .. "}"
  end
  return '{"Response":{"Error":{"Code":"FailedOperation","Message":' .. text
    .. '},"RequestId":"r1"}}'
end

local client

local function with_a_client()
  before_each(function()
    failing.without_pauses()
    client = failing.client "plain"
  end)
  after_each(failing.with_pauses)
end

local function takes(provider, bytes)
  faults.choose("say", bytes)
  local result, err = client[provider]()
  assert.is_nil(err, tostring(err))
  return result
end

describe("the status of an answer", function()
  with_a_client()

  -- The kind where the body is not the service's, and whether it may pass.
  for _, case in ipairs {
    { 400, "http", false }, { 401, "auth", false }, { 402, "http", false },
    { 403, "auth", false }, { 404, "http", false }, { 407, "http", false },
    { 408, "http", true }, { 413, "http", false }, { 425, "http", true },
    { 429, "rate_limit", true }, { 500, "http", true }, { 501, "http", false },
    { 502, "http", true }, { 503, "http", true }, { 504, "http", true },
    { 505, "http", false }, { 201, "http", false }, { 600, "http", false },
  } do
    local status, kind, retryable = case[1], case[2], case[3]

    it(status .. " is kind " .. kind .. ", unless the service says more",
      function()
        for _, provider in ipairs(providers) do
          for _, body in ipairs { '{"error":"a gateway"}', "[]", "",
            "<!DOCTYPE html>\n<title>no</title>", answer_of(provider, "6.66"),
          } do
            failing.fails(client, provider, { kind = kind, status = status,
              retryable = retryable, bytes = answer(body, status),
              message = "HTTP status " .. status
                .. " without a readable answer" })
          end
          local expected = { kind = "api", retryable = false, code = 400005 }
          if provider == "udio" then
            expected = { kind = kind == "http" and "api" or kind,
              retryable = retryable, code = status }
          elseif provider == "tencent" then
            expected.code = "FailedOperation"
          end
          expected.status, expected.message = status, "no such luck"
          expected.bytes = answer(refusal(provider, "no such luck", status),
            status)
          failing.fails(client, provider, expected)
        end
      end)
  end

  it("comes with the time to wait, in seconds or as a date", function()
    for _, case in ipairs {
      { "7", 7 }, { "0", 0 }, { "99999999999999999999", 86400 },
      { "Sun, 06 Nov 1994 08:49:37 GMT", 0 }, { "soon" }, { "-7" }, { "" },
      { "7.5" }, { "Sun, 99 Nov 1994 08:49:37 GMT" },
    } do
      for _, status in ipairs { 429, 503 } do
        client = failing.client "plain" -- which can afford to ask again
        failing.all_fail(client, { kind = status == 429 and "rate_limit"
          or "http", status = status, retryable = true, retry_after = case[2],
          attempts = (case[2] or 0) > 5 and 1 or 2, options = { timeout = 5 },
          bytes = answer("", status, "Retry-After: " .. case[1] .. "\r\n") })
      end
    end
    faults.choose("say", answer("", 429, os.date(
      "!Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", os.time() + 3600)))
    for _, provider in ipairs(providers) do
      local _, err = client[provider]()
      assert.is_true(math.abs(err.retry_after - 3600) <= 5)
      assert.equal(1, err.attempts)
    end
  end)
end)

describe("the body of an answer", function()
  with_a_client()

  local function is_refused(body)
    for _, provider in ipairs(providers) do
      failing.fails(client, provider, { kind = "decode", status = 200,
        message = not_json, bytes = answer(body(provider)) })
    end
  end

  local function right(provider)
    return answer_of(provider, "6.66")
  end

  for name, body in pairs {
    ["a page of HTML"] = function() return "<!DOCTYPE html><h1>Hello</h1>" end,
    ["empty"] = function() return "" end,
    ["a blank"] = function() return " \r\n" end,
    ["null"] = function() return "null" end,
    ["a number"] = function() return "195" end,
    ["an array"] = function() return "[]" end,
    ["half an answer"] = function(provider) return right(provider):sub(1, -2)
      end,
    ["two answers"] = function(provider)
      return right(provider) .. right(provider)
    end,
    ["with a byte order mark"] = function(provider)
      return "\239\187\191" .. right(provider)
    end,
    ["with a NUL after it"] = function(provider)
      return right(provider) .. "\0"
    end,
    ["with a NUL in it"] = function(provider)
      return answer_of(provider, '6,"x":"\0"')
    end,
    ["not in UTF-8"] = function(provider)
      return answer_of(provider, '6,"x":"\228\189"')
    end,
    ["nested 10,000 deep"] = function(provider)
      return answer_of(provider, '6,"x":' .. ("["):rep(10000)
        .. ("]"):rep(10000))
    end,
    ["nested without an end"] = function() return ('{"data":'):rep(100000) end,
  } do
    it("is refused: " .. name, function() is_refused(body) end)
  end

  it("may not be encoded, as nobody asked for it", function()
    local zeros = process.run "head -c 10000000 /dev/zero | gzip -9"
    for _, provider in ipairs(providers) do
      local packed = process.run("printf %s '" .. right(provider)
        .. "' | gzip")
      for _, case in ipairs { { "gzip", packed }, { "gzip", zeros },
        { "gzip", "\31\139\8 broken" }, { "x-unknown", right(provider) },
        { "identity, gzip", packed } } do
        failing.fails(client, provider, { kind = "decode", status = 200,
          message = "the answer is encoded, which nobody asked for: "
            .. case[1],
          bytes = answer(case[2], 200,
            "Content-Encoding: " .. case[1] .. "\r\n") })
      end
      failing.fails(client, provider, { kind = "http", status = 502,
        retryable = true,
        bytes = answer(packed, 502, "Content-Encoding: gzip\r\n") })
      for _, plain in ipairs { "identity", "UTF-8" } do
        assert.equal(6.66, takes(provider, answer(right(provider), 200,
          "Content-Encoding: " .. plain .. "\r\n")).available)
      end
    end
  end)

  it("may have 1 MiB and not a byte more", function()
    local mib = 1024 * 1024
    for _, provider in ipairs(providers) do
      local body = right(provider)
      body = body .. (" "):rep(mib - #body)
      local function framed(text)
        return answer(text), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
          .. ("\r\n\r\n%x\r\n"):format(#text) .. text .. "\r\n0\r\n\r\n"
      end
      for _, bytes in ipairs { framed(body) } do
        assert.equal(6.66, takes(provider, bytes).available)
      end
      for _, bytes in ipairs { framed(body .. " ") } do
        failing.fails(client, provider, { kind = "too_large", bytes = bytes,
          message = "the answer's body is longer than 1 MiB" })
      end
    end
  end)
end)

describe("a number in an answer", function()
  with_a_client()

  it("is one that JSON knows and Lua can hold", function()
    for _, value in ipairs { "NaN", "nan", "Infinity", "-Infinity", "inf",
      "0x10", "+1", "01", "-01", "1e400", "-1e400", "1e", "--1", "1,",
      "1 2" } do
      for _, provider in ipairs(providers) do
        failing.fails(client, provider, { kind = "decode", status = 200,
          message = not_json, bytes = answer(answer_of(provider, value)) })
      end
    end
    for value, expected in pairs { ["-0"] = "0", ["-0.0"] = "0",
      ["1e-400"] = "0", ["1E2"] = "100", ["-7"] = "-7",
      ["12345678901234567890"] = tostring(12345678901234567890) } do
      for _, provider in ipairs(providers) do
        local result = takes(provider, answer(answer_of(provider, value)))
        assert.equal(expected, tostring(result.available))
      end
    end
  end)

  it("is the last one, where a field comes twice", function()
    for provider, name in pairs { tempolor = "balance", udio = "credits",
      tencent = "Balance" } do
      local twice = '1,"' .. name .. '":'
      assert.equal(2, takes(provider,
        answer(answer_of(provider, twice .. "2"))).available)
      failing.fails(client, provider, { kind = "decode",
        says = name .. " .* missing",
        bytes = answer(answer_of(provider, twice .. "null")) })
    end
  end)

  it("does not depend on the caller's cjson, nor change it", function()
    local settings = { "decode_invalid_numbers", "decode_max_depth",
      "encode_invalid_numbers", "encode_max_depth", "encode_number_precision",
      "encode_sparse_array", "encode_keep_buffer" }
    local function all_settings(instance)
      local seen = {}
      for _, name in ipairs(settings) do
        seen[name] = { instance[name]() }
      end
      return seen
    end
    local instances = { cjson, require "cjson.safe" }
    local depth = cjson.decode_max_depth()
    for _, instance in ipairs(instances) do
      instance.decode_invalid_numbers(true)
      instance.decode_max_depth(1)
    end
    finally(function()
      for _, instance in ipairs(instances) do
        instance.decode_invalid_numbers(true) -- lua-cjson's default
        instance.decode_max_depth(depth)
      end
    end)
    local before = { all_settings(instances[1]), all_settings(instances[2]) }
    local fresh = failing.client "plain"
    failing.fails(fresh, "udio", { kind = "decode", message = not_json,
      bytes = answer(answer_of("udio", "NaN")) })
    assert.same(before,
      { all_settings(instances[1]), all_settings(instances[2]) })
  end)
end)

-- The example of each document.
local documents = {
  tempolor = { status = 200000, message = "success", request_id = "f2-6a",
    data = { balance = 776.56 } },
  udio = { code = 200, message = "success",
    data = { credits = 195, used_credits = 5 } },
  tencent = { Response = {
    Balance = 0, CashAccountBalance = 0, CreditAmount = 10000000000,
    CreditBalance = 10000000000, FreezeAmount = 0,
    IncomeIntoAccountBalance = 0, IsAllowArrears = true,
    IsCreditLimited = true, OweAmount = 0,
    PresentAccountBalance = 0, RealBalance = 0,
    RealCreditBalance = 10000000000, TempCredit = 0, Uin = 600000561284,
    RequestId = "8590441d-6e17",
    TempAmountInfoList = { { EndTime = "2026-11-16 00:00:00",
      StartTime = "2025-11-01 00:00:00", TempAmount = 200000,
      Uin = "600000561284" } },
  } },
}

-- Every field of them, and its type. With a question mark it may be missing;
-- "says" is by what an answer is recognised as the service's; "any" is not
-- looked at.
local fields = {
  tempolor = { "status says number", "message any", "request_id string?",
    "data table", "data.balance number" },
  udio = { "code says number", "message any", "data table",
    "data.credits number", "data.used_credits number?" },
  tencent = { "Response says table", "Response.Balance number",
    "Response.CashAccountBalance number?", "Response.CreditAmount number?",
    "Response.CreditBalance number?", "Response.FreezeAmount number?",
    "Response.IncomeIntoAccountBalance number?",
    "Response.IsAllowArrears boolean?", "Response.IsCreditLimited boolean?",
    "Response.OweAmount number?", "Response.PresentAccountBalance number?",
    "Response.RealBalance number?",
    "Response.RealCreditBalance number", -- as there is a credit line
    "Response.TempCredit number?", "Response.Uin number?",
    "Response.RequestId string?", "Response.TempAmountInfoList list?",
    "Response.TempAmountInfoList[1] table?",
    "Response.TempAmountInfoList[1].EndTime string?",
    "Response.TempAmountInfoList[1].StartTime string?",
    "Response.TempAmountInfoList[1].TempAmount number?",
    "Response.TempAmountInfoList[1].Uin string?" },
}

-- The document with a field replaced by this JSON; nil: without it.
local function with_field(document, path, json)
  document = cjson.decode(cjson.encode(document))
  local place, last = document, nil
  for step in path:gmatch "[^.%[%]]+" do
    place = last and place[last] or place
    last = tonumber(step) or step
  end
  place[last] = json and "@" or nil
  return (cjson.encode(document):gsub('"@"', json or ""))
end

-- What may stand there, and what it is in Lua.
local values = {
  { nil, "nil" }, { "null", "nil" }, { '"7"', "string" }, { "7", "number" },
  { "true", "boolean" }, { "{}", "table" }, { "[]", "table" },
}

describe("a field of a document", function()
  with_a_client()

  local function check(provider, path, promised, json, is)
    local kind, optional = promised:match "(%l+)(%??)$"
    local bytes = answer(with_field(documents[provider], path, json))
    if kind == "any" or is == "nil" and optional == "?" then
      local result = takes(provider, bytes)
      if not path:find("[", 1, true) then
        assert.is_nil(result[path:match "[%w_]+$"])
      end
    elseif promised:find "^says" then
      failing.fails(client, provider, { kind = "decode", status = 200,
        message = not_json, bytes = bytes })
    else
      local expected = ("the field %s should be a %s, but it is %s"):format(
        path, kind, is == "nil" and "missing" or "a " .. is)
      failing.fails(client, provider, { kind = "decode", status = 200,
        message = expected, bytes = bytes })
    end
  end

  for _, provider in ipairs(providers) do
    for _, line in ipairs(fields[provider]) do
      local path, promised = line:match "^(%S+) (.*)$"
      it(("of %s is what it should be: %s"):format(provider, path), function()
        for _, value in ipairs(values) do
          local fits = promised:find(value[2], 1, true)
            or promised:find "list" and value[2] == "table"
          if not fits then
            check(provider, path, promised, value[1], value[2])
          end
        end
      end)
    end
  end

  it("is looked at in every part of a list", function()
    for list, says in pairs {
      ['[{},{},7]'] = "List%[3%] should be a table, but it is a number",
      ['[{},null,{}]'] = "List%[2%] should be a table, but it is missing",
      ['[{},{"TempAmount":"7"}]'] = "List%[2%].TempAmount should be a number",
      ['{"a":1}'] = "List should be a list",
    } do
      failing.fails(client, "tencent", { kind = "decode", says = says,
        bytes = answer(with_field(documents.tencent,
          "Response.TempAmountInfoList", list)) })
    end
  end)
end)

describe("what a service says", function()
  with_a_client()

  local function is_said(provider, message, expected)
    expected.kind, expected.bytes =
      "api", answer(refusal(provider, message, 400))
    failing.fails(client, provider, expected)
  end

  it("is cut where it has a megabyte", function()
    for _, provider in ipairs(providers) do
      is_said(provider, ("x"):rep(1024 * 1024 - 200),
        { message = ("x"):rep(300) .. "..." })
      local secret = select(2, next(failing.keys[provider]))
      is_said(provider, secret:rep(math.floor(1e6 / #secret)),
        { says = "^%*+%.%.%.$" })
    end
  end)

  it("is one line without control characters, and no format", function()
    for _, provider in ipairs(providers) do
      is_said(provider, "one\r\ntwo\0three\27[31m\127\194\155four\n",
        { message = "one  two three [31m  four" })
      is_said(provider, "%s %d %n %5$s %% %q %", { message =
        "%s %d %n %5$s %% %q %" })
    end
  end)

  it("may be nothing", function()
    for _, provider in ipairs(providers) do
      for _, message in ipairs { "", " \n", false, 7.5, {} } do
        is_said(provider, message, { message = message == 7.5 and "7.5"
          or "no message" })
      end
    end
  end)

  -- failing.check looks for the secrets in all that a failure holds.
  it("shows no secret that it was sent", function()
    for _, provider in ipairs(providers) do
      for _, secret in pairs(failing.keys[provider]) do
        is_said(provider, "no account for " .. secret .. "!",
          { message = "no account for ***!" })
        local escaped = secret:gsub(".", function(character)
          return ("\\u%04x"):format(character:byte())
        end)
        local body = refusal(provider, "key @", 400):gsub("@", "%%s")
        failing.fails(client, provider, { kind = "api",
          message = "key ***", bytes = answer(body:format(escaped)) })
        failing.fails(client, provider, { kind = "decode", says = "%*%*%*",
          bytes = answer("", 200, "Content-Encoding: " .. secret .. "\r\n") })
        failing.fails(client, provider, { kind = "http", status = 302,
          bytes = answer(secret, 302, "Location: /" .. secret
            .. "\r\nRetry-After: " .. secret .. "\r\n") })
      end
    end
    for _, secret in pairs(failing.keys.tencent) do
      failing.fails(client, "tencent", { kind = "auth",
        code = "AuthFailure.***", bytes = answer(([[{"Response":{
          "Error":{"Code":"AuthFailure.%s","Message":"no such key"},
          "RequestId":"%s"}}]]):format(secret, secret)) })
    end
  end)

  it("is only a refusal with a code", function()
    for _, refused in ipairs { "7", '"x"', "{}", "[]", '{"Code":7}',
      '{"Code":null,"Message":"x"}', '{"Code":{}}' } do
      failing.fails(client, "tencent", { kind = "decode", message = not_json,
        bytes = answer('{"Response":{"Balance":6.66,"Error":' .. refused
          .. '}}') })
    end
  end)

  it("is a failure in the shape of the interface before", function()
    failing.fails(client, "tencent", { kind = "api", code = "InvalidParameter",
      message = "not this one", bytes = answer(
        '{"code":4000,"codeDesc":"InvalidParameter","message":"not this one"}')
    })
  end)
end)
