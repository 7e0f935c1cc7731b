-- SPDX-License-Identifier: MIT
--
-- Webhooks, to a real server over TLS.
local base64 = require("balance.core").base64
local cqueues = require "cqueues"
local hmac = require "openssl.hmac"
local json = require "balance.json"
local notify = require "balance.notify"
local process = require "support.process"
local retry = require "balance.retry"
local secrets = require "support.secrets"

local token = "T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
local secret = "a-secret-of-a-robot"

-- From here on no failure may have them in it, in any form.
secrets.add(token:match "[^/]+$")
secrets.add(secret)

local event = {
  version = 1, event = "low", alarm = "min", account = "songs",
  provider = "udio", unit = "credit", available = 40, threshold = 50,
  outlook = "not enough data", at = 1795000000, since = 1795000000,
}

describe("a webhook", function()
  local dir, server, port, random

  setup(function()
    dir = process.run("mktemp -d"):gsub("%s+$", "")
    server = process.start(("exec %s spec/support/webhook_server.lua %s")
      :format(process.plain_lua, dir))
    port = process.await(dir .. "/port")
    random = retry.random
    retry.random = function() return 0 end -- no pauses
  end)

  teardown(function()
    retry.random = random
    server.stop()
    process.run("rm -r " .. dir)
  end)

  before_each(function()
    process.write(dir .. "/log", "") -- the server appends
  end)

  local function url(behaviour)
    return ("https://localhost:%s/%s/%s"):format(port, behaviour, token)
  end

  -- Sends the event. Without a secret in it, returns what `send` returned.
  local function send(service, behaviour, changes)
    local options = { url = url(behaviour), ca_file = dir .. "/ca.pem" }
    for name, value in pairs(changes or {}) do
      options[name] = value
    end
    local ok, err = notify[service](options)(event)
    if not ok then
      for _, private in ipairs { token, token:sub(20), secret, behaviour
        .. "/" } do
        assert.is_nil(tostring(err):find(private, 1, true), tostring(err))
        assert.is_nil((err.hint or ""):find(private, 1, true))
      end
    end
    return ok, err
  end

  local function requests()
    local list = {}
    for each in process.read(dir .. "/log"):gmatch "(.-)\n====\n" do
      list[#list + 1] = each
    end
    return list
  end

  it("is taken where the service says so", function()
    for service, behaviour in pairs { slack = "ok", discord = "created",
      json = "created", feishu = "taken", dingtalk = "taken",
      wecom = "taken" } do
      local ok, err = send(service, behaviour)
      assert.is_true(ok, tostring(err))
    end
    local sent = requests()
    assert.equal(6, #sent)
    for _, request in ipairs(sent) do
      assert.matches("^POST /%l+/" .. token .. " HTTP/1.1\r\n", request)
      assert.matches("\r\nUser%-Agent: balance/", request)
      assert.matches("\r\nContent%-Type: application/json\r\n", request)
      assert.matches("songs %(udio%): 40 credits left", request)
    end
  end)

  it("is signed as the service checks it", function()
    assert.is_true(send("json", "created", { secret = secret }))
    local request = requests()[1]
    local time = request:match "X%-Balance%-Timestamp: (%d+)\r\n"
    local body = request:match "\r\n\r\n(.*)$"
    assert.is_true(math.abs(tonumber(time) - os.time()) < 60)
    assert.equal(base64(hmac.new(secret, "sha256"):final(time .. "." .. body)),
      request:match "X%-Balance%-Signature: (%S+)\r\n")

    assert.is_true(send("dingtalk", "taken", { secret = secret }))
    local stamp, sign = requests()[2]:match "%?timestamp=(%d+)&sign=(%S+) "
    assert.equal(base64(hmac.new(secret, "sha256"):final(stamp .. "\n"
      .. secret)), (sign:gsub("%%(%x%x)", function(pair)
      return string.char(tonumber(pair, 16))
    end)))
    assert.is_true(send("dingtalk", "taken", { secret = secret,
      url = url "taken" .. "?access_token=x" }))
    assert.matches("%?access_token=x&timestamp=", requests()[3])

    assert.is_true(send("feishu", "taken", { secret = secret }))
    local document = json.decode(requests()[4]:match "\r\n\r\n(.*)$")
    assert.is_true(math.abs(tonumber(document.timestamp) - os.time()) < 60)
    assert.equal(base64(hmac.new(document.timestamp .. "\n" .. secret,
      "sha256"):final("")), document.sign)
  end)

  it("is refused where the secret is another one, or none", function()
    for service, code in pairs { dingtalk = 310000, feishu = 19021 } do
      assert.is_true(send(service, "signed", { secret = secret }))
      for _, wrong in ipairs { { secret = secret .. "s" }, {} } do
        local err = select(2, send(service, "signed", wrong))
        assert.equal(code, err.code)
        assert.matches("secret", err.hint)
      end
    end
  end)

  it("is refused by the reply's body, whatever the status says", function()
    for service, code in pairs { feishu = 19021, dingtalk = 310000,
      wecom = 310000 } do
      local ok, err = send(service, "refused", { retries = 2 })
      assert.is_nil(ok)
      assert.equal("api", err.kind)
      assert.equal(code, err.code)
      assert.is_false(err.retryable)
      assert.matches("^" .. service .. ": api: ", tostring(err))
    end
    assert.equal(3, #requests())
    assert.equal("decode", select(2, send("slack", "html")).kind)
    assert.equal("decode", select(2, send("feishu", "html")).kind)
    assert.equal("invalid_token",
      select(2, send("slack", "forbidden")).message)
    assert.equal(10015, select(2, send("discord", "unknown")).code)
  end)

  it("is not sent elsewhere", function()
    local ok, err = send("slack", "redirect")
    assert.is_nil(ok)
    assert.equal(302, err.status)
    assert.equal(1, #requests())
  end)

  it("is sent again where that can help", function()
    assert.is_true(send("discord", "limited", { retries = 1 }))
    assert.equal(2, #requests())
    local ok, err = send("slack", "busy", { retries = 2 })
    assert.is_nil(ok)
    assert.equal(503, err.status)
    assert.equal(5, #requests())
    err = select(2, send("slack", "busy", { retries = 0 }))
    assert.is_true(err.retryable)
    assert.equal(6, #requests())
  end)

  it("does not wait for longer than it may", function()
    local _, err = send("slack", "long")
    assert.equal("rate_limit", err.kind)
    assert.equal(900, err.retry_after)
    assert.equal(1, #requests())
    _, err = send("slack", "slow", { timeout = 0.3 })
    assert.equal("timeout", err.kind)
  end)

  it("fails with what is wrong on the way", function()
    assert.equal("network", select(2, send("slack", "reset",
      { retries = 0 })).kind)
    assert.equal("too_large", select(2, send("slack", "large")).kind)
    assert.equal("tls", select(2, send("slack", "ok",
      { ca_file = "/etc/ssl/certs/ca-certificates.crt", retries = 0 })).kind)
    assert.equal("connect", select(2, send("slack", "ok",
      { url = "https://127.0.0.1:1/" .. token, retries = 0 })).kind)
    assert.equal("config", select(2, send("slack", "ok",
      { ca_file = "/none" })).kind)
    -- which repeats the address, and the signature in it
    send("discord", "echo")
    local sign = tostring(select(2, send("dingtalk", "echo",
      { secret = secret })))
    assert.matches("no such webhook: ", sign)
    local sent = requests()[#requests()]:match "&sign=(%S+) "
    assert.is_nil(sign:find(sent:sub(1, 8), 1, true))
    sign = tostring(select(2, send("discord", "decoded",
      { url = url "decoded" .. "?k=ab%2Fcd%2Fef%2Fgh%2Fij" })))
    assert.is_nil(sign:find("ab/cd", 1, true))
  end)

  it("raises a mistake in its options, without the address", function()
    for message, options in pairs {
      ["option 'url' is missing"] = {},
      ["option 'url' must be https://HOST/PATH"] =
        { url = "http://hooks.example.com/" .. token },
      ["option 'url' must be https://HOST/PATH,"] =
        { url = "https://user:" .. token .. "@example.com/x" },
      ["option 'url' must be https://HOST/PATH, "] =
        { url = "https://example.com/a b" .. token },
      ["option 'url' must be a string, not a number"] = { url = 5 },
      ["unknown option 'secrt'; did you mean 'secret'?"] =
        { url = "https://example.com/x", secrt = token },
      ["option 'timeout' must be more than 0"] =
        { url = "https://example.com/x", timeout = 0 },
    } do
      local ok, err = pcall(function()
        local send_it = notify.feishu(options)
        return send_it
      end)
      assert.is_false(ok, message)
      assert.matches("notify_sender_spec.lua:%d+: balance.notify.feishu: ",
        err)
      assert.is_truthy(err:find(message, 1, true), err)
      assert.is_nil(err:find(token, 1, true))
    end
    assert.has_error(function() notify.slack() end)
    assert.has_error(function()
      notify.slack { url = url "ok", secret = secret }
    end)
    for _, own in ipairs { "127.0.0.1:1", "127.9.9.9", "localhost", "[::1]:8" }
    do
      assert.is_function(notify.slack { url = "http://" .. own .. "/x" })
    end
    for _, other in ipairs { "localhost.example.com", "127.example.com",
      "127.0.0.1.example.com", "[::2]", "0.0.0.0", "a@localhost" } do
      assert.has_error(function()
        notify.slack { url = "http://" .. other .. "/x" }
      end)
    end
  end)

  it("raises what is no event, at the line that sends it", function()
    local send_it = notify.slack { url = url "ok" }
    local _, err = pcall(function()
      local sent = send_it { event = "test", account = "songs" }
      return sent
    end)
    assert.matches("notify_sender_spec.lua:%d+: balance.notify.slack: an event"
      .. " must have an 'alarm'", err)
    assert.same({}, requests())
  end)

  it("lets others run in cqueues while it waits", function()
    local controller, ended, ticks = cqueues.new(), {}, 0
    for name, service in pairs { slow = "slack", taken = "wecom" } do
      controller:wrap(function()
        local ok, err = send(service, name, { timeout = 0.5 })
        ended[name] = ok or err.kind
      end)
    end
    controller:wrap(function()
      while not ended.slow do
        cqueues.sleep(0.002)
        ticks = ticks + 1
      end
    end)
    assert(controller:loop())
    assert.same({ slow = "timeout", taken = true }, ended)
    assert.is_true(ticks > 20, ticks)
  end)

  it("tells of a monitor's alarm", function()
    local watching = require "support.watching"
    local world = watching.world { songs = 40 }
    local watched = watching.monitor(world, {
      alarms = { songs = { min = 50 } },
      notify = notify.slack { url = url "forbidden",
        ca_file = dir .. "/ca.pem" },
    })
    local account = watching.round(world, watched)
    assert.equal("slack: api: invalid_token (HTTP 403)",
      account.undelivered[1].message)
    assert.matches("songs %(udio%): 40 credits left", requests()[1])
  end)

  it("does not stop an nginx that sends it #nginx", function()
    local nginx = require "support.nginx"
    finally(nginx.finish)
    local worker = nginx.start { workers = 1, locations = {
      ["= /send"] = ([[
        local send = require("balance.notify").slack {
          url = "%s", ca_file = "%s/ca.pem", timeout = 2,
        }
        ngx.timer.at(0, function()
          local ok, err = send { event = "ok", alarm = "auth",
            account = "songs" }
          ngx.shared.notes:set("sent", tostring(ok or err.kind))
        end)
      ]]):format(url "slow", dir),
    } }
    worker:get "/send"
    local answered = 0
    nginx.await("the end", function()
      assert.equal("here", (worker:get "/unrelated"))
      answered = answered + 1
      return worker:note "sent"
    end)
    assert.equal("timeout", worker:note "sent")
    assert.is_true(answered > 20, answered)
  end)
end)
