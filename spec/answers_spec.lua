-- SPDX-License-Identifier: MIT
-- Calls whose answer is complete but unusual: its status, its JSON, its
-- fields, a service's message.
local balance = require "balance"
local cjson = require "cjson"
local core = require "balance.core"
local failing = require "support.failing"
local faults = require "support.faults"
local process = require "support.process"

local providers = failing.providers
local not_json = "the answer is not the JSON that the document promises"

-- Without string.format, which stops at a NUL in Lua 5.1.
local function answer(body, status, headers)
  return "HTTP/1.1 " .. (status or 200) .. " X\r\nContent-Length: " .. #body
    .. "\r\n" .. (headers or "") .. "\r\n" .. body
end

-- Each service's answer with this balance, a text that need not be JSON.
local function answer_of(provider, value)
  if provider == "tempolor" then
    return '{"status":200000,"data":{"balance":' .. value .. "}}"
  elseif provider == "udio" then
    return '{"code":200,"data":{"credits":' .. value .. "}}"
  end
  return '{"Response":{"Balance":' .. value .. "}}"
end

-- Each service's refusal, with a code that is not retryable; Udio has none but
-- the HTTP status.
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

-- A header with a date, so many seconds after now or another time.
local function dated(name, seconds, from)
  return name .. os.date("!: %a, %d %b %Y %H:%M:%S GMT\r\n",
    (from or os.time()) + seconds)
end

-- The kinds of failures by the status, where the body has no more to say.
local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

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

  local page = "<!DOCTYPE html>\n<title>no</title>"

  -- The kind where the body is not the service's, and whether it may pass.
  for _, case in ipairs {
    { 400, "http", false }, { 401, "auth", false }, { 402, "http", false },
    { 403, "http", false }, { 404, "http", false }, { 407, "http", false },
    { 408, "http", true }, { 413, "http", false }, { 425, "http", true },
    { 429, "rate_limit", true }, { 500, "http", true }, { 501, "http", false },
    { 502, "http", true }, { 503, "http", true }, { 504, "http", true },
    { 505, "http", false }, { 201, "http", false }, { 600, "http", false },
  } do
    local status, kind, retryable = case[1], case[2], case[3]
    local unreadable = "HTTP status " .. status .. " without a readable answer"

    it(status .. " is kind " .. kind .. ", unless the service says more",
      function()
        for _, provider in ipairs(providers) do
          for body, message in pairs { ["{}"] = unreadable,
            ["[]"] = unreadable, ['{"error":"a gateway"}'] = "a gateway",
            [answer_of(provider, "6.66")] = unreadable } do
            failing.fails(client, provider, { kind = kind, status = status,
              retryable = retryable, bytes = answer(body, status),
              message = message })
          end
          local expected = { kind = "api", retryable = false, code = 400005 }
          if provider == "udio" then
            expected = { kind = kinds[status] or "api",
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

    it(status .. " says nothing about the key where a gateway answered",
      function()
        for _, provider in ipairs(providers) do
          for _, body in ipairs { page, "", "Forbidden", '{"code":', "null" }
          do
            failing.fails(client, provider, { status = status,
              kind = kind == "auth" and "http" or kind, retryable = retryable,
              bytes = answer(body, status), message = unreadable })
          end
          for headers, hint in pairs {
            ["Content-Type: text/html; charset=UTF-8\r\n"] =
              "a gateway in between answered, not the service",
            ["cf-mitigated: challenge\r\n"] =
              "a gateway in between takes this program for a bot",
          } do
            failing.fails(client, provider, { status = status, hint = hint,
              kind = kind == "auth" and "http" or kind, retryable = retryable,
              bytes = answer(page, status, headers), message = unreadable })
          end
        end
      end)

    it(status .. " decides where nobody knows the code", function()
      local expected = { status = status, kind = kinds[status] or "api",
        retryable = retryable, message = "what is this" }
      for provider, cases in pairs {
        tempolor = { [499999] =
          '{"status":499999,"message":"what is this","request_id":"r"}' },
        udio = { [1001] = '{"code":1001,"message":"what is this"}',
          [402] = '{"code":"402","msg":"what is this"}' },
        tencent = {
          NobodyKnowsThis = '{"Response":{"RequestId":"r","Error":{"Code":'
            .. '"NobodyKnowsThis","Message":"what is this"}}}',
          OddThing = '{"code":4000,"codeDesc":"OddThing","message":'
            .. '"what is this"}',
          [4321] = '{"code":4321,"codeDesc":{},"message":"what is this"}',
        },
      } do
        for code, body in pairs(cases) do
          expected.code, expected.bytes = code, answer(body, status)
          failing.fails(client, provider, expected)
        end
      end
    end)
  end

  it("does not matter where the code is known", function()
    for provider, bodies in pairs {
      tempolor = { auth = '{"status":400002}', rate_limit =
        '{"status":400007}', api = '{"status":400003}' },
      udio = { auth = '{"code":403}', rate_limit = '{"code":429}' },
      tencent = {
        auth = '{"code":1,"codeDesc":"AuthFailure.SecretIdNotFound"}',
        rate_limit = '{"Response":{"Error":{"Code":"RequestLimitExceeded"}}}',
        api = '{"Response":{"Error":{"Code":"InvalidParameter.x"}}}',
      },
    } do
      for kind, body in pairs(bodies) do
        for _, status in ipairs { 200, 401, 403, 429, 503 } do
          failing.fails(client, provider, { kind = kind, status = status,
            bytes = answer(body, status) })
        end
      end
    end
  end)

  it("leaves no failure in a cache but one of the key", function()
    for body, kind in pairs { [page] = "http", ["{}"] = "auth" } do
      for _, provider in ipairs(providers) do
        faults.choose("say", answer(body, 401))
        local options = { cache = { store = balance.store.memory() } }
        local _, err = client[provider](options)
        assert.equal(kind, err.kind)
        faults.choose "none"
        local _, again = client[provider](options)
        assert.equal(kind == "auth" and "auth" or nil, again and again.kind)
      end
    end
  end)

  it("comes with the time to wait, in seconds or as a date", function()
    for _, case in ipairs {
      { "7", 7 }, { "0", 0 }, { "99999999999999999999", 86400 },
      { "Sun, 06 Nov 1994 08:49:37 GMT", 0 }, { "soon" }, { "-7" }, { "" },
      { "7.5" }, { "Sun, 99 Nov 1994 08:49:37 GMT" },
    } do
      for _, status in ipairs { 429, 503 } do
        client = failing.client "plain" -- a new one, with a full budget
        failing.all_fail(client, { kind = status == 429 and "rate_limit"
          or "http", status = status, retryable = true, retry_after = case[2],
          attempts = (case[2] or 0) > 5 and 1 or 2, options = { timeout = 5 },
          bytes = answer("", status, "Retry-After: " .. case[1] .. "\r\n") })
      end
    end
    faults.choose("say", answer("", 429, dated("Retry-After", 3600)))
    for _, provider in ipairs(providers) do
      local _, err = client[provider]()
      assert.is_true(math.abs(err.retry_after - 3600) <= 5)
      assert.equal(1, err.attempts)
    end
  end)

  it("comes with a date to wait for, by the clock that the answer shows",
    function()
      for _, off in ipairs { -86400 * 365, -300, 0, 300, 1e9 } do
        for wait, expected in pairs { [3] = 3, [0] = 0, [-7] = 0, [90] = 90,
          [86400] = 86400, [86401] = 86400, [4e9] = 86400 } do
          faults.choose("say", answer("", 429, dated("Date", off, 1e9)
            .. dated("Retry-After", off + wait, 1e9)))
          local _, err = client.udio { retries = 0 }
          assert.equal(expected, err.retry_after)
        end
      end
      faults.choose("say", answer("", 429,
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"))
      local _, err = client.udio { retries = 0 }
      assert.equal(86400, err.retry_after)
      faults.choose("say", answer("", 429, "Date: soon\r\n"
        .. dated("Retry-After", 3600)))
      _, err = client.udio { retries = 0 }
      assert.is_true(math.abs(err.retry_after - 3600) <= 5)
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
    ["nested without an end"] = function() return ("[["):rep(100000) end,
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

describe("the number of fields in an answer", function()
  with_a_client()

  local too_many = "the answer has more fields than a balance"

  it("has an end, whatever the status", function()
    local list = '0,"x":[' .. ("0,"):rep(3000) .. "0]"
    local names = {}
    for i = 1, 1500 do
      names[i] = '"' .. i .. '":0'
    end
    local object = '0,"x":{' .. table.concat(names, ",") .. "}"
    for _, provider in ipairs(providers) do
      for _, many in ipairs { list, object, ("0,"):rep(1e5),
        ('{"a":'):rep(1e5) } do
        local body = answer_of(provider, many)
        failing.fails(client, provider, { kind = "too_large", status = 200,
          message = too_many, bytes = answer(body) })
        failing.fails(client, provider, { kind = "http", status = 401,
          bytes = answer(body, 401) })
      end
    end
  end)

  it("does not count what stands in a text", function()
    for _, provider in ipairs(providers) do
      local text = '0,"x":"' .. (',:\\",\\\\'):rep(3000) .. '"'
      assert.equal(0, takes(provider, answer(answer_of(provider, text)))
        .available)
      local entries = {}
      for i = 1, 200 do
        entries[i] = '{"Uin":"1","TempAmount":1,"StartTime":"","EndTime":""}'
      end
      local list = '0,"TempAmountInfoList":[' .. table.concat(entries, ",")
        .. "]"
      local options = { cache = { store = balance.store.memory() } }
      for _, cached in ipairs { false, true } do
        faults.choose("say", answer(answer_of(provider, list)))
        local result = client[provider](options)
        assert.equal(cached, result.cached or false)
        assert.equal(200, #result.TempAmountInfoList)
      end
    end
  end)

  -- Lua 5.1 hashes only every second byte of these strings, so all of them are
  -- in one list of its table of strings. 20,000 of them take seconds.
  it("bounds what decoding costs", function()
    local function name(number)
      local bytes = {}
      for i = 1, 20 do
        bytes[i] = string.char(97 + number % 8) .. "x"
        number = math.floor(number / 8)
      end
      return '"' .. table.concat(bytes) .. '":1'
    end
    local names = {}
    for i = 1, 20000 do
      names[i] = name(i)
    end
    local body = answer_of("udio", "1," .. table.concat(names, ","))
    assert.is_true(#body < 1024 * 1024)
    failing.fails(client, "udio", { kind = "too_large", message = too_many,
      bytes = answer(body) })
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

-- The example in each service's documentation.
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

-- Their fields with their types. A question mark: it may be missing. "needed":
-- the balance is read from it or depends on it. "says": an answer of the
-- service is recognised by it. "any": it is not read.
local fields = {
  tempolor = { "status says number", "message any", "request_id string?",
    "data needed table", "data.balance needed number" },
  udio = { "code says number", "message any", "data needed table",
    "data.credits needed number", "data.used_credits number?" },
  tencent = { "Response says table", "Response.Balance number",
    "Response.CashAccountBalance number?",
    "Response.CreditAmount needed number?", "Response.CreditBalance number?",
    "Response.FreezeAmount number?",
    "Response.IncomeIntoAccountBalance number?",
    "Response.IsAllowArrears boolean?", "Response.IsCreditLimited boolean?",
    "Response.OweAmount number?", "Response.PresentAccountBalance number?",
    "Response.RealBalance number?",
    "Response.RealCreditBalance needed number", -- as there is a credit line
    "Response.TempCredit number?", "Response.Uin number?",
    "Response.RequestId string?", "Response.TempAmountInfoList list?",
    "Response.TempAmountInfoList[1] table",
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

-- Values in JSON, and what they are in Lua.
local values = {
  { nil, "nil" }, { "null", "nil" }, { '"7"', "decimal string" },
  { '"x"', "string" }, { "7", "number" }, { "true", "boolean" },
  { "false", "boolean" }, { "{}", "table" }, { "[]", "table" },
}

local function value_at(result, place)
  for step in place:gmatch "[^.%[%]]+" do
    result = result[tonumber(step) or step]
  end
  return result
end

describe("a field of a document", function()
  with_a_client()

  -- The balance is there, and the field as it came, which is listed.
  local function is_passed_on(provider, path, json, is, bytes)
    local warnings = {}
    faults.choose("say", bytes)
    local result, err = client[provider] { trace = function(event)
      warnings[#warnings + 1] = event.event == "warning" and event.message
        or nil
    end }
    assert.is_nil(err, tostring(err))
    local place = path:gsub("^data%.", ""):gsub("^Response%.", "")
    if path == "Response.TempAmountInfoList[1]" and is == "nil" then
      place = nil -- the list is empty
    end
    assert.same({ place }, result.unexpected or {})
    assert.same({ place and "not as the document has it: " .. place },
      warnings)
    assert.is_number(result.available)
    if place and not path:find "request_id" and not path:find "says" then
      local expected = json and cjson.decode("[" .. json .. "]")[1]
      if expected ~= cjson.null then
        assert.same(expected, value_at(result, place))
      end
    end
  end

  local function check(provider, path, promised, json, is)
    local kind, optional = promised:match "(%l+)(%??)$"
    local bytes = answer(with_field(documents[provider], path, json))
    local is_number = is:find "decimal" and kind == "number"
    if kind == "any" or is == "nil" and optional == "?" then
      local result = takes(provider, bytes)
      assert.is_nil(result.unexpected)
      if not path:find("[", 1, true) then
        assert.is_nil(result[path:match "[%w_]+$"])
      end
    elseif promised:find "^says" and is_number then
      failing.fails(client, provider, { kind = "api", code = 7,
        bytes = bytes })
    elseif promised:find "^says" then
      failing.fails(client, provider, { kind = "decode", status = 200,
        says = "^" .. not_json, bytes = bytes })
    elseif promised:find "^needed" and not is_number then
      local expected = ("the field %s should be a %s, but it is %s"):format(
        path, kind, is == "nil" and "missing" or "a " .. is:match "%l+$")
      failing.fails(client, provider, { kind = "decode", status = 200,
        message = expected, bytes = bytes })
    else
      is_passed_on(provider, path, json, is, bytes)
    end
  end

  for _, provider in ipairs(providers) do
    for _, line in ipairs(fields[provider]) do
      local path, promised = line:match "^(%S+) (.*)$"
      it(("of %s is what it should be: %s"):format(provider, path), function()
        for _, value in ipairs(values) do
          local is = value[2]
          local fits = promised:find(is:match "%l+$", 1, true)
            or promised:find "list" and is == "table"
          if not fits then
            check(provider, path, promised, value[1], is)
          end
        end
      end)
    end
  end

  it("is looked at in every part of a list", function()
    for list, expected in pairs {
      ['[{},{},7]'] = { "[3]" }, ['[{},null,{}]'] = { "[2]" },
      ['[{},{"TempAmount":"7"},{"Uin":8,"EndTime":9}]'] =
        { "[2].TempAmount", "[3].EndTime", "[3].Uin" },
      ['{"a":1}'] = { "" }, ['"x"'] = { "" }, ["0"] = { "" },
      ["false"] = { "" },
    } do
      for i, place in ipairs(expected) do
        expected[i] = "TempAmountInfoList" .. place
      end
      assert.same(expected, takes("tencent", answer(with_field(
        documents.tencent, "Response.TempAmountInfoList", list))).unexpected)
    end
    local many = takes("tencent", answer(with_field(documents.tencent,
      "Response.TempAmountInfoList", "[" .. ("7,"):rep(999) .. "7]")))
    assert.equal(32, #many.unexpected)
    assert.equal(1000, #many.TempAmountInfoList)
  end)

  it("does not lose the balance, whatever it is", function()
    local result = takes("tencent", answer([[{"Response":{"Uin":"1000",
      "PresentAccountBalance":"0.0","IsAllowArrears":1,"RequestId":{},
      "RealBalance":"12.50","Balance":[],"CreditAmount":"0",
      "TempCredit":"x"}}]]))
    assert.same({ "Balance", "CreditAmount", "IsAllowArrears",
      "PresentAccountBalance", "RealBalance", "RequestId", "TempCredit",
      "Uin" }, result.unexpected)
    assert.equal(12.5, result.available)
    assert.equal("RealBalance", result.available_from)
    assert.equal("12.50", result.RealBalance)
    assert.equal("1000", result.Uin)
    assert.equal(1, result.IsAllowArrears)
    assert.is_nil(result.request_id)
    assert.same({}, result.RequestId)
    result = takes("udio", answer('{"code":"200","data":{"credits":195,'
      .. '"used_credits":"5"}}'))
    assert.same({ "code", "used_credits" }, result.unexpected)
    assert.equal(195, result.available)
    assert.equal("5", result.used_credits)
    result = takes("tempolor", answer('{"status":200000,"request_id":7,'
      .. '"data":{"balance":"-1"}}'))
    assert.same({ "balance", "request_id" }, result.unexpected)
    assert.equal("-1", tostring(result.available))
    assert.equal("-1", result.balance)
    assert.is_nil(result.request_id)
    assert.equal(7, result.raw.request_id)
  end)

  it("is kept by a cache with what was listed", function()
    faults.choose("say", answer(
      '{"code":200,"data":{"credits":"7","used_credits":{}}}'))
    local options = { cache = { store = balance.store.memory() } }
    for _, cached in ipairs { false, true } do
      local result = client.udio(options)
      assert.equal(cached, result.cached or false)
      assert.equal(7, result.available)
      assert.equal("7", result.credits)
      assert.same({ "credits", "used_credits" }, result.unexpected)
    end
  end)

  it("that the choice depends on is right, or the call fails", function()
    for body, says in pairs {
      ['{"Balance":1,"CreditAmount":"some","RealCreditBalance":9}'] =
        "CreditAmount should be a number, but it is a string",
      ['{"Balance":1,"CreditAmount":true}'] =
        "CreditAmount should be a number, but it is a boolean",
      ['{"Balance":1,"CreditAmount":"5"}'] =
        "RealCreditBalance should be a number, but it is missing",
      ['{"Balance":1,"RealBalance":false}'] =
        "RealBalance should be a number, but it is a boolean",
      ['{"Balance":1,"RealBalance":"1,5"}'] =
        "RealBalance should be a number, but it is a string",
      ['{"CreditAmount":0}'] =
        "Balance should be a number, but it is missing",
    } do
      failing.fails(client, "tencent", { kind = "decode",
        message = "the field Response." .. says,
        bytes = answer('{"Response":' .. body .. "}") })
    end
    local result = takes("tencent", answer('{"Response":{"Balance":"x",'
      .. '"CreditAmount":"100","RealCreditBalance":9}}'))
    assert.equal("RealCreditBalance", result.available_from)
    assert.equal(9, result.available)
    assert.same({ "Balance", "CreditAmount" }, result.unexpected)
  end)
end)

describe("a balance in a string", function()
  with_a_client()

  it("is taken where it is a plain decimal number", function()
    for text, expected in pairs { ["195"] = 195, ["-7"] = -7, ["0"] = 0,
      ["776.56"] = 776.56, ["-0.5"] = -0.5, ["1.50"] = 1.5,
      ["12345678901234567890"] = 12345678901234567890, ["-0"] = 0 } do
      for _, provider in ipairs(providers) do
        local result = takes(provider,
          answer(answer_of(provider, '"' .. text .. '"')))
        assert.equal(tostring(expected), tostring(result.available))
        assert.equal(text, result[result.available_from])
        assert.same({ result.available_from }, result.unexpected)
      end
    end
  end)

  it("is refused where it is anything else", function()
    for _, text in ipairs { "", " ", " 1", "1 ", "1\\n", "+1", "1e3", "0x10",
      "0x1p4", "inf", "nan", "Infinity", ".5", "5.", "1,5", "1_000", "1.2.3",
      "--1", "-", "007", "1]", "1,2", "$5", "null", "true",
      ("9"):rep(33), "1." .. ("0"):rep(400), "\217\161" } do
      for _, provider in ipairs(providers) do
        failing.fails(client, provider, { kind = "decode", status = 200,
          says = "should be a number, but it is a string",
          bytes = answer(answer_of(provider, '"' .. text .. '"')) })
      end
    end
  end)
end)

describe("what a service sends under our own names", function()
  with_a_client()

  local ours = { provider = "x", unit = "x", available = 6.66,
    available_from = "x", fetched_at = 6.66, raw = "x", attempts = 6.66,
    timing = "x", unexpected = { "x" }, clock_offset = 6.66, cached = true,
    age = 6.66, stale = true, refresh_error = "x", request_id = 6.66 }

  it("does not pass for ours, and is in raw", function()
    for provider, place in pairs { tempolor = "data", udio = "data",
      tencent = "Response" } do
      local body = cjson.decode(answer_of(provider, "7"))
      for name, value in pairs(ours) do
        body[place][name] = value
      end
      local result = takes(provider, answer(cjson.encode(body)))
      assert.equal(provider, result.provider)
      assert.equal(7, result.available)
      assert.is_nil(ours[result.available_from])
      assert.is_true(result.fetched_at > 1e9)
      assert.equal(1, result.attempts)
      assert.is_number(result.timing.total)
      for _, name in ipairs { "unexpected", "clock_offset", "cached", "age",
        "stale", "refresh_error", "request_id" } do
        assert.is_nil(result[name], name)
        assert.same(ours[name], result.raw[place][name])
      end
    end
  end)

  it("does not either where a provider of the caller's passes it on",
    function()
      balance.register {
        name = "passes_on", unit = "credit", endpoint = faults.endpoint(),
        credentials = {},
        request = function() return { path = "/" } end,
        read = function(_, body)
          body.available_from = "left"
          return body, nil, { "odd" }
        end,
      }
      local body = core.copy(ours)
      body.left, body.request_id = "7", "r1"
      faults.choose("say", answer(cjson.encode(body)))
      local result = balance.passes_on()
      assert.equal(7, result.available)
      assert.same({ "left", "odd" }, result.unexpected)
      assert.equal("r1", result.request_id)
      for _, name in ipairs { "clock_offset", "cached", "age", "stale",
        "refresh_error" } do
        assert.is_nil(result[name], name)
      end
    end)

  it("does not in a failure either", function()
    balance.register {
      name = "says_no", unit = "credit", endpoint = faults.endpoint(),
      credentials = {},
      request = function() return { path = "/" } end,
      read = function(_, body) return nil, body end,
    }
    local body = core.copy(ours)
    body.kind, body.message, body.status, body.retry_after = "api", "no", 6, 6
    body.hint, body.retryable = "ask\nme", "always"
    faults.choose("say", answer(cjson.encode(body)))
    local _, err = balance.says_no()
    local seen = {}
    for name, value in pairs(err) do
      seen[name] = value
    end
    assert.same({ provider = "says_no", kind = "api", message = "no",
      status = 200, request_id = "6.66", attempts = 1, retryable = false,
      hint = "ask me" }, seen)
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
      for _, message in ipairs { "", " \n", "\1\127", false, 7.5, {} } do
        is_said(provider, message, { message = message == 7.5 and "7.5"
          or "no message" })
      end
    end
  end)

  -- failing.check looks for the secrets in all fields of a failure.
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

  it("is found where others than the service put it", function()
    for body, words in pairs {
      ['{"detail":"Not authenticated"}'] = "Not authenticated",
      ['{"message":"no enough credits"}'] = "no enough credits",
      ['{"Message":"not authorized"}'] = "not authorized",
      ['{"error":{"message":"bad key","code":"x"}}'] = "bad key",
      ['{"msg":"no"}'] = "no", ['{"error":"no such key"}'] = "no such key",
      ['{"error":"invalid_token","error_description":"it ran out"}'] =
        "it ran out",
      ['{"errors":[{"message":"one"},{"message":"two"}]}'] = "one",
      ['{"detail":[{"msg":"field required"}]}'] = "field required",
      ['{"type":"about:blank","title":"Forbidden"}'] = "Forbidden",
      ['{"message":"","detail":7,"error":null,"title":"at last"}'] = "at last",
      ['["a","list"]'] = "a",
      ['{"message":"one\\r\\ntwo\\u001b[31m"}'] = "one  two [31m",
      ['{"message":"' .. ("x"):rep(1000) .. '"}'] = ("x"):rep(300) .. "...",
    } do
      for status, kind in pairs { [401] = "auth", [402] = "http",
        [403] = "http", [404] = "http" } do
        for _, provider in ipairs(providers) do
          failing.fails(client, provider, { kind = kind, status = status,
            message = words, bytes = answer(body, status) })
        end
      end
      for _, provider in ipairs(providers) do
        faults.choose("say", answer(body))
        local _, err = client[provider]()
        assert.equal("decode", err.kind)
        assert.equal(1, err.message:find(not_json .. ": ", 1, true))
        assert.is_truthy(err.message:find(words:sub(1, 200), 1, true))
      end
    end
    for _, body in ipairs { "{}", "[]", '{"message":""}',
      '{"message":" \\n"}', '{"error":true}', '{"a":{"message":"deep"}}',
      '{"error":{"error":{"error":{"error":{"error":"deep"}}}}}' } do
      failing.fails(client, "udio", { kind = "http", status = 402,
        message = "HTTP status 402 without a readable answer",
        bytes = answer(body, 402) })
    end
    for _, secret in pairs(failing.keys.udio) do
      failing.fails(client, "udio", { kind = "auth", status = 401,
        message = "no *** here",
        bytes = answer('{"detail":"no ' .. secret .. ' here"}', 401) })
    end
  end)

  it("is only a refusal with a code", function()
    for _, refused in ipairs { "7", '"x"', "{}", "[]", '{"Code":7}',
      '{"Code":null,"Message":"x"}', '{"Code":{}}' } do
      failing.fails(client, "tencent", { kind = "decode",
        says = "^" .. not_json, bytes = answer(
          '{"Response":{"Balance":6.66,"Error":' .. refused .. '}}') })
    end
  end)

  it("is a failure in the shape of the interface before", function()
    failing.fails(client, "tencent", { kind = "api", code = "InvalidParameter",
      message = "not this one", bytes = answer(
        '{"code":4000,"codeDesc":"InvalidParameter","message":"not this one"}')
    })
  end)

  it("has a code that is text or a whole number of some size", function()
    for code, expected in pairs { ["2147483647"] = 2147483647, ["-1"] = -1,
      ["-2147483647"] = -2147483647, ["4.5"] = false, ["1e300"] = false,
      ["-1e300"] = false, ["2147483648"] = false, ["1e9"] = 1000000000,
      ["12345678901234567890"] = false } do
      for provider, body in pairs {
        tempolor = '{"status":@,"message":"no"}',
        udio = '{"code":@,"message":"no"}',
        tencent = '{"code":@,"message":"no"}',
      } do
        faults.choose("say", answer((body:gsub("@", code))))
        local _, err = client[provider]()
        assert.equal("api", err.kind)
        assert.equal(tostring(expected or nil), tostring(err.code))
      end
    end
  end)

  it("about the clock is believed up to a day", function()
    for off, says in pairs { [80000] = "off by [78]%d%d%d%d seconds",
      [-86500] = "off by more than a day", [4e9] = "off by more than a day" }
    do
      faults.choose("say", answer('{"Response":{"Error":{"Code":'
        .. '"AuthFailure.SignatureExpire","Message":"late"}}}', 200,
        dated("Date", off)))
      local _, err = client.tencent()
      assert.equal("auth", err.kind)
      assert.matches(says, err.hint)
    end
  end)
end)
