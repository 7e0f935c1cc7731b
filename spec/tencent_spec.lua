-- SPDX-License-Identifier: MIT
local balance = require "balance"
local accounts = require("sandbox.accounts").tencent
local faults = require "support.faults"
local variant = require("support.variant").call

-- The options of an account, with changes. The account `bench` has no rate
-- limit, which the specs would exceed.
local function account(name, changes)
  local options = {
    secret_id = accounts[name].secret_id,
    secret_key = accounts[name].secret_key,
    token = accounts[name].token,
  }
  for option, value in pairs(changes or {}) do
    options[option] = value
  end
  return options
end

local function answer(text)
  return variant("tencent", { ["X-Sandbox-Answer"] = text }, account "bench")
end

describe("balance.tencent()", function()
  it("returns every field of the document #matrix", function()
    local result, err = balance.tencent()
    assert.is_nil(err)
    for name, value in pairs(accounts.main.amounts) do
      assert.equal(value, result[name], name)
    end
    assert.equal("600000561284", tostring(result.Uin))
    assert.equal("10000000000", tostring(result.CreditAmount))
    assert.equal("cent", result.unit)
    assert.equal("tencent", result.provider)
    assert.equal(result.RequestId, result.request_id)
    assert.is_nil(result.TempAmountInfoList)
    if math.type then
      assert.equal("integer", math.type(result.Uin))
    end
  end)

  it("returns the temporary limits when asked #matrix", function()
    local result = balance.tencent { temp_credit = true }
    assert.same(accounts.main.temp_credit.TempAmountInfoList,
      result.TempAmountInfoList)
    assert.equal("600000561284", result.TempAmountInfoList[1].Uin)
  end)

  it("knows what can be spent, with a credit line and without", function()
    local result = balance.tencent(account "main")
    assert.equal("RealCreditBalance", result.available_from)
    assert.equal(10000000000, result.available)
    result = balance.tencent(account "prepaid")
    assert.equal("RealBalance", result.available_from)
    assert.equal(123456.75, result.available)
    result = answer('body:{"Response":{"Balance":7,"CreditAmount":0}}')
    assert.equal("Balance", result.available_from)
    assert.equal(7, result.available)
  end)

  it("takes temporary keys with their token", function()
    assert.equal(5000, balance.tencent(account "temporary").Balance)
    local _, err = balance.tencent(account("temporary", { token = "old" }))
    assert.equal("auth", err.kind)
    assert.equal("AuthFailure.TokenFailure", err.code)
    assert.is_string(err.hint)
  end)

  it("speaks the language that it is asked to", function()
    local _, err = balance.tencent { secret_id = "AKIDx", secret_key = "y" }
    assert.matches("not found", err.message)
    _, err = balance.tencent {
      secret_id = "AKIDx", secret_key = "y", language = "zh-CN",
    }
    assert.matches("密钥", err.message)
  end)

  it("returns nil and an auth failure when the keys are refused #matrix",
    function()
      local result, err = balance.tencent { secret_id = "x", secret_key = "y" }
      assert.is_nil(result)
      assert.equal("auth", err.kind)
      assert.equal("AuthFailure.SecretIdNotFound", err.code)
      assert.matches("site", err.hint)
      assert.is_string(err.request_id)
      result, err = balance.tencent(account("main", { secret_key = "wrong" }))
      assert.is_nil(result)
      assert.equal("auth", err.kind)
      assert.equal("AuthFailure.SignatureFailure", err.code)
    end)

  it("is told when it asks too often #fast", function()
    local limited
    local options = account("throttled", { rate = false, retries = 0 })
    for _ = 1, 25 do
      local _, err = balance.tencent(options)
      limited = limited or err
    end
    assert.equal("rate_limit", limited.kind)
    assert.equal("RequestLimitExceeded", limited.code)
    assert.is_true(limited.retryable)
  end)

  it("knows what the service's codes mean", function()
    for code, expected in pairs {
      ["FailedOperation"] = { "api", false },
      ["FailedOperation.PayPriceError"] = { "api", false },
      ["InternalError"] = { "api", true },
      ["InternalError.GatewayError"] = { "api", true },
      ["UnauthorizedOperation.CamNoAuth"] = { "auth", false },
      ["UnsupportedOperation"] = { "api", false },
      ["AuthFailure.SignatureExpire"] = { "auth", false },
      ["AuthFailure.UnauthorizedOperation"] = { "auth", false },
      ["RequestLimitExceeded.UinLimitExceeded"] = { "rate_limit", true },
      ["FailedOperation.RequestLimitExceeded"] = { "rate_limit", true },
      ["ServiceUnavailable"] = { "api", true },
      ["ResourceUnavailable"] = { "api", false },
      ["IpInBlacklist"] = { "auth", false },
      ["IpNotInWhitelist"] = { "auth", false },
      ["InvalidAction"] = { "api", false },
      ["NobodyKnowsThis"] = { "api", false },
    } do
      local result, err = answer(code)
      assert.is_nil(result)
      assert.equal(expected[1], err.kind, code)
      assert.equal(expected[2], err.retryable, code)
      assert.equal(code, err.code)
      assert.equal(200, err.status)
      assert.is_string(err.request_id)
    end
    local _, err = answer "UnauthorizedOperation.CamNoAuth"
    assert.matches("finance:DescribeAccountBalance", err.hint)
    _, err = answer "old"
    assert.equal("api", err.kind)
    assert.equal("InvalidParameter", err.code)
  end)

  it("says by how much a clock is off", function()
    local _, err = variant("tencent", {
      ["X-Sandbox-Answer"] = "AuthFailure.SignatureExpire",
      ["X-Sandbox-Date"] = os.date("!%a, %d %b %Y %H:%M:%S GMT",
        os.time() + 7200),
    }, account "bench")
    local seconds = tonumber(err.hint:match("off by (%d+) seconds"))
    assert.is_true(math.abs(seconds - 7200) <= 2)
  end)
end)

-- The sandbox computes every signature itself, with another library. These
-- specs show that it refuses wrong ones.
describe("the sandbox's check of a signature", function()
  local endpoint, ca_file

  before_each(function()
    endpoint = os.getenv "TENCENT_ENDPOINT"
    ca_file = os.getenv "SSL_CERT_FILE"
  end)

  -- Signs one request and sends another.
  local function code(changes, body)
    local tencent = require "balance.provider.tencent"
    local request = tencent.request(account "bench")
    local signed = {
      host = endpoint:match("//(.*)"), payload = request.body,
    }
    for name, value in pairs(request.tc3) do
      signed[name] = value
    end
    local headers = balance.tc3.sign(signed)
    headers.Authorization = changes.Authorization
      and changes.Authorization(headers.Authorization)
      or headers.Authorization
    headers["X-TC-Timestamp"] = changes.timestamp
      and changes.timestamp(headers["X-TC-Timestamp"])
      or headers["X-TC-Timestamp"]
    headers["Content-Type"] = changes.content_type or headers["Content-Type"]
    headers["X-TC-Action"] = changes.action or headers["X-TC-Action"]
    local target = changes.endpoint or endpoint
    headers.Host = nil -- the transport sends its own
    local result = faults.fetch("/" .. (changes.query or ""), {
      endpoint = target, ca_file = ca_file, headers = headers,
      body = body or request.body,
    })
    return result.body:match('"Code":"([%w.]+)"') or "none", result.body
  end

  it("passes what was sent as it was signed", function()
    assert.equal("none", (code {}))
  end)

  it("refuses one byte of difference anywhere", function()
    local function flip(text)
      local last = text:byte(-1)
      return text:sub(1, -2) .. (last == 97 and "b" or "a")
    end
    local wrong = "AuthFailure.SignatureFailure"
    assert.equal(wrong, (code({}, '{"TempCredit":true}')))
    assert.equal(wrong, (code({}, "{} ")))
    assert.equal(wrong, (code { Authorization = flip }))
    assert.equal(wrong, (code { query = "?a" }))
    assert.equal(wrong,
      (code { content_type = "application/json; charset=utf-7" }))
    assert.equal(wrong, (code { action = "DescribeAccountBalances" }))
    assert.equal(wrong, (code { timestamp = function(text)
      return tostring(math.floor(tonumber(text) - 1))
    end }))
    assert.equal(wrong, (code { Authorization = function(text)
      return (text:gsub("/billing/", "/cvm/"))
    end }))
    assert.equal(wrong, (code { Authorization = function(text)
      return (text:gsub("/%d+%-", "/2019-"))
    end }))
    assert.equal(wrong,
      (code { endpoint = endpoint:gsub("localhost", "127.0.0.1") }))
    local _, err = balance.tencent(account("bench",
      { secret_key = flip(accounts.bench.secret_key) }))
    assert.equal(wrong, err.code)
  end)

  it("refuses a timestamp that is more than five minutes off", function()
    for _, seconds in ipairs { -400, 400 } do
      local original = require "balance.provider.tencent"
      local late = {}
      for name, value in pairs(original) do
        late[name] = value
      end
      late.name = "late" .. math.abs(seconds) .. (seconds < 0 and "b" or "a")
      function late.request(config)
        local request = original.request(config)
        request.tc3.timestamp = os.time() + seconds
        return request
      end
      balance.register(late)
      local _, err = balance[late.name](account "bench")
      assert.equal("AuthFailure.SignatureExpire", err.code)
      assert.matches("clock", err.hint)
    end
  end)

  it("shows what should have been signed", function()
    local _, body = code({}, "{} ")
    assert.matches("POST\\n\\?/\\n", body)
    assert.matches("TC3%-HMAC%-SHA256\\n", body)
  end)
end)
