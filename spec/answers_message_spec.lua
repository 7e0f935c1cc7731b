-- SPDX-License-Identifier: MIT
--
-- What the service says in an answer that is a failure: its message, its code,
-- and its clock.
local answers = require "support.answers"
local failing = require "support.failing"
local faults = require "support.faults"

local providers = failing.providers
local answer, refusal = answers.bytes, answers.refusal
local not_json = answers.not_json
local dated = answers.dated

local client

before_each(function() client = answers.begin() end)
after_each(failing.with_pauses)

describe("what a service says", function()
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
