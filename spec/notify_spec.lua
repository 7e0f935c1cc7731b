-- SPDX-License-Identifier: MIT
--
-- What webhooks are sent: pure functions.
local cjson = require "cjson"
local core = require "balance.core"
local hmac = require "openssl.hmac"
local text = require "balance.notify.text"

local services = {}
for _, name in ipairs { "json", "slack", "discord", "feishu", "dingtalk",
  "wecom" } do
  services[name] = require("balance.notify." .. name)
end

local at = 1795000000

local function event_of(changes)
  local event = {
    version = 1, event = "low", alarm = "min", account = "songs",
    provider = "udio", unit = "credit", available = 40,
    available_from = "credits", fetched_at = at, threshold = 50, rate = 96.4,
    time_to_empty = 36000, outlook = "known", at = at, since = at,
  }
  for name, value in pairs(changes or {}) do
    event[name] = value or nil
  end
  return event
end

local function sent(name, event, options)
  local request = services[name].request(event or event_of(), options or {},
    1599360473)
  assert.equal("application/json", request.headers["Content-Type"])
  return cjson.decode(request.body), request
end

describe("the text of an event", function()
  it("says what happened, in a few short lines", function()
    for expected, changes in pairs {
      ["songs (udio): 40 credits left, less than 50 credits. At 96.4 credits"
        .. " a day it is empty in 10 hours."] = {},
      ["still: songs (udio): 40 credits left, less than 50 credits. At 96.4"
        .. " credits a day it is empty in 10 hours."] = { is_reminder = true },
      ["cloud (tencent): 185.25 USD left, less than 200.00 USD."] = {
        account = "cloud", provider = "tencent", unit = "cent",
        currency = "USD", available = 18525, threshold = 20000, rate = false },
      ["songs (udio): 40 credits left, for less than 2.5 days. At 96.4"
        .. " credits a day it is empty in 10 hours."] = { alarm = "min_days",
        threshold = 2.5 },
      ["udio: the key is refused. Invalid API key\ngive the key alone"] = {
        event = "auth", alarm = "auth", account = "udio", kind = "auth",
        message = "Invalid API key", hint = "give the key alone" },
      ["songs (udio): 0 credits left, less than 50 credits."] = {
        available = 0, time_to_empty = 0 },
      ["songs (udio): 40 credits left, for less than 1 day. At 96.4 credits"
        .. " a day it is empty in 10 hours."] = { alarm = "min_days",
        threshold = 1 },
      ["songs (udio): 40 credits left, less than 50 credits. At 0.01 credits"
        .. " a day it is empty in more than a year."] = { rate = 0.01,
        time_to_empty = false, outlook = "more than a year" },
      ["songs (udio): no answer for 30 minutes. no answer within 10 s\n"
        .. "40 credits left at 2026-11-18T11:06:40Z."] = { event = "unknown",
        alarm = "unknown", message = "no answer within 10 s" },
      ["songs (udio): no answer for 30 minutes. x"] = { event = "unknown",
        alarm = "unknown", message = "x", available = false },
      ["still: songs (udio): no answer for 5 hours."] = { event = "unknown",
        alarm = "unknown", available = false, is_reminder = true,
        at = at + 5 * 3600 },
      ["still: songs (udio): no answer for 6 hours."] = { event = "unknown",
        alarm = "unknown", available = false, is_reminder = true,
        fetched_at = false, at = at + 6 * 3600 },
      ["songs (udio): enough is left again after a top-up of 500 credits."
        .. " 540 credits left."] = { event = "ok", top_up = 500,
        available = 540 },
      ["songs (udio): the key is taken again. 40 credits left."] = {
        event = "ok", alarm = "auth" },
      ["songs (udio): it answers again. 40 credits left."] = { event = "ok",
        alarm = "unknown" },
      ["songs (udio): it lasts long enough again. 40 credits left."] = {
        event = "ok", alarm = "min_days" },
    } do
      assert.equal(expected, text.write(event_of(changes)))
    end
  end)

  it("has no control character of a stranger in it", function()
    local said = text.write(event_of { account = "a\nb\27[31m\255",
      event = "auth", alarm = "auth", message = "x\r\ny", hint = "z\0" })
    assert.is_nil(said:find "[%z\1-\9\11-\31]")
    assert.equal(1, select(2, said:gsub("\n", "")))
  end)

  it("is of an event that has what it takes", function()
    assert.is_nil(text.mistake(event_of()))
    assert.is_nil(text.mistake { account = "a", event = "ok", alarm = "min" })
    for mistake, event in pairs {
      ["a table, not a nil"] = false, ["'account'"] = {},
      ["min, min_days, unknown or auth"] = event_of { alarm = "max" },
      ["of 'min' must have"] = event_of { available = false },
      ["of 'min_days' must have"] = event_of { alarm = "min_days",
        threshold = false },
    } do
      assert.is_truthy(text.mistake(event or nil):find(mistake, 1, true))
    end
  end)

  it("is cut between characters", function()
    assert.equal("a\195\169", text.cut("a\195\169\195\169", 4))
    assert.equal("a", text.cut("a\226\130\172", 3))
    assert.equal("", text.cut("\226\130\172", 2))
    assert.equal("abc", text.cut("abc", 3))
  end)
end)

describe("a webhook's request", function()
  local hostile = event_of { account = "<@everyone> *x* </a> <at user_id=all>",
    event = "auth", alarm = "auth", message = "<!channel> \"quoted\" [x](y)" }

  it("is Slack's, with its escapes", function()
    assert.same({ text = text.write(event_of()) }, (sent "slack"))
    local said = sent("slack", hostile).text
    assert.is_nil(said:find "[<>]")
    assert.is_truthy(said:find("&lt;!channel&gt;", 1, true))
  end)

  it("is Discord's, and mentions nobody", function()
    local document, request = sent("discord", hostile)
    assert.is_truthy(request.body:find('"allowed_mentions":{"parse":[]}', 1,
      true))
    assert.is_truthy(document.content:find("\\*x\\*", 1, true))
    local long = event_of { account = ("*"):rep(250), event = "auth",
      alarm = "auth", message = ("_"):rep(300), hint = ("`"):rep(300),
      provider = ("~"):rep(300) }
    assert.is_true(#sent("discord", long).content <= 2000)
    assert.is_true(#sent("wecom", long).text.content <= 2048)
  end)

  it("is Feishu's, signed as its robots want it", function()
    local document = sent("feishu", nil, { secret = "test-secret" })
    assert.equal("text", document.msg_type)
    assert.equal(text.write(event_of()), document.content.text)
    assert.equal("1599360473", document.timestamp)
    assert.equal("wSds2BzzFIIGf/WrhUO+NI1q/9j+FRJd3JNHKAq0NZY=",
      document.sign)
    document = sent("feishu", hostile)
    assert.is_nil(document.sign)
    assert.is_nil(document.content.text:find("<", 1, true))
    assert.matches("^ALARM songs", (sent("feishu", nil,
      { keyword = "ALARM" })).content.text)
  end)

  it("is DingTalk's, signed as its robots want it", function()
    local document, request = sent("dingtalk", nil,
      { secret = "test-secret", keyword = "k" })
    assert.same({ msgtype = "text",
      text = { content = "k " .. text.write(event_of()) } }, document)
    assert.equal("timestamp=1599360473000&sign="
      .. "Mee7fHPnIHChjJIuEtxRUaKgA9a%2F2itMq8Jj5AtfVkc%3D", request.query)
    assert.is_nil(select(2, sent "dingtalk").query)
  end)

  it("is WeCom's, of text", function()
    assert.same({ msgtype = "text",
      text = { content = text.write(event_of()) } }, (sent "wecom"))
    assert.is_nil(sent("wecom", hostile).text.content:find("<", 1, true))
  end)

  it("is one's own, with exact amounts and a signature", function()
    local event = event_of { available = 776.56 }
    local document, request = sent("json", event, { secret = "s" })
    for name, value in pairs(event) do
      assert.equal(value, document[name])
    end
    assert.equal("776.56", document.available_text)
    assert.equal("50", document.threshold_text)
    assert.equal(text.write(event), document.text)
    assert.equal("1599360473", request.headers["X-Balance-Timestamp"])
    local expected = hmac.new("s", "sha256"):final("1599360473."
      .. request.body)
    assert.equal(core.base64(expected),
      request.headers["X-Balance-Signature"])
    request = select(2, sent("json", event_of { account = "\255" }))
    assert.is_nil(request.headers["X-Balance-Signature"])
    assert.is_nil(request.body:find "\255")
  end)

  it("is a failure where it cannot be signed", function()
    local sign = core.hmac
    finally(function() core.hmac = sign end)
    core.hmac = function() return nil, "config", "no HMAC" end
    for _, name in ipairs { "json", "feishu", "dingtalk" } do
      local request, problem = services[name].request(event_of(),
        { secret = "s" }, 1599360473)
      assert.is_nil(request)
      assert.same({ kind = "config", message = "no HMAC" }, problem)
    end
  end)
end)

describe("a webhook's reply", function()
  local function read(name, status, reply)
    return services[name].read(status, reply)
  end

  it("decides, not its status", function()
    assert.is_nil(read("slack", 200, "ok"))
    assert.equal("decode", read("slack", 200, "<html>").kind)
    assert.equal("api", read("slack", 403, "invalid_token").kind)
    assert.equal("invalid_token", read("slack", 403, "invalid_token").message)
    assert.equal("rate_limit", read("slack", 429, "rate_limited").kind)
    assert.is_true(read("slack", 500, "").retryable)
    assert.is_true(read("slack", 500, "rollup_error").retryable)
    assert.is_false(read("slack", 501, "").retryable)
    assert.equal("decode", read("slack", 200, "").kind)
    assert.is_nil(read("discord", 204, ""))
    assert.is_nil(read("discord", 200, '{"id":"1"}'))
    assert.equal("decode", read("discord", 200, "<html>").kind)
    assert.equal("http", read("discord", 403, "<html>").kind)
    assert.equal("http", read("discord", 400, '{"message":{}}').kind)
    assert.equal(10015, read("discord", 404,
      '{"message":"Unknown Webhook","code":10015}').code)
    assert.equal(0.3, read("discord", 429,
      '{"message":"slow","retry_after":0.3}').retry_after)
    assert.is_nil(read("json", 202, ""))
    assert.is_false(read("json", 301, "").retryable)
    for name, code in pairs { feishu = "code", dingtalk = "errcode",
      wecom = "errcode" } do
      assert.is_nil(read(name, 200, '{"' .. code .. '":0}'))
      assert.equal("decode", read(name, 200, "").kind)
      assert.equal("decode", read(name, 200, '{"x":0}').kind)
      assert.equal("http", read(name, 502, "<html>").kind)
      assert.is_true(read(name, 502, "").retryable)
      assert.equal("api", read(name, 200, '{"' .. code .. '":5}').kind)
      assert.equal("decode", read(name, 200, '[1]').kind)
      assert.equal("decode", read(name, 200, '5').kind)
      assert.equal("decode", read(name, 200, '{"' .. code .. '":"0"}').kind)
      -- a number that nobody knows: the status says more
      local unknown = '{"' .. code .. '":99991400}'
      assert.equal("rate_limit", read(name, 429, unknown).kind)
      assert.is_true(read(name, 503, unknown).retryable)
      assert.is_false(read(name, 400, unknown).retryable)
      assert.is_table(read(name, 500, '{"' .. code .. '":0}'))
    end
    assert.is_nil(read("feishu", 200, '{"StatusCode":0,"Extra":null}'))
    assert.equal(19001, read("feishu", 200, '{"StatusCode":19001}').code)
  end)

  it("has a hint where something is known", function()
    assert.matches("secret", read("feishu", 200,
      '{"code":19021,"msg":"sign match fail"}').hint)
    assert.matches("keyword", read("feishu", 200,
      '{"code":19024,"msg":"Key Words Not Found"}').hint)
    assert.matches("keyword", read("dingtalk", 200,
      '{"errcode":310000,"errmsg":"x"}').hint)
    assert.is_true(read("wecom", 200, '{"errcode":-1}').retryable)
    for name, reply in pairs { wecom = '{"errcode":93000}',
      dingtalk = '{"errcode":300005}', feishu = '{"code":19001}' } do
      assert.equal("auth", read(name, 200, reply).kind)
      assert.matches("address", read(name, 200, reply).hint)
    end
  end)

  it("says when to come back", function()
    for name, reply in pairs { wecom = '{"errcode":45009}',
      dingtalk = '{"errcode":130101}', feishu = '{"code":11232}' } do
      local refused = read(name, 200, reply)
      assert.equal("rate_limit", refused.kind)
      assert.is_true(refused.retryable)
      assert.is_true(refused.retry_after >= 1)
    end
  end)
end)
