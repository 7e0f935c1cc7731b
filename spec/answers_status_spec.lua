-- SPDX-License-Identifier: MIT
--
-- Calls whose answer is complete, with an unusual HTTP status.
local answers = require "support.answers"
local balance = require "balance"
local failing = require "support.failing"
local faults = require "support.faults"

local providers = failing.providers
local answer, answer_of = answers.bytes, answers.balance
local dated, refusal = answers.dated, answers.refusal

-- The kinds of failures by the status, where the body has no more to say.
local kinds = { [401] = "auth", [403] = "auth", [429] = "rate_limit" }

local client

before_each(function() client = answers.begin() end)
after_each(failing.with_pauses)

describe("the status of an answer", function()
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

  it("leaves a failure of its kind in a cache", function()
    for body, kind in pairs { [page] = "http", ["{}"] = "auth" } do
      for _, provider in ipairs(providers) do
        faults.choose("say", answer(body, 401))
        local options = { cache = { store = balance.store.memory() } }
        local _, err = client[provider](options)
        assert.equal(kind, err.kind)
        faults.choose "none"
        local _, again = client[provider](options)
        assert.equal(kind, again.kind)
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
