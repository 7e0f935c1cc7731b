-- SPDX-License-Identifier: MIT
--
-- Calls whose answer has fields of other types than the document has them, or
-- under names that are our own.
local answers = require "support.answers"
local balance = require "balance"
local cjson = require "cjson"
local core = require "balance.core"
local failing = require "support.failing"
local faults = require "support.faults"

local providers = failing.providers
local answer, answer_of = answers.bytes, answers.balance
local not_json = answers.not_json

local client

before_each(function() client = answers.begin() end)
after_each(failing.with_pauses)

local function takes(...)
  return answers.takes(client, ...)
end

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
